import numpy as np
import pytest
from hypothesis import given, settings

from tests.stats.counts import levels, paired
from validate.stats.mover import difference_interval, difference_p, error_ratio_of_ratios
from validate.stats.paired import tango_interval


def interval(inside, outside, level):
    return difference_interval(tango_interval(*inside, level=level), tango_interval(*outside, level=level))[0]


@given(paired(), paired(), levels)
def test_exchanging_the_sides_mirrors(inside, outside, level):
    one, other = interval(inside, outside, level), interval(outside, inside, level)
    assert one.low == pytest.approx(-other.high, abs=1e-9)
    assert one.low <= one.estimate <= one.high


@given(paired(), paired(), levels)
def test_p_and_interval_tell_the_same(inside, outside, level):
    found, p = interval(inside, outside, level), difference_p(*inside, *outside)[0]
    alpha = (1 - level) / 2
    if abs(p - alpha) > 1e-7:
        assert (found.high < 0) == (p < alpha)
    if abs(1 - p - alpha) > 1e-7:
        assert (found.low > 0) == (1 - p < alpha)


@settings(max_examples=40)
@given(paired(), paired())
def test_p_of_extra_loss_and_of_extra_gain_add_up(inside, outside):
    assert difference_p(*inside, *outside)[0] + difference_p(*outside, *inside)[0] == pytest.approx(1, abs=1e-8)


def test_equal_changes_are_half():
    assert difference_p([0, 2, 5], [0, 3, 5], [10, 50, 10], [0, 4, 0], [0, 6, 0], [99, 100, 1]).tolist() == [0.5] * 3


def test_an_empty_complement_says_nothing():
    slices, complement = tango_interval([1, 0], [3, 0], [50, 0]), tango_interval([0, 2], [0, 5], [0, 100])
    found = difference_interval(slices, complement)
    assert np.isnan(found.estimate).all()
    assert (found.low.tolist(), found.high.tolist()) == ([-2, -2], [2, 2])
    assert difference_p([1, 0], [3, 0], [50, 0], [0, 2], [0, 5], [0, 100]).tolist() == [1, 1]


def test_total_loss_against_none():
    assert difference_p(0, 10, 10, 0, 0, 10**7)[0] < 0.001
    assert 0 < difference_p(0, 10**6, 10**6, 0, 0, 10**7)[0] < 1e-300


def test_levels_are_not_mixed():
    with pytest.raises(ValueError, match="level"):
        difference_interval(tango_interval(1, 2, 30, level=0.9), tango_interval(1, 2, 30, level=0.95))


@given(paired(), paired(), levels)
def test_ratios_of_error_ratios_mirror(inside, outside, level):
    (gains, losses, n), (gains_c, losses_c, n_c) = inside, outside
    wrong, wrong_c = (n - gains - losses) // 2, (n_c - gains_c - losses_c) // 3
    one = error_ratio_of_ratios(
        wrong, gains, losses, both_wrong_c=wrong_c, gains_c=gains_c, losses_c=losses_c, level=level
    )[0]
    other = error_ratio_of_ratios(
        wrong_c, gains_c, losses_c, both_wrong_c=wrong, gains_c=gains, losses_c=losses, level=level
    )[0]
    assert 0 < one.low < one.estimate < one.high < np.inf
    assert one.low == pytest.approx(1 / other.high)


def test_errors_that_grow_more_are_above_one():
    found = error_ratio_of_ratios(20, 5, 60, both_wrong_c=200, gains_c=50, losses_c=55)[0]
    assert found.low > 1
