import numpy as np
import pytest
from scipy import stats

from validate.outcome import Outcome
from validate.stats.means import mean_interval, paired_t, welch_t
from validate.stats.moments import paired_t_of_sums
from validate.stats.noninferiority import classify


def rng():
    return np.random.default_rng(11)


def test_student_where_it_holds():
    values = rng().normal(-0.1, 1, 60)
    found = mean_interval(values, rng=rng())
    assert found.method == "paired t"
    assert (found.low, found.high) == pytest.approx(tuple(stats.ttest_1samp(values, 0).confidence_interval(0.95)))


@pytest.mark.parametrize("n", [10, 29])
def test_few_differences_are_resampled(n):
    found = mean_interval(rng().normal(0, 1, n), rng=rng(), resamples=999)
    assert "BCa" in found.method
    assert found.low < found.estimate < found.high


def test_skewed_differences_are_resampled():
    values = rng().pareto(2.1, 100)
    assert "BCa" in mean_interval(values, rng=rng(), resamples=999).method


@pytest.mark.parametrize(
    "values", [[], [0.1], np.full(9, -5.0) + np.arange(9), np.zeros(500), np.full(500, 0.3)], ids=len
)
def test_too_little_never_passes(values):
    found = mean_interval(values, rng=rng())
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert classify(found.low, found.high, 1000) == [Outcome.INCONCLUSIVE]


def test_clusters_are_resampled_whole():
    values, clusters = np.repeat(rng().normal(0, 1, 40), 25), np.repeat(np.arange(40), 25)
    one, whole = (mean_interval(values, rng=rng(), clusters=codes, resamples=999) for codes in (None, clusters))
    assert whole.high - whole.low > 4 * (one.high - one.low)
    assert "cluster" in whole.method


def test_nine_clusters_decide_nothing():
    values, clusters = rng().normal(0, 1, 900), np.repeat(np.arange(9), 100)
    assert mean_interval(values, rng=rng(), clusters=clusters).high == np.inf


def test_no_variance_has_no_p():
    found = paired_t([0.2] * 30)
    assert np.isnan(found.p)
    assert (found.interval.low, found.interval.high) == (-np.inf, np.inf)
    assert np.isnan(welch_t([1, 1, 1], [2, 2, 2]).p)
    assert np.isnan(welch_t([1.0], [2, 3, 4]).p)


def test_sums_give_the_same_t():
    values = rng().normal(-0.2, 1, (3, 50))
    sums = paired_t_of_sums(np.full(3, 50), values.sum(axis=1), np.square(values).sum(axis=1))
    for i, row in enumerate(values):
        t = paired_t(row)
        assert sums.interval[i].low == pytest.approx(t.interval.low)
        assert 2 * min(sums.p[i], sums.p_gain[i]) == pytest.approx(t.p)


@pytest.mark.parametrize("bad", [[np.nan, 1.0], [np.inf]])
def test_what_is_no_number_is_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        paired_t(bad)
