"""Ratios of times and of accuracies: laws, and coverage of a known truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.stats.ratios import _percentiles, interleaved, retained_interval


def times(seed, rounds=20, calls=5):
    return np.random.default_rng(seed).lognormal(-6, 0.3, (rounds, calls))


def ratio(dense, compressed, share=0.5, seed=3):
    return interleaved(dense, compressed, share, np.random.default_rng(seed))


@given(st.integers(0, 50), st.floats(1e-3, 1e3), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_slower_clock_changes_no_ratio(seed, factor, share):
    dense, compressed = times(seed), times(seed + 100)
    before, after = ratio(dense, compressed, share), ratio(factor * dense, factor * compressed, share)
    for a, b, scale in zip(before, after, (factor, factor, 1), strict=True):
        np.testing.assert_allclose([b.estimate, b.low, b.high], np.multiply(scale, [a.estimate, a.low, a.high]))


@given(st.integers(0, 50), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]), st.integers(2, 40), st.integers(1, 9))
def test_resampled_percentiles_are_those_of_the_rounds_put_together(seed, share, rounds, calls):
    found, drawn = times(seed, rounds, calls), np.random.default_rng(seed).integers(rounds, size=(20, rounds))
    whole = np.quantile(found[drawn].reshape(20, -1), share, axis=1)
    np.testing.assert_allclose(_percentiles(found, drawn, share), whole, rtol=1e-12)


@given(st.integers(0, 50))
def test_exchanging_the_models_turns_the_ratio_over(seed):
    dense, compressed = times(seed), times(seed + 100)
    one, other = ratio(dense, compressed)[2], ratio(compressed, dense)[2]
    np.testing.assert_allclose(
        [other.estimate, other.low, other.high], [1 / one.estimate, 1 / one.high, 1 / one.low], rtol=1e-3
    )


def test_twice_as_slow_in_every_round_is_exactly_twice():
    dense = times(1)
    found = ratio(dense, 2 * dense)[2]
    assert (found.low, found.estimate, found.high) == pytest.approx((2, 2, 2))


def test_a_slow_while_that_hits_both_models_hides_nothing():
    slow = np.where(np.arange(20) < 8, 30.0, 1.0)[:, None]
    found = ratio(times(1) * slow, 0.5 * times(2) * slow)[2]
    assert found.high < 1


def test_the_same_seed_gives_the_same_interval():
    assert ratio(times(1), times(2)) == ratio(times(1), times(2))


def test_the_true_ratio_is_mostly_covered():
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        weather = rng.lognormal(0, 0.5, (25, 1))
        dense, compressed = (factor * weather * rng.lognormal(0, 0.1, (25, 4)) for factor in (1.0, 0.8))
        found = ratio(dense, compressed, seed=seed)[2]
        covered += found.low <= 0.8 <= found.high
    assert covered >= 88


def test_few_rounds_cover_it_as_well():
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        weather = rng.lognormal(0, 0.5, (6, 1))
        dense, compressed = (factor * weather * rng.lognormal(0, 0.1, (6, 1)) for factor in (1.0, 0.8))
        found = ratio(dense, compressed, seed=seed)[2]
        covered += found.low <= 0.8 <= found.high
    assert covered >= 190  # the plain percentiles cover it 188 times


@pytest.mark.parametrize(
    ("dense", "compressed"),
    [([[1.0]], [[1.0]]), ([[1.0], [1.0]], [[1.0]]), ([[1.0], [0.0]], [[1.0], [1.0]]), ([[np.nan], [1]], [[1], [1]])],
)
def test_times_that_are_none(dense, compressed):
    with pytest.raises(ValueError, match=r"both models|times must"):
        ratio(dense, compressed)


@given(st.integers(1, 500), st.integers(0, 60), st.integers(0, 60), st.integers(0, 200))
def test_accuracy_retained(both, gains, losses, neither):
    n = both + gains + losses + neither
    found = retained_interval(both, gains, losses, n)[0]
    assert found.estimate == pytest.approx((both + gains) / (both + losses))
    assert 0 <= found.low <= found.estimate <= found.high
    turned = retained_interval(both, losses, gains, n)[0]
    assert (1 / turned.high, 1 / turned.low) == pytest.approx((found.low, found.high))
