import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validate.stats.poisson import poisson_interval, poisson_sums, poisson_weights


@settings(max_examples=25)
@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 300), max_size=3), st.randoms(use_true_random=False))
def test_neither_order_nor_shards_matter(seed, cuts, random):
    n = 300
    values, clusters = np.sin(np.arange(n)), np.arange(n) // 2
    whole = poisson_sums(values, clusters, seed=seed, replicates=20)
    order = np.array(random.sample(range(n), n))
    parts = [poisson_sums(values[i], clusters[i], seed=seed, replicates=20) for i in np.split(order, sorted(cuts))]
    joined = parts[0]
    for part in parts[1:]:
        joined += part
    assert joined.n == n
    np.testing.assert_allclose(joined.weights, whole.weights)
    np.testing.assert_allclose(joined.weighted, whole.weighted, atol=1e-9)


def test_weights_are_poisson_and_independent():
    weights = poisson_weights(np.arange(500), seed=7, replicates=400)
    assert weights.mean() == pytest.approx(1, abs=0.01)
    assert weights.var() == pytest.approx(1, abs=0.02)
    assert (weights == 0).mean() == pytest.approx(np.exp(-1), abs=0.005)
    correlation = np.corrcoef(weights)
    assert np.abs(correlation[np.triu_indices(500, 1)]).max() < 6 / np.sqrt(400)
    assert np.abs(np.corrcoef(weights.T)[np.triu_indices(400, 1)]).max() < 6 / np.sqrt(500)


def test_seeds_differ_and_a_cluster_shares_its_weights():
    one, other = (poisson_weights(np.array([4, 4, 5]), seed=seed, replicates=50) for seed in (1, 2))
    assert np.array_equal(one[0], one[1])
    assert not np.array_equal(one[0], one[2])
    assert not np.array_equal(one, other)


def test_the_interval_is_that_of_the_mean():
    values = np.random.default_rng(0).normal(0.3, 1, 2000)
    found = poisson_interval(poisson_sums(values, np.arange(2000), seed=1, replicates=1000))
    half = 1.96 / np.sqrt(2000)
    assert found.estimate == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)
    assert "1,000 replicates, seed 1" in found.method


@pytest.mark.parametrize("values", [np.arange(199.0), np.full(500, 0.1), np.zeros(0)], ids=len)
def test_too_little_decides_nothing(values):
    found = poisson_interval(poisson_sums(values, np.arange(len(values)), seed=1, replicates=100))
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_shards_of_other_seeds_are_refused():
    one, other = (poisson_sums([1.0], np.array([0]), seed=seed, replicates=9) for seed in (1, 2))
    with pytest.raises(ValueError, match="seed"):
        _ = one + other
    with pytest.raises(ValueError, match="finite"):
        poisson_sums([np.nan], np.array([0]), seed=1, replicates=9)
