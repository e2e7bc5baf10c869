import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.stats.calibration import (
    calibration_change,
    calibration_error,
    equal_mass_edges,
    equal_width_edges,
    top_label_calibration_error,
)

confidences = st.lists(st.floats(0, 1), min_size=1, max_size=60).map(np.array)


@given(confidences, st.data(), st.integers(1, 20))
def test_the_errors_are_ordered_and_within_one(confidence, data, bins):
    right = data.draw(st.lists(st.booleans(), min_size=len(confidence), max_size=len(confidence)))
    for edges in (equal_width_edges(bins), equal_mass_edges(confidence, bins)):
        found = calibration_error(confidence, right, edges)
        assert 0 <= found.l1 <= found.l2 + 1e-12
        assert found.l2 <= found.max + 1e-12
        assert found.max <= 1
        assert found.debiased_l2 <= found.l2 + 1e-12


def test_bins_are_closed_on_the_right_and_zero_joins_the_first():
    assert calibration_error([0.5, 0.9], [0, 1], equal_width_edges(2)).l1 == pytest.approx(0.3)
    assert calibration_error([0.0, 0.0], [0, 0], equal_width_edges(15)).l1 == 0
    assert calibration_error([1.0], [1], equal_width_edges(15)).l1 == 0


def test_equal_mass_bins_are_equally_full():
    confidence = np.random.default_rng(0).beta(8, 2, 1500)
    filled = np.histogram(confidence, equal_mass_edges(confidence, 15))[0]
    assert filled.min() >= 99
    assert len(equal_mass_edges(np.full(50, 0.7), 15)) == 3  # one value: one inner edge


def test_no_examples_no_error():
    found = calibration_error([], [], equal_width_edges())
    assert np.isnan(found.l1)
    assert not found.reliable


def test_debiasing_takes_out_what_chance_adds():
    random = np.random.default_rng(2)
    confidence = random.random(3000)
    found = calibration_error(confidence, random.random(3000) < confidence, equal_width_edges())
    assert found.reliable
    assert found.l2 > 0.01
    assert found.debiased_l2 < found.l2 / 1.5


def test_the_top_label_counts():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    expected = calibration_error([0.9, 0.6, 0.8], [1, 0, 1], equal_width_edges(10))
    assert top_label_calibration_error(probabilities, [0, 1, 1], bins=10) == expected


def test_overconfidence_is_harm():
    random = np.random.default_rng(4)
    confidence = random.uniform(0.5, 1, 600)
    right = random.random(600) < confidence
    overconfident = 1 - (1 - confidence) / 4
    rng = np.random.default_rng(0)
    found = calibration_change((confidence, right), (overconfident, right), equal_width_edges(), resamples=299, rng=rng)
    assert found.interval.high < 0
    same = calibration_change((confidence, right), (confidence, right), equal_width_edges(), resamples=99, rng=rng)
    assert (same.interval.estimate, same.interval.high) == (0, np.inf)


@pytest.mark.parametrize(("confidence", "right"), [([1.2], [1]), ([np.nan], [0]), ([0.5, 0.5], [1])])
def test_what_is_no_confidence_is_refused(confidence, right):
    with pytest.raises(ValueError, match="confidences"):
        calibration_error(confidence, right, equal_width_edges())
