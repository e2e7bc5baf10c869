import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from validate.outcome import Outcome
from validate.stats.moments import paired_t_of_sums
from validate.stats.noninferiority import classify

DIFFERENCES = arrays(np.float64, st.integers(10, 60), elements=st.floats(-5, 5, width=16))


def of(values, **options):
    values = np.asarray(values, dtype=np.float64)
    return paired_t_of_sums(np.array([values.size]), np.array([values.sum()]), np.array([values @ values]), **options)


@given(DIFFERENCES, st.sampled_from([0.8, 0.95, 0.99]))
def test_as_scipys_paired_t(values, level):
    assume(values.std() > 1e-3 * np.abs(values).max())
    found, expected = of(values, level=level), stats.ttest_1samp(values, 0)
    limits = expected.confidence_interval(level)
    assert found.interval[0].estimate == pytest.approx(values.mean())
    assert found.interval[0].low == pytest.approx(limits.low, rel=1e-6, abs=1e-9)
    assert found.interval[0].high == pytest.approx(limits.high, rel=1e-6, abs=1e-9)
    assert found.se[0] == pytest.approx(stats.sem(values))
    assert found.p[0] == pytest.approx(stats.ttest_1samp(values, 0, alternative="less").pvalue, rel=1e-5)
    assert found.p[0] + found.p_gain[0] == pytest.approx(1)


@given(DIFFERENCES)
def test_swapping_the_models_negates_and_mirrors(values):
    one, other = of(values), of(-values)
    assert one.interval.low[0] == -other.interval.high[0]
    assert one.p[0] == other.p_gain[0]


def test_sums_of_shards_are_the_sums_of_all():
    values = np.random.default_rng(0).standard_normal(100)
    shards = [values[:30], values[30:]]
    joined = paired_t_of_sums(
        sum(np.array([x.size]) for x in shards),
        sum(np.array([x.sum()]) for x in shards),
        sum(np.array([x @ x]) for x in shards),
    )
    assert joined.interval.low[0] == pytest.approx(of(values).interval.low[0])


@pytest.mark.parametrize(
    "values", [[], [0.1], [0.5, 0.6] * 4, [0.1] * 9, [0.0] * 500, [0.3] * 500, [-0.3] * 500], ids=len
)
def test_too_few_or_no_variance_decides_nothing(values):
    found = of(values)
    assert found.p[0] == found.p_gain[0] == 1
    assert classify(found.interval.low, found.interval.high, 0.2) == [Outcome.INCONCLUSIVE]
    assert np.isnan(found.interval.estimate[0]) == (not values)


def test_slices_do_not_disturb_each_other():
    n, total, squares = np.array([0, 40, 5]), np.array([0.0, 4.0, 1.0]), np.array([0.0, 10.0, 1.0])
    together = paired_t_of_sums(n, total, squares)
    alone = paired_t_of_sums(n[1:2], total[1:2], squares[1:2])
    assert together.interval.low[1] == alone.interval.low[0]
    assert np.isinf(together.se[[0, 2]]).all()
