import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from validate.stats.clusters import (
    ClusterSums,
    cluster_se,
    cluster_sums,
    cluster_sums_of,
    deff_tango_interval,
    durkalski,
    independent_worth,
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
    sums = cluster_sums(np.ones(40), np.ones(40), np.full(40, 4))
    found, published = deff_tango_interval(sums), deff_tango_interval(sums, few_clusters=False)
    assert found.deff[0] == pytest.approx(0)
    assert published.interval[0].low == tango_interval(40, 40, 160).low[0]
    assert found.interval[0].low == tango_interval(2.5, 2.5, 40).low[0]  # as many flips as independent ones would show


def test_clusters_of_unequal_size_are_worth_less():
    found = deff_tango_interval(cluster_sums(np.zeros(50), np.zeros(50), np.repeat([1, 19], 25)))
    assert found.n[0] == pytest.approx(500**2 / (25 * (1 + 19**2)))
    assert independent_worth(np.repeat([1, 19], 25)) == pytest.approx(found.n[0])
    assert (independent_worth(np.full(7, 3)), independent_worth(np.array([], dtype=np.int64))) == (7, 0)


def test_many_flips_that_are_not_alike_do_not_make_a_lost_cluster_impossible():
    """400 flips spread evenly over 20 clusters of 100 look independent; a cluster in ten may still be lost whole."""
    sums = cluster_sums(np.full(20, 10), np.full(20, 10), np.full(20, 100))
    assert deff_tango_interval(sums, few_clusters=False).interval[0].low > -0.05
    assert deff_tango_interval(sums).interval[0].low < -0.1


@given(st.integers(10, 80), st.integers(1, 12), st.data())
def test_no_cluster_is_worth_more_than_one_example(k, size, data):
    lost = data.draw(arrays(np.int64, k, elements=st.integers(0, size)))
    gained = data.draw(arrays(np.int64, k, elements=st.integers(0, size))) % (size - lost + 1)
    found = deff_tango_interval(cluster_sums(gained, lost, np.full(k, size)))
    assert found.n[0] <= k * (1 + 1e-9)
    one = found.interval[0]
    assert -1 <= one.low <= one.estimate <= one.high <= 1


RUNS = 2000


def flipping(rng, sizes, gain, loss, alike):
    """Gains and losses of many runs' clusters (RUNS, K), which flip as one with probability `alike`, else one by one."""
    whole, u = rng.random((RUNS, len(sizes))) < alike, rng.random((RUNS, len(sizes)))
    gained = rng.binomial(sizes, gain, size=whole.shape)
    lost = rng.binomial(sizes - gained, loss / (1 - gain))
    return (
        np.where(whole, np.where(u < gain, sizes, 0), gained),
        np.where(whole, np.where((u >= gain) & (u < gain + loss), sizes, 0), lost),
    )


def hidden(rng, sizes, loss, churn):
    """The same where whole clusters are lost, and all other flips come one by one and look independent."""
    down = rng.random((RUNS, len(sizes))) < loss
    gained = rng.binomial(sizes, churn / 2, size=down.shape)
    lost = rng.binomial(sizes - gained, churn / 2 / (1 - churn / 2))
    return np.where(down, 0, gained), np.where(down, sizes, lost)


def passing(gained, lost, sizes, margin, **options):
    """Share of the runs whose interval lies above -margin."""
    net = gained - lost
    sums = ClusterSums(
        clusters=np.full(len(net), float(len(sizes))),
        n=np.full(len(net), float(sizes.sum())),
        gains=gained.sum(axis=1).astype(float),
        losses=lost.sum(axis=1).astype(float),
        squares=(net**2).sum(axis=1).astype(float),
        products=(net @ sizes).astype(float),
        sizes=np.full(len(net), float(sizes @ sizes)),
        flipped=np.count_nonzero(gained + lost, axis=1).astype(float),
        better=np.count_nonzero(net > 0, axis=1).astype(float),
        worse=np.count_nonzero(net < 0, axis=1).astype(float),
    )
    return float(np.mean(deff_tango_interval(sums, **options).interval.low > -margin))


SIZES = {"2": [2], "10": [10], "20": [20], "1 to 20": [1, 1, 2, 2, 3, 3, 5, 8, 12, 20], "2 and 20": [2] * 9 + [20]}


@pytest.mark.slow
@pytest.mark.parametrize("k", [10, 20, 50, 100, 200, 500])
def test_a_slice_of_clusters_at_its_margin_passes_at_most_at_the_nominal_rate(k):
    """False PASS over sizes, margins, churn and every degree of likeness: nominal .025, the simulation's error .0035.

    The largest of the 165 cells of one K lies nearly three such errors above the truth by chance alone.
    """
    rng, rates = np.random.default_rng(k), []
    for pattern, margin in itertools.product(SIZES.values(), (0.02, 0.05, 0.10)):
        sizes = np.resize(pattern, k)
        drawn = [flipping(rng, sizes, gain, gain + margin, alike) for gain in (0.0, 0.02) for alike in (0, 0.2, 0.6, 1)]
        drawn += [hidden(rng, sizes, margin, churn) for churn in (0.005, 0.02, 0.10)]
        rates += [passing(*flips, sizes, margin) for flips in drawn]
    error = np.sqrt(0.025 * 0.975 / RUNS)
    assert max(rates) <= 0.025 + 3.5 * error
    assert np.mean(rates) <= 0.025


@pytest.mark.slow
def test_the_published_interval_passes_too_easily_where_clusters_flip_whole():
    """What the safe interval is for; and where clusters are many it costs little."""
    rng, sizes = np.random.default_rng(1), np.full(20, 10)
    gained, lost = hidden(rng, sizes, 0.10, 0.05)
    assert passing(gained, lost, sizes, 0.10, few_clusters=False) > 0.08
    assert passing(gained, lost, sizes, 0.10) <= 0.035
    many = np.full(500, 5)
    unchanged = flipping(rng, many, 0.025, 0.025, 0)
    assert passing(*unchanged, many, 0.02) >= 0.90  # independent examples: .99


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
