import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import beta, binom

from tests.stats.counts import levels, margins, paired
from validate.stats.noninferiority import melded_p
from validate.stats.paired import (
    agresti_min_interval,
    bonett_price_interval,
    melded_interval,
    newcombe_interval,
    tango_interval,
    tango_limits,
    tango_z,
    wald_interval,
)
from validate.stats.rates import wilson_interval
from validate.stats.significance import mcnemar

INTERVALS = [tango_interval, melded_interval, bonett_price_interval, agresti_min_interval, wald_interval]


@given(paired(), levels)
@pytest.mark.parametrize("interval", INTERVALS)
def test_swapping_the_models_negates_and_mirrors(interval, counts, level):
    gains, losses, n = counts
    one, other = interval(gains, losses, n, level=level)[0], interval(losses, gains, n, level=level)[0]
    assert one.estimate == -other.estimate
    assert one.low == pytest.approx(-other.high, abs=1e-9)
    assert one.high == pytest.approx(-other.low, abs=1e-9)


@given(paired(), levels)
@pytest.mark.parametrize("interval", [tango_interval, melded_interval])
def test_limits_hold_the_estimate_and_stay_in_range(interval, counts, level):
    found = interval(*counts, level=level)[0]
    assert -1 <= found.low <= found.estimate <= found.high <= 1
    assert found.low < found.high


@given(paired(), levels)
def test_tango_inverts_its_own_test(counts, level):
    gains, losses, n = counts
    low = tango_interval(gains, losses, n, level=level).low[0]
    if -1 < low < 0:
        assert tango_z(gains, losses, n, -low)[0] == pytest.approx(-ndtri((1 - level) / 2), rel=1e-6)


@given(paired(), levels)
def test_tango_excludes_zero_where_mcnemar_rejects(counts, level):
    gains, losses, n = counts
    found = tango_interval(gains, losses, n, level=level)[0]
    p = mcnemar(gains, losses, kind="asymptotic")[0]
    if abs(p - (1 - level)) > 1e-9:
        assert (found.low > 0 or found.high < 0) == (p < 1 - level)


@given(st.integers(0, 200), st.integers(0, 200), levels)
def test_without_gains_the_lower_limit_is_wilsons(losses, others, level):
    n = losses + others
    if n:
        wilson = wilson_interval(losses, n, level=level)[0]
        assert tango_interval(0, losses, n, level=level).low[0] == pytest.approx(-wilson.high, abs=1e-12)
        assert tango_interval(losses, 0, n, level=level).high[0] == pytest.approx(wilson.high, abs=1e-12)


@given(st.integers(1, 200), st.data(), levels)
def test_all_discordant_is_twice_wilson_minus_one(n, data, level):
    gains = data.draw(st.integers(0, n))
    wilson, found = wilson_interval(gains, n, level=level)[0], tango_interval(gains, n - gains, n, level=level)[0]
    assert found.low == pytest.approx(2 * wilson.low - 1, abs=1e-11)
    assert found.high == pytest.approx(2 * wilson.high - 1, abs=1e-11)


@given(paired(least=2), levels)
def test_a_further_loss_lowers_both_limits(counts, level):
    gains, losses, n = counts
    if gains + losses < n:
        before, after = (tango_interval(gains, lost, n, level=level)[0] for lost in (losses, losses + 1))
        assert after.low <= before.low + 1e-12
        assert after.high <= before.high + 1e-12


@given(paired(), margins)
def test_z_grows_with_the_margin(counts, margin):
    assert tango_z(*counts, margin * 1.5)[0] > tango_z(*counts, margin)[0]


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_only_newcombe_depends_on_which_pairs_agree(both_right, gains, losses, both_wrong):
    if both_right + both_wrong + gains + losses:
        one = newcombe_interval(both_right, gains, losses, both_wrong)[0]
        other = newcombe_interval(both_wrong, losses, gains, both_right)[0]
        assert one.low == pytest.approx(-other.high, abs=1e-12)
        assert one.low <= one.estimate <= one.high


@pytest.mark.parametrize("n", [1, 2, 5, 50, 10**7])
@pytest.mark.parametrize("interval", [tango_interval, melded_interval])
def test_no_flip_is_never_certainty(interval, n):
    found = interval(0, 0, n)[0]
    assert found.low == -found.high < 0


def test_one_example_without_a_flip():
    assert tango_interval(0, 0, 1).high[0] == pytest.approx(0.7934, abs=1e-4)


def test_melded_limits_without_a_flip_are_clopper_pearsons():
    assert melded_interval(0, 0, 50).high[0] == pytest.approx(1 - 0.025 ** (1 / 50), rel=1e-12)


@pytest.mark.parametrize("interval", INTERVALS)
def test_without_examples_nothing_is_known(interval):
    found = interval([0, 1], [0, 2], [0, 100])
    assert np.isnan(found.estimate[0])
    assert (found.low[0], found.high[0]) == (-1, 1)
    assert found.estimate[1] == -0.01


@pytest.mark.parametrize("losses", [0, 1, 3, 1000, 5_000_000])
def test_ten_million_examples(losses):
    n = 10**7
    found = tango_interval(0, losses, n)[0]
    assert found.low == pytest.approx(-wilson_interval(losses, n).high[0], rel=1e-9)
    assert melded_interval(0, losses, n).low[0] == pytest.approx(-beta.ppf(0.975, losses + 1, n - losses), rel=1e-9)


def test_numpy_integers_do_not_overflow():
    cells = [np.int32(x) for x in (90_000, 300, 400, 9_300)]
    assert newcombe_interval(*cells).low[0] == newcombe_interval(*(int(x) for x in cells)).low[0]
    assert (
        tango_interval(np.int32(300), np.int32(400), np.int32(100_000))[0].low
        == tango_interval(300, 400, 100_000)[0].low
    )


def test_effective_counts_need_not_be_whole():
    whole, half = tango_interval(4, 10, 200)[0], tango_interval(2.0, 5.0, 100.0)[0]
    between = tango_interval(3.1, 7.75, 155)[0]
    assert half.low < between.low < whole.low


def test_a_wider_critical_value_for_each_slice():
    counts = np.array([3.0, 3.0]), np.array([9.0, 9.0]), np.array([100.0, 100.0])
    low, high = tango_limits(*counts, np.array([1.96, 2.26]))
    assert low[1] < low[0]
    assert high[1] > high[0]


@given(paired(most=80), margins)
def test_melded_p_is_its_defining_mixture(counts, margin):
    """Against a plain sum over many quantiles of the flip rate."""
    gains, losses, n = counts
    flips = gains + losses
    quantiles = (np.arange(20_000) + 0.5) / 20_000
    rate = beta.ppf(quantiles, flips + 1, n - flips) if flips < n else np.ones(1)
    share = 0.5 - margin / (2 * rate)
    below = binom.sf(gains - 1, flips, np.clip(share, 0, 1)) if gains else (share >= 0).astype(float)
    assert melded_p(gains, losses, n, margin)[0] == pytest.approx(below.mean(), abs=2e-4)


@given(paired(most=150), levels)
def test_melded_excludes_zero_where_the_exact_test_rejects(counts, level):
    gains, losses, n = counts
    found = melded_interval(gains, losses, n, level=level)[0]
    p = mcnemar(gains, losses, kind="exact")[0]
    if abs(p - (1 - level)) > 1e-6:
        assert (found.low > 0 or found.high < 0) == (p < 1 - level)


@pytest.mark.parametrize(
    "counts", [(-1, 0, 10), (0, -1, 10), (6, 5, 10), (np.nan, 0, 10), (0, 0, np.inf), (0, 1, 0)], ids=str
)
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match=r"counts|cannot be more"):
        tango_interval(*counts)


@pytest.mark.parametrize("level", [0, 1, 95, -0.1, np.nan])
def test_impossible_levels_are_refused(level):
    with pytest.raises(ValueError, match="level"):
        tango_interval(1, 2, 30, level=level)


@pytest.mark.parametrize("margin", [1, 1.5, -0.01, np.nan])
def test_impossible_margins_are_refused(margin):
    with pytest.raises(ValueError, match="margin"):
        tango_z(1, 2, 30, margin)
