import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from tests.stats.counts import levels
from validate.stats.inputs import critical_value
from validate.stats.noninferiority import error_ratio_interval
from validate.stats.ratio import error_ratio_score_interval, error_ratio_z, errors_needed, smallest_errors

tables = st.tuples(*[st.integers(0, 200) | st.integers(0, 3)] * 3)  # both wrong, gains, losses
ratios = st.floats(1.01, 5)


@given(tables, ratios, levels)
def test_test_and_interval_tell_the_same(table, ratio, level):
    high = error_ratio_score_interval(*table, level=level).high[0]
    if abs(high - ratio) > 1e-9:
        assert (high < ratio) == (error_ratio_z(*table, ratio)[0] > critical_value(level))


@given(tables, levels)
def test_the_ratio_mirrors(table, level):
    wrong, gains, losses = table
    one, other = (
        error_ratio_score_interval(wrong, *pair, level=level)[0] for pair in ((gains, losses), (losses, gains))
    )
    assert one.low <= one.high
    assert one.low == pytest.approx(1 / other.high)
    if wrong + gains and wrong + losses:
        assert one.low <= one.estimate <= one.high


@given(tables, ratios)
def test_one_more_loss_never_helps(table, ratio):
    wrong, gains, losses = table
    assert error_ratio_z(wrong, gains, losses + 1, ratio)[0] <= error_ratio_z(wrong, gains, losses, ratio)[0] + 1e-9


@pytest.mark.parametrize("table", [(0, 0, 0), (0, 0, 3)])
def test_without_an_error_of_the_dense_model_nothing_is_decided(table):
    found = error_ratio_score_interval(*table)[0]
    assert found.high == np.inf
    assert error_ratio_z(*table, 1.5)[0] <= 0


def test_an_error_rate_that_falls_to_nothing_still_has_a_limit():
    found = error_ratio_score_interval(0, 30, 0)[0]
    assert (found.estimate, found.low) == (0, 0)
    assert 0 < found.high < 1


def test_it_agrees_with_the_published_interval_where_errors_are_many():
    published = error_ratio_interval(4000, 900, 1000, 100_000)[0]
    found = error_ratio_score_interval(4000, 900, 1000)[0]
    assert (found.low, found.high) == pytest.approx((published.low, published.high), abs=2e-4)


@given(ratios, levels)
def test_smallest_errors_are_the_smallest(ratio, level):
    fewest = smallest_errors(ratio, level=level)
    high = error_ratio_score_interval([fewest, max(fewest - 1, 0)], 0, 0, level=level).high
    assert high[0] < ratio * (1 + 1e-9)
    assert high[1] >= ratio * (1 - 1e-9)


def test_smallest_errors_of_common_ratios():
    assert [smallest_errors(r) for r in (1.05, 1.1, 1.5, 2)] == [97, 49, 11, 6]


@pytest.mark.parametrize("ratio", [1, 0.5, np.inf, np.nan])
def test_a_margin_ratio_must_be_one(ratio):
    with pytest.raises(ValueError, match="ratio"):
        smallest_errors(ratio)


@pytest.mark.parametrize("ratio", [0, -1, np.nan, np.inf])
def test_a_ratio_must_be_positive(ratio):
    with pytest.raises(ValueError, match="ratio"):
        error_ratio_z(1, 1, 1, ratio)


def passing(wrong, gains, losses, ratio):
    """Exact probability to PASS if both models' errors come at these rates: three independent Poisson counts."""
    cells = [np.arange(int(mean + 8 * np.sqrt(mean) + 8)) for mean in (wrong, gains, losses)]
    chance = np.einsum(
        "i,j,k->ijk", *(poisson.pmf(k, mean) for k, mean in zip(cells, (wrong, gains, losses), strict=True))
    )
    counts = [x.ravel() for x in np.meshgrid(*cells, indexing="ij")]
    likely = chance.ravel() > 1e-9
    z = error_ratio_z(*(x[likely] for x in counts), ratio)
    return float(chance.ravel()[likely] @ (z > critical_value(0.95)))


SHARED = (0, 0.1, 0.35, 0.65, 0.9, 0.95, 1)  # of the dense model's errors that stay


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [1.05, 1.1, 1.25, 1.5, 2, 3])
def test_errors_that_grew_by_the_ratio_pass_at_most_at_the_nominal_rate(ratio):
    worst = max(
        passing(dense * share, dense * (1 - share), dense * (ratio - share), ratio)
        for dense, share in itertools.product((1, 2, 3, 5, 7, 10, 20, 40), SHARED)
    )
    assert worst <= 0.0251


@pytest.mark.parametrize(("flips", "ratio"), [(0.2, 1.5), (0.5, 1.5), (0.4, 1.3)])
def test_that_many_errors_pass_about_as_often_as_planned(flips, ratio):
    dense = errors_needed(flips, ratio, critical=critical_value(0.95), power=critical_value(0.6))
    assert passing(dense * (1 - flips / 2), dense * flips / 2, dense * flips / 2, ratio) == pytest.approx(0.8, abs=0.06)
