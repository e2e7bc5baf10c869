import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from validate.stats.bootstrap import bootstrap, mean_bootstrap_interval, mean_bootstrap_se

VALUES = np.random.default_rng(0).exponential(size=60)


def rng():
    return np.random.default_rng(5)


@given(arrays(np.float64, 4, elements=st.integers(-3, 3).map(float)))
def test_the_standard_error_of_a_mean_is_that_of_all_resamples(values):
    means = [np.mean(drawn) for drawn in itertools.product(values, repeat=4)]
    assert mean_bootstrap_se(values) == pytest.approx(np.std(means), abs=1e-12)


def test_clusters_of_one_size_likewise():
    clusters = [[-1.0, -1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    means = [np.mean(drawn) for drawn in itertools.product(clusters, repeat=4)]
    assert mean_bootstrap_se(np.ravel(clusters), clusters=np.repeat(np.arange(4), 2)) == pytest.approx(np.std(means))


def test_a_mean_by_values_as_by_rows():
    values = np.random.default_rng(4).standard_normal(400)
    by_rows = bootstrap(lambda rows: float(values[rows].mean()), 400, resamples=4_999, rng=rng())
    by_values = mean_bootstrap_interval(values, resamples=4_999, rng=rng())
    assert by_rows.interval.low == pytest.approx(by_values.low, abs=0.01)
    assert by_rows.interval.high == pytest.approx(by_values.high, abs=0.01)


def test_standard_error_and_bias_of_the_resamples():
    by_rows = bootstrap(lambda rows: float(VALUES[rows].mean()), 60, resamples=999, rng=rng())
    assert by_rows.se == pytest.approx(mean_bootstrap_se(VALUES), rel=0.05)
    assert abs(by_rows.bias) < 0.01
    assert by_rows.units == 60


def log_ratio(dense, compressed):
    return lambda rows: float(np.log(compressed[rows].mean() / dense[rows].mean()))


def test_both_models_are_computed_from_the_same_rows():
    compressed = VALUES * 1.1 + np.arange(60) % 2 * 0.01
    ratio = bootstrap(log_ratio(VALUES, compressed), 60, resamples=199, rng=rng())
    assert ratio.interval.estimate == pytest.approx(np.log(1.1), abs=0.01)
    assert ratio.se < 0.01 < mean_bootstrap_se(VALUES) / VALUES.mean()  # what pairs share drops out


def test_a_ratio_that_only_rounding_varies_decides_nothing():
    found = bootstrap(log_ratio(VALUES, VALUES * 1.1), 60, resamples=99, rng=rng())
    assert (found.interval.low, found.interval.high) == (-np.inf, np.inf)


def test_clusters_are_drawn_whole():
    clusters = np.repeat(np.arange(20), 3)
    values = np.repeat(np.arange(20.0), 3)
    seen = []

    def statistic(rows):
        seen.append(np.unique(np.bincount(clusters[rows], minlength=20) % 3))
        return float(values[rows].mean())

    found = bootstrap(statistic, 60, resamples=99, rng=rng(), clusters=clusters)
    assert all(remainders.tolist() == [0] for remainders in seen)
    assert found.units == 20
    assert found.se == pytest.approx(mean_bootstrap_se(values, clusters=clusters), rel=0.3)


def test_cluster_numbers_and_order_do_not_matter():
    codes = np.arange(60) % 15
    order = np.random.default_rng(1).permutation(60)
    named = mean_bootstrap_interval(VALUES, resamples=199, rng=rng(), clusters=codes * 1_000_003)
    shuffled = mean_bootstrap_interval(VALUES[order], resamples=199, rng=rng(), clusters=codes[order])
    assert named.low == pytest.approx(shuffled.low)
    assert named.high == pytest.approx(shuffled.high)


@pytest.mark.parametrize(("n", "kind"), [(1000, "BCa"), (1001, "percentile")])
def test_beyond_a_thousand_units_it_is_the_percentile(n, kind):
    values = np.random.default_rng(2).standard_normal(n)
    found = bootstrap(lambda rows: float(values[rows].mean()), n, resamples=99, rng=rng())
    assert f", {kind}, " in found.interval.method


def test_the_interval_of_a_mean_is_the_studentised_one():
    """By hand, from the same draws: quantiles of (mean - estimate) / its own standard error."""
    found = mean_bootstrap_interval(VALUES, resamples=999, rng=rng())
    drawn = VALUES[rng().integers(0, 60, size=(999, 60))]
    t = np.sort((drawn.mean(axis=1) - VALUES.mean()) / (drawn.std(axis=1, ddof=1) / np.sqrt(60)))
    se = VALUES.std(ddof=1) / np.sqrt(60)
    assert found.low == pytest.approx(VALUES.mean() - t[-25] * se)
    assert found.high == pytest.approx(VALUES.mean() - t[24] * se)


def test_a_resample_that_does_not_vary_opens_the_interval():
    """One value in ten differs: more than a fortieth of the resamples miss it, so there is no limit on that side."""
    found = mean_bootstrap_interval(np.arange(20) == 0, resamples=999, rng=rng())
    assert not np.isfinite([found.low, found.high]).all()


@pytest.mark.slow
@pytest.mark.parametrize(("n", "most"), [(10, 0.07), (15, 0.055), (30, 0.045), (100, 0.035)])
def test_rare_large_losses_pass_a_little_too_easily_in_small_slices(n, most):
    """Exponential losses, 2,000 samples: nominal .025, the simulation's error .0035 to .006. The report says so."""
    random = np.random.default_rng(n)
    above = [
        mean_bootstrap_interval(1 - random.exponential(size=n), resamples=999, rng=random).low > 0 for _ in range(2000)
    ]
    assert 0.02 <= np.mean(above) <= most


@pytest.mark.parametrize("n", [0, 1, 9])
def test_fewer_than_ten_units_decide_nothing(n):
    found = bootstrap(lambda rows: float(VALUES[rows].mean()), n, resamples=99, rng=rng())
    assert (found.interval.low, found.interval.high) == (-np.inf, np.inf)
    assert mean_bootstrap_interval(VALUES[:n], resamples=99, rng=rng()).low == -np.inf


def test_a_constant_decides_nothing():
    assert bootstrap(lambda rows: 0.3, 60, resamples=99, rng=rng()).interval.high == np.inf
    assert mean_bootstrap_interval(np.full(60, 0.1), resamples=99, rng=rng()).high == np.inf


def test_a_statistic_that_is_undefined_in_a_resample_decides_nothing():
    """Such as the area under the curve of a slice with a single positive."""
    positive = np.arange(30) == 0

    def share(rows):
        return float(VALUES[rows][positive[rows]].mean()) if positive[rows].any() else np.nan

    found = bootstrap(share, 30, resamples=199, rng=rng())
    assert (found.interval.low, found.interval.high) == (-np.inf, np.inf)
    assert np.isfinite(found.interval.estimate)


def test_the_seed_decides():
    first, again = (mean_bootstrap_interval(VALUES, resamples=99, rng=rng()) for _ in range(2))
    assert first == again


@pytest.mark.slow
def test_coverage_of_a_skewed_mean():
    """1,000 samples of 100 lognormal values; the Monte-Carlo error of a rate of .95 is .007."""
    random = np.random.default_rng(9)
    truth = stats.lognorm.mean(0.8)
    covered = 0
    for _ in range(1_000):
        found = mean_bootstrap_interval(random.lognormal(0, 0.8, 100), resamples=999, rng=random)
        covered += found.low < truth < found.high
    assert covered / 1_000 > 0.91
