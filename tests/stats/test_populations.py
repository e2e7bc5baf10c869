import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from validate.stats.populations import SCOPE, class_change, exemplars

RNG = np.random.default_rng(3)
DENSE, COMPRESSED = 0.84 + 0.004 * RNG.standard_normal(6), 0.81 + 0.008 * RNG.standard_normal(6)
DENSE_ACCURACY, COMPRESSED_ACCURACY = 0.76 + 0.001 * RNG.standard_normal(6), 0.75 + 0.001 * RNG.standard_normal(6)
ALL = DENSE, COMPRESSED, DENSE_ACCURACY, COMPRESSED_ACCURACY


def test_matched_seeds_are_tested_in_pairs():
    found = class_change(*ALL)
    expected = stats.ttest_rel(COMPRESSED - COMPRESSED_ACCURACY, DENSE - DENSE_ACCURACY)
    assert found.test.p == pytest.approx(expected.pvalue)
    assert found.change == pytest.approx(np.mean(COMPRESSED - COMPRESSED_ACCURACY - DENSE + DENSE_ACCURACY))
    assert found.test.interval.estimate == pytest.approx(found.change)
    assert found.change < 0  # harm


def test_other_seeds_are_two_groups():
    found = class_change(DENSE, COMPRESSED[:4], DENSE_ACCURACY, COMPRESSED_ACCURACY[:4], matched=False)
    expected = stats.ttest_ind(COMPRESSED[:4] - COMPRESSED_ACCURACY[:4], DENSE - DENSE_ACCURACY, equal_var=False)
    assert found.test.p == pytest.approx(expected.pvalue)
    assert found.seeds == (6, 4)


def test_a_level_mean_takes_out_a_constant():
    constant, own = (
        class_change(*ALL, normalise=normalise, matched=False) for normalise in ("level-mean", "per-model")
    )
    assert constant.change == pytest.approx(own.change)
    expected = stats.ttest_ind(COMPRESSED, DENSE + COMPRESSED_ACCURACY.mean() - DENSE_ACCURACY.mean(), equal_var=False)
    assert constant.test.p == pytest.approx(expected.pvalue)
    assert constant.test.p != own.test.p


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("matched", [True, False])
def test_fewer_than_three_seeds_give_ranges_and_no_test(seeds, matched):
    found = class_change(*(x[:seeds] for x in ALL), matched=matched)
    assert found.test is None
    assert found.dense_range == (
        min(DENSE[:seeds] - DENSE_ACCURACY[:seeds]),
        max(DENSE[:seeds] - DENSE_ACCURACY[:seeds]),
    )


@pytest.mark.parametrize("matched", [True, False])
def test_seeds_that_do_not_vary_have_no_p(matched):
    found = class_change([0.8] * 4, [0.7] * 4, [0.75] * 4, [0.75] * 4, matched=matched)
    assert np.isnan(found.test.p)
    assert found.change == pytest.approx(-0.1)


def test_matched_seeds_must_match():
    with pytest.raises(ValueError, match="matched seeds"):
        class_change(DENSE, COMPRESSED[:4], DENSE_ACCURACY, COMPRESSED_ACCURACY[:4])


def test_the_scope_is_said():
    assert "training anew" in SCOPE
    assert "new examples" in SCOPE


def test_exemplars_are_where_the_usual_label_changes():
    dense = [[0, 1, 2, 0], [0, 1, 2, 1], [1, 1, 2, 2]]
    compressed = [[1, 1, 0, 2], [1, 0, 2, 1], [1, 1, 2, 0]]
    assert exemplars(dense, compressed).tolist() == [True, False, False, False]  # the last: all tie, 0 counts


@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 10**6))
def test_exemplars_as_scipys_mode(models, n, seed):
    rng = np.random.default_rng(seed)
    dense, compressed = rng.integers(0, 4, (models, n)), rng.integers(0, 4, (models + 1, n))
    expected = stats.mode(dense).mode != stats.mode(compressed).mode
    np.testing.assert_array_equal(exemplars(dense, compressed), expected)


@pytest.mark.parametrize("labels", [[], [0, 1], [[-1, 0]]])
def test_exemplars_need_codes_of_several_models(labels):
    with pytest.raises(ValueError, match="one row per model"):
        exemplars(labels, [[0, 1]])
