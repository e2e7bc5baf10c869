import numpy as np
import pytest
from scipy.stats import multinomial

from validate.stats.noninferiority import smallest_n
from validate.stats.paired import tango_z
from validate.stats.power import (
    connor_sample_size,
    mcnemar_power,
    nam_sample_size,
    paired_t_sample_size,
    power_for_each,
    tango_power,
)


@pytest.mark.parametrize(
    ("churn", "expected"),
    [
        (0.01, (1105, 1417, 390, 482, 114, 134, 48, 54)),
        (0.02, (1785, 2350, 549, 704, 140, 171, 55, 64)),
        (0.05, (4020, 5364, 1067, 1413, 215, 277, 74, 91)),
        (0.10, (7893, 10558, 2005, 2676, 350, 462, 104, 134)),
    ],
)
def test_sizes_for_no_change(churn, expected):
    rate = churn / 2
    found = [
        nam_sample_size(rate, rate, margin, power=power) for margin in (0.01, 0.02, 0.05, 0.1) for power in (0.8, 0.9)
    ]
    assert found == list(expected)


def test_a_conjunction_asks_more_of_each():
    power = power_for_each(0.9, 20)
    assert power == pytest.approx(0.995)
    assert [nam_sample_size(c / 2, c / 2, 0.02, power=power) for c in (0.01, 0.05)] == [808, 2710]


def test_a_model_that_never_flips_still_needs_the_smallest_n():
    assert nam_sample_size(0, 0, 0.02, power=0.8) == smallest_n(0.02)


@pytest.mark.parametrize("counts", [(0.01, 0.03, 0.02), (0, 0.05, 0.02), (0.6, 0.6, 0.1), (-0.1, 0.2, 0.1)])
def test_what_no_size_can_show(counts):
    with pytest.raises(ValueError, match=r"loss at or beyond|rates"):
        nam_sample_size(*counts, power=0.8)


def test_power_is_a_sum_over_all_outcomes():
    n, p_gain, p_loss, margin = 40, 0.1, 0.05, 0.1
    gains, losses = (x.ravel() for x in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    gains, losses = gains[gains + losses <= n], losses[gains + losses <= n]
    chance = multinomial.pmf(
        np.column_stack([gains, losses, n - gains - losses]), n, [p_gain, p_loss, 1 - p_gain - p_loss]
    )
    expected = chance[tango_z(gains, losses, n, margin) > 1.959964].sum()
    assert tango_power(n, p_gain, p_loss, margin) == pytest.approx(expected, abs=1e-10)


def test_power_without_flips_is_all_or_nothing():
    assert tango_power(188, 0, 0, 0.02) == 0
    assert tango_power(189, 0, 0, 0.02) == pytest.approx(1)


def test_the_tests_differ_in_power():
    mid, exact, asymptotic = (mcnemar_power(60, 0.2, 0.05, kind=kind) for kind in ("mid-p", "exact", "asymptotic"))
    assert exact < mid <= asymptotic
    assert mcnemar_power(10, 0, 0) == 0


def test_connor_needs_a_change_to_find():
    assert connor_sample_size(0.1, 0.2, power=0.8) == connor_sample_size(0.2, 0.1, power=0.8)
    with pytest.raises(ValueError, match="no change"):
        connor_sample_size(0.1, 0.1, power=0.8)
    with pytest.raises(ValueError, match="between 0 and 1"):
        connor_sample_size(0.1, 0.2, power=1)


def test_t_sizes_grow_with_the_square_of_the_spread():
    assert paired_t_sample_size(0.1, 2, power=0.8) / paired_t_sample_size(0.1, 1, power=0.8) == pytest.approx(
        4, rel=0.01
    )
    with pytest.raises(ValueError, match="positive"):
        paired_t_sample_size(0, 1, power=0.8)
