import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.counts import margins, paired
from validate.stats.noninferiority import smallest_n
from validate.stats.reuse import attempt_alpha, mixture_e_value, mixture_log_e_value


def test_endless_attempts_spend_no_more_than_alpha():
    spent = np.cumsum([attempt_alpha(0.025, k) for k in range(1, 2000)])
    assert 0.0249 < spent[-1] < 0.025


@given(st.integers(1, 50), st.floats(0.001, 0.2))
def test_declared_attempts_share_alpha_and_then_there_is_none(attempts, alpha):
    shares = [attempt_alpha(alpha, k, attempts=attempts) for k in range(1, attempts + 1)]
    assert sum(shares) == pytest.approx(alpha)
    assert len(set(shares)) == 1
    assert attempt_alpha(alpha, attempts + 1, attempts=attempts) == 0


def test_spending_makes_the_tenth_attempt_dear():
    assert smallest_n(0.02, level=1 - 2 * attempt_alpha(0.025, 10)) == 640


@pytest.mark.parametrize(
    ("alpha", "attempt", "attempts"), [(0.025, 0, None), (0, 1, None), (1, 1, None), (np.nan, 1, None), (0.025, 1, 0)]
)
def test_impossible_attempts_are_refused(alpha, attempt, attempts):
    with pytest.raises(ValueError, match="attempts"):
        attempt_alpha(alpha, attempt, attempts=attempts)


@given(paired(), margins, st.integers(1, 60))
def test_the_e_value_is_a_mean_of_products_of_bets(counts, margin, bets):
    gains, losses, n = counts
    changes = np.repeat([1, -1, 0], [gains, losses, n - gains - losses])
    sizes = (np.arange(1, bets + 1) - 0.5) / bets / (1 - margin)
    wealth = np.prod(1 + sizes[:, None] * (changes + margin), axis=1)
    assert mixture_e_value(*counts, margin, bets=bets)[0] == pytest.approx(wealth.mean(), rel=1e-9)


@given(margins, st.floats(0, 1), st.floats(0, 1))
def test_one_example_at_the_margin_is_a_fair_bet(margin, share, spread):
    """E(e) = 1 where the change is -margin, whatever the churn: what makes e >= 1 / alpha a valid PASS."""
    p_gain = share * spread * (1 - margin) / 2
    p_loss = p_gain + margin
    e = mixture_e_value([1, 0, 0], [0, 1, 0], [1, 1, 1], margin)
    assert e @ [p_gain, p_loss, 1 - p_gain - p_loss] == pytest.approx(1)


@given(paired(), margins)
def test_a_loss_lowers_and_an_example_without_a_flip_raises_it(counts, margin):
    gains, losses, n = counts
    lost, before, rested = mixture_log_e_value(gains, [losses + 1, losses, losses], [n + 1, n, n + 1], margin)
    assert lost < before < rested


def test_how_many_examples_without_a_loss_it_takes():
    for margin, n in ((0.01, 535), (0.02, 266), (0.05, 105), (0.1, 51)):
        e = mixture_e_value(0, 0, [n - 1, n], margin)
        assert e[0] < 40 <= e[1]


def test_without_examples_there_is_no_evidence():
    assert mixture_e_value(0, 0, 0, 0.02)[0] == pytest.approx(1)


def test_evidence_beyond_floats_has_a_logarithm():
    assert mixture_e_value(10**6, 0, 10**7, 0.02)[0] == np.inf
    assert np.isfinite(mixture_log_e_value(10**6, 0, 10**7, 0.02)[0])


@pytest.mark.slow
@pytest.mark.parametrize(("margin", "p_gain"), [(0.02, 0.0), (0.02, 0.01), (0.05, 0.02), (0.1, 0.05)])
def test_looking_after_every_example_passes_a_bad_model_rarely(margin, p_gain):
    """4,000 runs of 1,000 examples at the margin; the Monte-Carlo error of a rate of .025 is .0025."""
    rng = np.random.default_rng(11)
    runs, length = 4_000, 1_000
    passed = 0
    for _ in range(runs):
        drawn = rng.random(length)
        gains = np.cumsum(drawn < p_gain)
        losses = np.cumsum(drawn >= 1 - p_gain - margin)
        passed += mixture_log_e_value(gains, losses, np.arange(1, length + 1), margin).max() >= np.log(40)
    assert passed / runs <= 0.025
