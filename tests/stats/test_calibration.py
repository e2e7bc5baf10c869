import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from validate.stats.calibration import (
    calibration_change,
    calibration_error,
    equal_mass_edges,
    equal_width_edges,
    top_label_calibration_error,
)


@st.composite
def forecasts(draw, *, most=60):
    """Confidences, often on an edge of ten bins, and what was right."""
    n = draw(st.integers(1, most))
    confidence = draw(arrays(np.float64, n, elements=st.floats(0, 1) | st.integers(0, 10).map(lambda x: x / 10)))
    return confidence, draw(arrays(np.bool_, n)).astype(float)


def by_hand(confidence, right, edges):
    """Gaps and shares of the bins that hold something, each bin open on the left; the first holds zero too."""
    gaps, shares = [], []
    for i, (low, high) in enumerate(itertools.pairwise(edges)):
        inside = (confidence > low) & (confidence <= high) | ((confidence == 0) & (i == 0))
        if inside.any():
            gaps.append(abs(right[inside].mean() - confidence[inside].mean()))
            shares.append(inside.mean())
    return np.array(gaps), np.array(shares)


@given(forecasts(), st.sampled_from([1, 2, 5, 10, 15]))
def test_bins_are_closed_on_the_right(forecast, bins):
    edges = equal_width_edges(bins)
    gaps, shares = by_hand(*forecast, edges)
    found = calibration_error(*forecast, edges)
    assert shares.sum() == pytest.approx(1)
    assert found.l1 == pytest.approx(shares @ gaps)
    assert found.l2 == pytest.approx(np.sqrt(shares @ gaps**2))
    assert found.max == pytest.approx(gaps.max())


@given(forecasts())
def test_the_errors_are_ordered(forecast):
    found = calibration_error(*forecast, equal_width_edges(10))
    assert found.l1 <= found.l2 + 1e-12 <= found.max + 1e-11
    assert 0 <= found.debiased_l2 <= found.l2 + 1e-12


def test_an_even_split_of_a_confident_bin():
    found = calibration_error([0.9] * 10, [1] * 5 + [0] * 5, equal_width_edges(15))
    assert found.l1 == found.max == pytest.approx(0.4)
    assert found.debiased_l2 == pytest.approx(np.sqrt(0.4**2 - 0.25 / 9))


def test_bins_of_equal_mass_are_equally_full():
    confidence = np.random.default_rng(0).beta(8, 1, 1000)
    edges = equal_mass_edges(confidence, 10)
    counts, _ = np.histogram(confidence, edges)
    assert len(edges) == 11
    assert counts.max() - counts.min() <= 1


def test_bins_of_equal_mass_of_few_values_are_fewer():
    assert equal_mass_edges([0.5] * 50, 10).tolist() == [0, 0.5, 1]
    assert equal_mass_edges([1.0] * 50, 10).tolist() == [0, 1]
    assert calibration_error([1.0] * 50, [1] * 50, equal_mass_edges([1.0] * 50)).l1 == 0


@pytest.mark.parametrize("true_error", [0.0, 0.1])
def test_the_plain_error_is_biased_upwards_and_the_debiased_one_less(true_error):
    rng = np.random.default_rng(2)
    plain, debiased = [], []
    for _ in range(200):
        confidence = rng.uniform(0.3, 0.9, 300)
        right = rng.random(300) < confidence - true_error
        found = calibration_error(confidence, right, equal_width_edges(15))
        plain.append(found.l2**2)
        debiased.append(found.debiased_l2**2)
    assert np.mean(plain) - true_error**2 > 2 * abs(np.mean(debiased) - true_error**2)


def test_few_examples_per_bin_are_not_reliable():
    few, enough = (calibration_error(np.full(n, 0.5), np.ones(n), equal_width_edges(15)) for n in (299, 300))
    assert not few.reliable
    assert enough.reliable


def test_without_examples_there_is_no_error():
    found = calibration_error([], [], equal_width_edges())
    assert np.isnan([found.l1, found.l2, found.max, found.debiased_l2]).all()
    assert not found.reliable


@pytest.mark.parametrize(
    ("confidence", "right"), [([1.1], [1]), ([-0.1], [1]), ([np.nan], [1]), ([0.5, 0.5], [1])], ids=str
)
def test_impossible_confidences_are_refused(confidence, right):
    with pytest.raises(ValueError, match="confidences"):
        calibration_error(confidence, right, equal_width_edges())


def test_the_top_label_decides():
    probabilities = [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]
    assert top_label_calibration_error(probabilities, [0, 1]).max == pytest.approx(0.6)


def change(dense, compressed, **options):
    return calibration_change(
        dense, compressed, equal_width_edges(), resamples=199, rng=np.random.default_rng(0), **options
    )


def test_a_worse_calibrated_model_changes_below_zero():
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0.5, 1, 400)
    right = rng.random(400) < confidence
    found = change((confidence, right), (np.minimum(confidence + 0.3, 1), right))
    assert found.interval.high < 0
    assert found.interval.estimate < 0
    assert np.isfinite(found.bias)


def test_equal_models_decide_nothing():
    rng = np.random.default_rng(1)
    confidence, right = rng.uniform(0.5, 1, 100), rng.random(100) < 0.7
    found = change((confidence, right), (confidence, right))
    assert found.interval.estimate == 0
    assert (found.interval.low, found.interval.high) == (-np.inf, np.inf)


def test_variants_of_one_source_widen_the_interval():
    rng = np.random.default_rng(4)
    confidence = np.repeat(rng.uniform(0.5, 1, 40), 10)
    right = np.repeat(rng.random(40) < 0.8, 10)
    other = np.clip(confidence + np.repeat(rng.normal(0, 0.1, 40), 10), 0, 1)
    clusters = np.repeat(np.arange(40), 10)
    plain, clustered = (change((confidence, right), (other, right), clusters=c) for c in (None, clusters))
    assert clustered.se > 1.5 * plain.se
    assert clustered.units == 40
