import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from validate.outcome import Outcome
from validate.stats.means import mean_interval, paired_t, welch_t
from validate.stats.moments import PAIRED_T, paired_t_of_sums
from validate.stats.noninferiority import classify

VALUES = arrays(np.float64, st.integers(12, 60), elements=st.floats(-5, 5, width=16))


def rng():
    return np.random.default_rng(5)


@given(VALUES)
def test_from_values_as_from_sums(values):
    assume(values.std() > 1e-3 * np.abs(values).max())
    found = paired_t(values)
    sums = paired_t_of_sums(np.array([values.size]), np.array([values.sum()]), np.array([values @ values]))
    assert found.interval.low == pytest.approx(sums.interval.low[0], rel=1e-6, abs=1e-9)
    assert found.p == pytest.approx(2 * min(sums.p[0], sums.p_gain[0]), rel=1e-5)
    assert found.df == values.size - 1


def test_symmetric_differences_get_students_t():
    values = stats.norm.ppf((np.arange(100) + 0.5) / 100)
    assert mean_interval(values, rng=rng()) == paired_t(values).interval


@pytest.mark.parametrize(
    "values",
    [stats.norm.ppf((np.arange(29) + 0.5) / 29), stats.lognorm.ppf((np.arange(100) + 0.5) / 100, 1.5)],
    ids=["few", "skewed"],
)
def test_few_or_skewed_differences_get_a_bootstrap(values):
    found = mean_interval(values, rng=rng(), resamples=499)
    assert "studentised" in found.method
    assert "499" in found.method
    assert found.low < found.estimate < found.high


def test_the_method_is_named():
    assert paired_t(np.arange(20.0)).interval.method == PAIRED_T
    assert "Welch" in welch_t(np.arange(5.0), np.arange(7.0)).interval.method


@pytest.mark.parametrize("values", [[], [0.1], [0.1, 0.2] * 4, [0.0] * 50, [0.3] * 50, [-0.3] * 50, [0.1] * 9], ids=str)
def test_too_few_or_no_variance_is_never_a_pass(values):
    found = mean_interval(values, rng=rng(), resamples=99)
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert classify(found.low, found.high, 0.2) == [Outcome.INCONCLUSIVE]


def test_rounding_is_no_variance():
    values = np.full(50, 0.1) + np.arange(50) % 2 * 1e-17
    assert np.isnan(paired_t(values + 1e-16).p)
    assert paired_t(values).interval.low == -np.inf


@pytest.mark.parametrize("clusters", [9, 10])
def test_ten_clusters_are_the_fewest(clusters):
    values = np.random.default_rng(1).standard_normal(90)
    found = mean_interval(values, rng=rng(), clusters=np.arange(90) % clusters, resamples=99)
    assert np.isfinite(found.low) == (clusters == 10)
    assert "cluster" in found.method


def test_the_seed_decides():
    values = np.random.default_rng(1).standard_normal(20)
    assert mean_interval(values, rng=rng(), resamples=99) == mean_interval(values, rng=rng(), resamples=99)


@given(VALUES, VALUES)
def test_welch_as_scipy(x, y):
    assume(min(x.std(), y.std()) > 1e-3)
    found, expected = welch_t(x, y), stats.ttest_ind(x, y, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval.estimate == pytest.approx(x.mean() - y.mean())
    mirrored = welch_t(y, x)
    assert mirrored.interval.low == pytest.approx(-found.interval.high)


@pytest.mark.parametrize(("x", "y"), [([], [1.0, 2.0]), ([1.0], [1.0, 2.0]), ([1.0] * 5, [2.0] * 5)], ids=str)
def test_welch_without_variance_has_no_p(x, y):
    found = welch_t(x, y)
    assert np.isnan(found.p)
    assert (found.interval.low, found.interval.high) == (-np.inf, np.inf)


@pytest.mark.parametrize("values", [[np.nan, 1.0], [np.inf, 1.0], [[1.0, 2.0], [3.0, 4.0]]], ids=str)
def test_bad_values_are_refused(values):
    for function in (paired_t, lambda x: welch_t(x, [1.0, 2.0]), lambda x: mean_interval(x, rng=rng())):
        with pytest.raises(ValueError, match="finite"):
            function(values)


@pytest.mark.parametrize("level", [0, 1, np.nan])
def test_impossible_levels_are_refused(level):
    with pytest.raises(ValueError, match="level"):
        paired_t([0.1] * 20, level=level)
    with pytest.raises(ValueError, match="level"):
        mean_interval([0.1] * 20, level=level, rng=rng())
