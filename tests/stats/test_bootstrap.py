import numpy as np
import pytest

from validate.stats.bootstrap import bootstrap, mean_bootstrap_interval, mean_bootstrap_se


def rng():
    return np.random.default_rng(3)


def pairs(n=200):
    truth = rng().normal(0, 1, n)
    return truth, truth + rng().normal(0, 0.3, n), truth + rng().normal(0, 0.5, n) + 0.2


def test_a_metric_of_both_models_from_the_same_rows():
    truth, dense, compressed = pairs()

    def log_ratio(rows):
        return np.log(np.mean((compressed - truth)[rows] ** 2) / np.mean((dense - truth)[rows] ** 2)) / 2

    found = bootstrap(log_ratio, 200, rng=rng(), resamples=999)
    assert 0 < found.interval.low < found.interval.estimate < found.interval.high
    assert found.interval.estimate == log_ratio(np.arange(200))
    assert "BCa, 999 resamples" in found.interval.method
    assert abs(found.bias) < found.se


def test_of_a_mean_it_is_the_fast_one():
    values = pairs()[0] ** 2
    slow = bootstrap(lambda rows: values[rows].mean(), 200, rng=rng(), resamples=1999).interval
    fast = mean_bootstrap_interval(values, rng=rng(), resamples=1999)
    assert slow.low == pytest.approx(fast.low, abs=0.03)
    assert slow.high == pytest.approx(fast.high, abs=0.03)


def test_endless_resampling_has_a_closed_form():
    values = pairs()[0]
    se = bootstrap(lambda rows: values[rows].mean(), 200, rng=rng(), resamples=4999).se
    assert se == pytest.approx(mean_bootstrap_se(values), rel=0.04)


def test_clusters_stay_whole():
    clusters = np.repeat(np.arange(20), 10)
    order = rng().permutation(200)
    seen = []

    def statistic(rows):
        seen.append(np.bincount(clusters[order][rows], minlength=20))
        return float(rows.mean())

    found = bootstrap(statistic, 200, rng=rng(), resamples=50, clusters=clusters[order])
    assert found.units == 20
    assert all(np.all(counts % 10 == 0) for counts in seen)


def test_many_units_forgo_the_correction():
    values = rng().normal(0, 1, 1001)
    assert "percentile" in bootstrap(lambda rows: values[rows].mean(), 1001, rng=rng(), resamples=99).interval.method


@pytest.mark.parametrize(
    ("statistic", "n"),
    [
        (lambda rows: 0.1 * len(rows), 50),  # never varies
        (lambda rows: float(rows.mean()), 9),
        (lambda rows: float(rows.mean()), 0),
        (lambda rows: np.nan, 50),
        (lambda rows: np.nan if rows[0] == rows[1] else float(rows.mean()), 12),  # undefined in some resamples
    ],
)
def test_what_cannot_be_resampled_decides_nothing(statistic, n):
    found = bootstrap(statistic, n, rng=rng(), resamples=200).interval
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_the_seed_decides():
    values = pairs()[0]
    first, again = (mean_bootstrap_interval(values, rng=rng(), resamples=500) for _ in range(2))
    assert first == again
