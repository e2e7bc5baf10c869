"""Rounding never crosses a limit, and nothing unreadable passes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate import wording
from validate.stats.results import Interval


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        (-0.0199996, -0.02, "−1.99996"),
        (-0.0200004, -0.02, "−2.00004"),
        (-0.02, -0.02, "−2.00"),
        (-0.0123, -0.02, "−1.23"),
        (0.004, -0.02, "+0.40"),
        (-1e-9, -0.02, "0.00"),
    ],
)
def test_change_keeps_its_side_of_the_limit(value, limit, text):
    assert wording.change(value, rate=True, limit=limit) == text


@given(st.floats(-1, 1), st.floats(0.001, 0.5))
def test_displayed_limits_decide_as_the_real_ones(low, margin):
    shown = float(wording.change(low, rate=True, limit=-margin).replace("−", "-").replace("+", "")) / 100
    if abs(low + margin) > 1e-9:
        assert (shown > -margin) == (low > -margin)


def test_interval_reads_from_low_to_high():
    found = Interval(estimate=-0.01, low=-0.02, high=math.inf, level=0.95, method="m")
    assert wording.interval(found, rate=True, margin=0.02) == "−2.00 to +∞"
    assert wording.interval(found, rate=False) == "−0.0200 to +∞"


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0, "< 1e-300"), (1e-9, "< 0.0001"), (0.00123, "0.0012"), (0.5, "0.500"), (None, "–"), (math.nan, "–")],
)
def test_p_values_are_never_zero(p, text):
    assert wording.p_value(p) == text


@pytest.mark.parametrize(("part", "text"), [(0, "0.0 %"), (0.0001, "< 0.1 %"), (0.0512, "5.1 %"), (math.nan, "–")])
def test_what_is_there_is_never_written_as_nothing(part, text):
    assert wording.share(part) == text


@pytest.mark.parametrize(("n", "text"), [(0, ""), (1, "a0"), (2, "a0 and a1"), (6, "a0, a1, a2, a3, a4 and 1 more")])
def test_listing(n, text):
    assert wording.listing([f"a{i}" for i in range(n)]) == text


@given(st.text())
def test_clean_is_idempotent_and_encodable(text):
    once = wording.clean(text)
    assert wording.clean(once) == once
    assert not set(once) & {chr(c) for c in range(32)} - set("\t\n\r")


def test_clean_replaces_lone_surrogates():
    assert wording.clean("a\ud800\x00b") == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    ("value", "rate", "text"), [(0.02, True, "2 points"), (0.0155, True, "1.55 points"), (0.1, False, "0.1")]
)
def test_margin_names_its_unit(value, rate, text):
    assert wording.margin(value, rate=rate) == text


@pytest.mark.parametrize(
    ("smallest", "rate", "text"),
    [(0.02391, True, "2.4 points"), (0.02, True, "2 points"), (0.012345, False, "0.01235"), (math.inf, True, "–")],
)
def test_a_smallest_margin_is_rounded_up(smallest, rate, text):
    assert wording.enough(smallest, rate=rate) == text
