import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.counts import levels, margins, paired
from validate.outcome import Outcome
from validate.stats.noninferiority import (
    beyond_margin_p,
    classify,
    classify_ratio,
    error_ratio_interval,
    flips_to_change,
    melded_p,
    noninferiority_p,
    smallest_margin,
    smallest_n,
)
from validate.stats.paired import melded_interval, tango_interval
from validate.stats.significance import sign_test

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (-0.01, 0.01, PASS),
        (0.01, 0.02, PASS),
        (-0.05, -0.021, FAIL),
        (-0.05, 0.05, OPEN),
        (-0.02, 0.01, OPEN),  # equality decides nothing
        (-0.05, -0.02, OPEN),
        (np.nan, np.nan, OPEN),
        (-np.inf, np.inf, OPEN),
    ],
)
def test_the_three_outcomes(low, high, outcome):
    assert classify(low, high, 0.02) == [outcome]


def test_slices_may_have_their_own_margins():
    assert classify([-0.03, -0.03], [0.1, 0.1], [0.02, 0.05]) == [OPEN, PASS]
    assert classify([], [], 0.02) == []


@pytest.mark.parametrize("margin", [np.nan, -0.1, np.inf])
def test_a_margin_must_be_one(margin):
    with pytest.raises(ValueError, match="margin"):
        classify(0, 0.1, margin)


def test_ratios_are_judged_upwards():
    assert classify_ratio([0.9, 1.2, 0.9, 1.0], [1.05, 1.4, 1.3, 1.1], 1.1) == [PASS, FAIL, OPEN, OPEN]
    with pytest.raises(ValueError, match="ratio"):
        classify_ratio(1, 1, 0.9)


@given(paired(), margins, levels)
def test_p_and_interval_tell_the_same(counts, margin, level):
    low = tango_interval(*counts, level=level).low[0]
    p = noninferiority_p(*counts, margin)[0]
    if abs(low + margin) > 1e-9:
        assert (low > -margin) == (p < (1 - level) / 2)


@given(paired(most=150), margins, levels)
def test_melded_p_and_interval_tell_the_same(counts, margin, level):
    found = melded_interval(*counts, level=level)[0]
    alpha = (1 - level) / 2
    if abs(found.low + margin) > 1e-7:
        assert (found.low > -margin) == (melded_p(*counts, margin)[0] < alpha)
    if abs(found.high + margin) > 1e-7:
        assert (found.high < -margin) == (beyond_margin_p(*counts, margin)[0] < alpha)


@given(paired())
def test_at_margin_zero_beyond_the_margin_is_the_sign_test(counts):
    assert beyond_margin_p(*counts, 0)[0] == pytest.approx(sign_test(*counts[:2])[0], rel=1e-9)


@given(margins, levels, st.booleans())
def test_smallest_n_is_the_smallest(margin, level, exact):
    n = smallest_n(margin, level=level, exact=exact)
    interval = melded_interval if exact else tango_interval
    low = interval(0, 0, [n - 1, n], level=level).low if n > 1 else np.array([-1, -margin / 2])
    assert classify(low, [1, 1], margin) == [OPEN, PASS]


def test_smallest_n_of_common_margins():
    assert [smallest_n(m) for m in (0.01, 0.02, 0.05, 0.1)] == [381, 189, 73, 35]
    assert [smallest_n(m, level=0.9) for m in (0.01, 0.02, 0.05, 0.1)] == [268, 133, 52, 25]


@pytest.mark.parametrize("margin", [0, 1, -0.1, np.nan])
def test_smallest_n_needs_a_margin(margin):
    with pytest.raises(ValueError, match="margin"):
        smallest_n(margin)


def test_a_gain_helps_a_little():
    assert classify(tango_interval(1, 0, 150).low, [1], 0.02) == [PASS]
    assert smallest_n(0.02) > 150


@given(paired())
def test_just_above_the_smallest_margin_a_slice_passes(counts):
    low = tango_interval(*counts).low
    margin = smallest_margin(low)
    assert classify(low, [1], margin + 1e-9) == [PASS]
    assert margin[0] == 0 or classify(low, [1], margin) == [OPEN]


@given(paired(), margins, levels)
def test_that_many_flips_change_the_outcome(counts, margin, level):
    gains, losses, n = counts
    flips = flips_to_change(gains, losses, n, margin, level=level)[0]

    def passes(lost):
        return tango_interval(gains, lost, n, level=level).low[0] > -margin

    if np.isnan(flips):
        assert not passes(0)
    elif flips == np.inf:
        assert passes(n - gains)
    elif flips > 0:
        assert passes(losses + flips - 1)
        assert not passes(losses + flips)
    else:
        assert not passes(losses + flips + 1)
        assert passes(losses + flips)


@given(paired(), st.data(), levels)
def test_the_error_ratio_mirrors(counts, data, level):
    gains, losses, n = counts
    wrong = data.draw(st.integers(0, n - gains - losses))
    one = error_ratio_interval(wrong, gains, losses, n, level=level)[0]
    other = error_ratio_interval(wrong, losses, gains, n, level=level)[0]
    assert one.low <= one.high
    if wrong + gains and wrong + losses:
        assert one.low <= one.estimate <= one.high
        assert one.estimate == pytest.approx(1 / other.estimate)
        assert one.low == pytest.approx(1 / other.high)


def test_the_error_ratio_without_errors():
    none, only_compressed, only_dense = (
        error_ratio_interval(0, g, lost, 10)[0] for g, lost in ((0, 0), (0, 3), (3, 0))
    )
    assert np.isnan(none.estimate)
    assert (none.low, none.high) == (0, np.inf)
    assert (only_compressed.estimate, only_compressed.high) == (np.inf, np.inf)
    assert (only_dense.estimate, only_dense.low) == (0, 0)
    assert classify_ratio(none.low, none.high, 1.1) == [OPEN]


def test_more_errors_than_examples_are_refused():
    with pytest.raises(ValueError, match="cannot be more"):
        error_ratio_interval(8, 2, 1, 10)
