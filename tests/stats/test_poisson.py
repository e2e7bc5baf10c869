import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from validate.stats.poisson import poisson_interval, poisson_sums, poisson_weights

VALUES = np.random.default_rng(0).normal(-0.05, 1, 2_000)
IDS = np.arange(2_000)


@settings(max_examples=20)
@given(st.integers(0, 2_000), st.integers(0, 2**32))
def test_order_and_cut_do_not_matter(cut, seed):
    order = np.random.default_rng(seed).permutation(2_000)
    first, rest = order[:cut], order[cut:]
    whole = poisson_sums(VALUES, IDS, seed=5, replicates=50)
    joined = poisson_sums(VALUES[first], first, seed=5, replicates=50) + poisson_sums(
        VALUES[rest], rest, seed=5, replicates=50
    )
    assert joined.n == whole.n
    np.testing.assert_array_equal(joined.weights, whole.weights)
    np.testing.assert_allclose(joined.weighted, whole.weighted, atol=1e-9)


def test_weights_depend_on_seed_cluster_and_replicate_alone():
    clusters = np.array([3, 9, 3, 10**15])
    weights = poisson_weights(clusters, seed=1, replicates=30)
    np.testing.assert_array_equal(weights[0], weights[2])
    np.testing.assert_array_equal(weights[:, :10], poisson_weights(clusters, seed=1, replicates=10))
    assert not np.array_equal(weights, poisson_weights(clusters, seed=2, replicates=30))
    assert not np.array_equal(weights[0], weights[1])


def test_weights_are_poisson_and_independent():
    weights = poisson_weights(np.arange(3_000), seed=7, replicates=40)
    counts = np.bincount(weights.ravel().astype(int), minlength=8)[:8]
    expected = stats.poisson.pmf(np.arange(8), 1)
    assert stats.chisquare(counts, expected / expected.sum() * counts.sum()).pvalue > 1e-4
    between = np.corrcoef(weights, rowvar=False)[np.triu_indices(40, 1)]
    assert np.abs(between).max() < 5 / np.sqrt(3_000)
    neighbours = np.corrcoef(weights[:-1].ravel(), weights[1:].ravel())[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(weights.size)


def test_the_interval_is_near_students():
    found = poisson_interval(poisson_sums(VALUES, IDS, seed=3, replicates=2_000))
    expected = stats.ttest_1samp(VALUES, 0).confidence_interval()
    assert found.estimate == pytest.approx(VALUES.mean())
    assert found.low == pytest.approx(expected.low, abs=0.005)
    assert found.high == pytest.approx(expected.high, abs=0.005)
    assert "2,000 replicates, seed 3" in found.method


def test_clusters_widen_the_interval():
    values = np.repeat(VALUES[:200], 10)
    plain, clustered = (poisson_interval(poisson_sums(values, ids, seed=3, replicates=500)) for ids in (IDS, IDS // 10))
    assert clustered.high - clustered.low > 2.5 * (plain.high - plain.low)


@pytest.mark.parametrize("values", [[], VALUES[:199], np.full(500, 0.1), np.zeros(500)], ids=len)
def test_too_few_or_no_variance_decides_nothing(values):
    found = poisson_interval(poisson_sums(values, np.arange(len(values)), seed=0, replicates=100))
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert np.isnan(found.estimate) == (len(values) == 0)


@pytest.mark.parametrize(("clusters", "decides"), [(2_000, True), (200, True), (50, False), (1, False)])
def test_few_clusters_decide_nothing_however_many_examples(clusters, decides):
    found = poisson_interval(poisson_sums(VALUES, IDS % clusters, seed=0, replicates=500))
    assert np.isfinite(found.low) == decides


@pytest.mark.parametrize("values", [[0.1, np.nan], [0.1]], ids=str)
def test_bad_values_are_refused(values):
    with pytest.raises(ValueError, match="finite"):
        poisson_sums(values, np.arange(2), seed=0, replicates=10)


@pytest.mark.parametrize(("seed", "replicates"), [(1, 10), (0, 20)])
def test_shards_of_other_draws_do_not_join(seed, replicates):
    one = poisson_sums([0.1], np.arange(1), seed=0, replicates=10)
    with pytest.raises(ValueError, match="shards"):
        _ = one + poisson_sums([0.1], np.arange(1), seed=seed, replicates=replicates)
