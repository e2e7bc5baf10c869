import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from validate.stats.clusters import (
    cluster_se,
    cluster_sums,
    cluster_sums_of,
    deff_tango_interval,
    durkalski,
    modified_obuchowski,
    obuchowski,
    sign_test_clusters,
)
from validate.stats.paired import tango_interval


def repeated(gains, losses, n, times):
    """Sums of clusters with every example `times` times."""
    d = np.repeat([1, -1, 0], [gains, losses, n - gains - losses])
    return cluster_sums(times * (d > 0), times * (d < 0), np.full(n, times))


@given(st.integers(30, 200), st.integers(5, 9), st.integers(0, 9), st.integers(2, 6))
def test_copies_of_examples_say_no_more_than_the_examples(n, losses, gains, times):
    copied = deff_tango_interval(repeated(gains, losses, n, times)).interval[0]
    single = tango_interval(gains, losses, n)[0]
    assert copied.estimate == pytest.approx(single.estimate)
    assert copied.high - copied.low == pytest.approx(single.high - single.low, rel=0.04)
    assert copied.high - copied.low >= single.high - single.low - 1e-12


def test_clusters_of_one_are_no_clusters():
    found = deff_tango_interval(repeated(1, 2, 7, 1))
    assert found.interval[0].low == tango_interval(1, 2, 7).low[0]
    assert found.n[0] == 7


def test_too_few_flips_count_each_cluster_once():
    found = deff_tango_interval(repeated(0, 0, 40, 25))
    assert found.n[0] == 40
    assert np.isnan(found.deff[0])
    assert found.interval[0].low == tango_interval(0, 0, 40).low[0]


@pytest.mark.parametrize("clusters", [1, 2, 9])
def test_fewer_than_ten_clusters_decide_nothing(clusters):
    found = deff_tango_interval(repeated(0, 0, clusters, 10_000)).interval[0]
    assert (found.low, found.high) == (-1, 1)


def test_few_clusters_are_less_certain():
    few, many = (deff_tango_interval(repeated(0, 6, k, 3)).interval[0] for k in (29, 30))
    assert few.low < many.low


def test_negative_correlation_never_narrows():
    """Each cluster gains one and loses one: its net is 0, and so would be the standard error."""
    found = deff_tango_interval(cluster_sums(np.ones(40), np.ones(40), np.full(40, 4)))
    assert found.deff[0] == pytest.approx(0)
    assert found.interval[0].low == tango_interval(40, 40, 160).low[0]


def test_everything_lost_is_not_certain():
    found = deff_tango_interval(cluster_sums(np.zeros(20), np.full(20, 3), np.full(20, 3))).interval[0]
    assert (found.low, found.estimate) == (-1, -1)
    assert -1 < found.high < 0


def test_no_clusters_at_all():
    sums = cluster_sums([], [], [])
    found = deff_tango_interval(sums).interval[0]
    assert np.isnan(found.estimate)
    assert (found.low, found.high) == (-1, 1)
    assert sign_test_clusters(sums)[0] == 1
    assert np.isnan(obuchowski(sums)[0])
    assert np.isnan(durkalski([], [], []))


def test_a_cluster_counts_once_in_the_sign_test():
    sums = cluster_sums([0, 1, 0], [50, 0, 3], [60, 2, 3])
    assert sign_test_clusters(sums)[0] == 0.5  # two worse, one better


def test_equal_clusters_agree_on_the_chi_square():
    gains, losses, n = np.array([1, 0, 0, 2, 0] * 4), np.array([0, 2, 1, 0, 0] * 4), np.full(20, 5)
    sums = cluster_sums(gains, losses, n)
    assert durkalski(gains, losses, n) == pytest.approx(obuchowski(sums)[0] * 20 / 19)
    assert modified_obuchowski(sums)[0] >= obuchowski(sums)[0]


@given(arrays(np.int64, 60, elements=st.integers(0, 12)), arrays(np.int8, 60, elements=st.integers(-1, 1)), st.data())
def test_sums_of_slices_are_sums_over_their_clusters(clusters, d, data):
    masks = [data.draw(arrays(np.bool_, 60)) for _ in range(3)]
    found = cluster_sums_of(clusters, d > 0, d < 0, masks)
    for i, inside in enumerate(masks):
        groups = [d[inside & (clusters == k)] for k in np.unique(clusters[inside])]
        nets, sizes = np.array([x.sum() for x in groups]), np.array([len(x) for x in groups])
        assert found.clusters[i] == len(groups)
        assert found.n[i] == inside.sum()
        assert found.squares[i] == (nets**2).sum()
        assert found.products[i] == (nets * sizes).sum()
        assert found.sizes[i] == (sizes**2).sum()
        assert found.flipped[i] == sum(np.any(x != 0) for x in groups)
        assert (found.better[i], found.worse[i]) == ((nets > 0).sum(), (nets < 0).sum())


def test_the_standard_error_is_that_of_a_regression_with_clusters():
    random = np.random.default_rng(0)
    clusters, d = random.integers(0, 25, 200), random.choice([-1, 0, 1], 200, p=[0.2, 0.7, 0.1])
    found = cluster_se(cluster_sums_of(clusters, d > 0, d < 0, [np.ones(200, dtype=bool)]))[0]
    from statsmodels.api import OLS

    model = OLS(d, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    assert found == pytest.approx(model.bse[0] * np.sqrt(199 / 200), rel=0.01)
