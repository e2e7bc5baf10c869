import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from validate.stats.multiplicity import (
    benjamini_hochberg,
    benjamini_yekutieli,
    e_benjamini_hochberg,
    fcr_level,
    first_of_identical,
    holm,
    hommel,
    tarone_family,
    weighted_holm,
)

families = st.lists(st.floats(1e-12, 1), min_size=1, max_size=12).map(np.array)
ADJUSTMENTS = [holm, hommel, benjamini_hochberg, benjamini_yekutieli]


@given(families, st.randoms(use_true_random=False))
@pytest.mark.parametrize("adjust", ADJUSTMENTS)
def test_adjusting_keeps_order_and_never_helps(adjust, p, random):
    adjusted = adjust(p)
    order = list(range(len(p)))
    random.shuffle(order)
    assert np.all(adjusted >= p - 1e-15)
    assert np.all(adjusted <= 1)
    assert np.all(np.diff(adjusted[np.argsort(p, kind="stable")]) >= -1e-12)
    np.testing.assert_allclose(adjust(p[order]), adjusted[order])


@given(families)
def test_stronger_promises_cost_more(p):
    assert np.all(holm(p) >= hommel(p) - 1e-12)
    assert np.all(hommel(p) >= benjamini_hochberg(p) - 1e-12)
    assert np.all(benjamini_yekutieli(p) >= benjamini_hochberg(p) - 1e-12)


@pytest.mark.parametrize(
    ("adjust", "name"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh"), (benjamini_yekutieli, "fdr_by")]
)
@pytest.mark.parametrize("seed", range(3))
def test_as_statsmodels(adjust, name, seed):
    p = np.random.default_rng(seed).random(50) ** 4
    np.testing.assert_allclose(adjust(p), multipletests(p, method=name)[1], atol=1e-12)


@pytest.mark.parametrize("adjust", ADJUSTMENTS)
def test_one_hypothesis_needs_no_adjustment_and_none_needs_nothing(adjust):
    assert adjust([0.03]) == pytest.approx([0.03])
    assert adjust([]).size == 0


@pytest.mark.parametrize("p", [[np.nan, 0.1], [-0.1], [1.1], 0.5])
@pytest.mark.parametrize("adjust", ADJUSTMENTS)
def test_what_is_no_p_value_is_refused(adjust, p):
    with pytest.raises(ValueError, match="p-values"):
        adjust(p)


@pytest.mark.parametrize(("size", "fewest"), [(10, 8), (100, 11), (1000, 15), (5000, 17)])
def test_flips_without_which_a_slice_cannot_be_flagged(size, fewest):
    assert tarone_family([fewest - 1, fewest], alpha=0.05, size=size).tolist() == [False, True]


def test_a_family_has_a_member():
    with pytest.raises(ValueError, match="family"):
        tarone_family([3], alpha=0.05, size=0)


def test_identical_slices_are_one_hypothesis():
    assert first_of_identical(["a", "b", "a", "c", "b"]).tolist() == [0, 1, 0, 3, 1]


def test_selected_intervals_are_wider():
    chosen, level = fcr_level([0.001, 0.9, 0.8, 0.7], q=0.05)
    assert chosen.tolist() == [True, False, False, False]
    assert level == 1 - 0.05 / 4
    assert fcr_level([0.9, 0.8], q=0.05)[1] == 1


def test_e_values_are_listed_under_any_dependence():
    assert e_benjamini_hochberg([100, 1, 45, 0], q=0.05).tolist() == [True, False, True, False]
    assert not e_benjamini_hochberg([10, 1], q=0.05).any()
    with pytest.raises(ValueError, match="e-values"):
        e_benjamini_hochberg([-1], q=0.1)


@given(st.lists(st.floats(0, 1), min_size=0, max_size=12), st.floats(0.1, 5))
def test_weighted_holm_with_one_weight_is_holm(p, weight):
    np.testing.assert_allclose(weighted_holm(p, [weight] * len(p)), holm(p), rtol=1e-12)


def test_weighted_holm_by_hand():
    """alpha = 0.05 shared 9 : 1; the heavier is significant at 0.045, then the other at 0.05."""
    np.testing.assert_allclose(weighted_holm([0.04, 0.05], [9, 1]), [0.04 / 0.9, 0.05])
    np.testing.assert_allclose(weighted_holm([0.04, 0.004], [1, 9]), [0.04, 0.004 / 0.9])
    np.testing.assert_allclose(weighted_holm([0.9, 0.8], [1, 1]), [1.0, 1.0])


@pytest.mark.slow
def test_weighted_holm_keeps_its_level():
    """Two of five hypotheses are true and may be rejected; a true one with probability at most 0.05."""
    rng = np.random.default_rng(0)
    weights = np.array([8.0, 4.0, 2.0, 1.0, 1.0])
    p = rng.uniform(size=(20_000, 5))
    p[:, :2] **= 6  # false ones
    wrong = np.mean([(weighted_holm(row, weights)[2:] <= 0.05).any() for row in p])
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 20_000)
