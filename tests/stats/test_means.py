import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from validate.outcome import Outcome
from validate.stats.means import guarded_low, mean_interval, paired_t, welch_t, worth_changed
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


def rare(share, size, noise=0.0):
    """Losses of one example in so many, with sizes, above noise."""
    return lambda random, shape: (
        noise * random.standard_normal(shape) - (random.random(shape) < share) * size(random, shape)
    )


def same(random, shape):
    return np.ones(shape)


def exponential(random, shape):
    return random.exponential(size=shape)


SHAPES = {
    "normal": (lambda random, shape: random.standard_normal(shape), 0.0),
    "exponential": (lambda random, shape: -exponential(random, shape), -1.0),
    "lognormal .8": (lambda random, shape: -random.lognormal(0, 0.8, shape), -np.exp(0.32)),
    **{f"one in {round(1 / q)}": (rare(q, same), -q) for q in (0.1, 0.05, 0.02, 0.005)},
    **{f"one in {round(1 / q)}, exponential": (rare(q, exponential), -q) for q in (0.1, 0.05, 0.02, 0.005)},
    "one in 10, above noise": (rare(0.1, same, 0.05), -0.1),
}
UNSEEN = {  # what no sample of this size can show, and how often it passes at most
    ("lognormal 1.5", 50): 0.064,
    ("lognormal 1.5", 200): 0.032,
    ("one in 20, above noise", 50): 0.078,
    ("one in 50, above noise", 100): 0.12,
}
SIMULATED = 4_000


def passes(draw, truth, n, seed):
    """How often a slice of n that truly loses exactly its margin passes."""
    random = np.random.default_rng(seed)
    return np.mean([guarded_low(draw(random, n)) > truth for _ in range(SIMULATED)])


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 30, 49, 50, 75, 100, 200, 500, 1000])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_guarded_mean_passes_at_its_margin_no_more_often_than_it_says(shape, n):
    """Nominal .025; 4,000 samples a cell know a rate to .0025, and three of them are allowed for 100 cells."""
    draw, truth = SHAPES[shape]
    rate = passes(draw, truth, n, seed=n)
    assert rate <= 0.025 + 3 * 0.0025
    if n < 50:
        assert rate == 0


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "n"), UNSEEN)
def test_what_a_sample_cannot_show_passes_as_often_as_the_methods_say(shape, n):
    """Both ways within three standard errors: what is told is neither better nor worse than it is."""
    shapes = {
        "lognormal 1.5": (lambda random, k: -random.lognormal(0, 1.5, k), -np.exp(1.125)),
        "one in 20, above noise": (rare(0.05, same, 0.05), -0.05),
        "one in 50, above noise": (rare(0.02, same, 0.05), -0.02),
    }
    most = UNSEEN[shape, n]
    assert passes(*shapes[shape], n, seed=n) == pytest.approx(most, abs=3 * np.sqrt(most * (1 - most) / SIMULATED))


def clustered(random, k, whole):
    """Examples of k clusters of 1 to 9, of which one cluster in ten loses whole, or each has a level of its own."""
    sizes = random.integers(1, 10, size=k)
    level = -(random.random(k) < 0.1).astype(float) if whole else -random.exponential(size=k)
    return np.repeat(level, sizes) + 0.05 * random.standard_normal(sizes.sum()), np.repeat(np.arange(k), sizes)


@pytest.mark.slow
@pytest.mark.parametrize("k", [49, 50, 100, 300])
@pytest.mark.parametrize(("whole", "truth"), [(True, -0.1), (False, -1.0)])
def test_clustered_means_likewise(whole, truth, k):
    """Clusters of 1 to 9 examples, 3,000 samples: a rate of .025 is known to .003."""
    random = np.random.default_rng(k)
    found = []
    for _ in range(3_000):
        values, clusters = clustered(random, k, whole)
        found.append(guarded_low(values, clusters=clusters) > truth)
    assert np.mean(found) <= 0.025 + 3 * 0.003


def test_the_limit_of_a_guarded_mean_by_hand():
    values = np.random.default_rng(1).standard_normal(80)
    wanted = np.append(values, [-np.abs(values).max()] * 2)
    assert guarded_low(values) == pytest.approx(paired_t(wanted).interval.low)
    assert guarded_low(values) < paired_t(values).interval.low
    ones = guarded_low(values, clusters=np.arange(80))
    assert ones == pytest.approx(guarded_low(values))


@pytest.mark.parametrize("k", [0, 1, 9, 10])
def test_fewer_than_ten_changed_examples_pass_nothing(k):
    values = np.where(np.arange(1_000) < k, 0.1, 0.0)
    assert worth_changed(values) == pytest.approx(k)
    assert np.isfinite(guarded_low(values)) == (k == 10)


def test_one_large_difference_outweighs_many_small_ones():
    assert worth_changed([0.01] * 200 + [-50.0]) < 2
    assert guarded_low([0.01, 0.02] * 100 + [-50.0]) == -np.inf


@given(VALUES)
def test_a_copy_of_a_cluster_adds_nothing(values):
    """Whole clusters are the units, however many examples they hold."""
    codes = np.arange(values.size)
    twice = guarded_low(np.repeat(values, 2), clusters=np.repeat(codes, 2))
    assert twice == pytest.approx(guarded_low(values, clusters=codes))
