import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.counts import margins, paired
from validate.stats.reuse import attempt_alpha, mixture_e_value, mixture_log_e_value


def test_endless_attempts_spend_alpha_once():
    assert sum(attempt_alpha(0.05, k) for k in range(1, 20_000)) == pytest.approx(0.05, abs=1e-5)
    assert sum(attempt_alpha(0.05, k) for k in range(1, 20_000)) < 0.05


def test_declared_attempts_share_alpha_until_they_are_used_up():
    assert [attempt_alpha(0.05, k, attempts=2) for k in (1, 2, 3)] == [0.025, 0.025, 0]


@pytest.mark.parametrize(("alpha", "attempt"), [(0.05, 0), (0, 1), (1.2, 1), (np.nan, 1)])
def test_attempts_count_from_one(alpha, attempt):
    with pytest.raises(ValueError, match="attempts"):
        attempt_alpha(alpha, attempt)


@pytest.mark.parametrize(("margin", "n"), [(0.01, 535), (0.02, 266), (0.05, 105), (0.1, 51)])
def test_examples_without_a_loss_that_suffice(margin, n):
    assert (mixture_e_value(0, 0, [n - 1, n], margin) >= 40).tolist() == [False, True]


@given(margins, st.floats(0, 0.2))
def test_at_the_margin_the_expected_value_of_one_example_is_at_most_one(margin, p_gain):
    p_loss = p_gain + margin
    if p_gain + p_loss <= 1:
        e = mixture_e_value([1, 0, 0], [0, 1, 0], [1, 1, 1], margin)
        assert e @ [p_gain, p_loss, 1 - p_gain - p_loss] == pytest.approx(1)


@given(paired(), margins)
def test_losses_speak_against(counts, margin):
    gains, losses, n = counts
    assert mixture_e_value(0, 0, 0, margin)[0] == pytest.approx(1)
    if gains + losses < n:
        assert mixture_log_e_value(gains, losses + 1, n, margin)[0] < mixture_log_e_value(gains, losses, n, margin)[0]


def test_huge_evidence_has_a_logarithm():
    assert mixture_e_value(10**6, 0, 10**7, 0.5)[0] == np.inf
    assert np.isfinite(mixture_log_e_value(10**6, 0, 10**7, 0.5)[0])
