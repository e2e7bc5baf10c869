import numpy as np
import pytest

from validate.stats.populations import class_change, exemplars

DENSE, COMPRESSED = np.array([0.84, 0.83, 0.85, 0.84]), np.array([0.80, 0.78, 0.82, 0.79])
ACCURACY = np.array([0.76, 0.75, 0.77, 0.76])


def test_a_class_that_loses_more_than_the_models_is_negative():
    found = class_change(DENSE, COMPRESSED, ACCURACY, ACCURACY - 0.01)
    assert found.change == pytest.approx((COMPRESSED - DENSE).mean() + 0.01)
    assert found.test is not None
    assert found.test.t < 0
    assert found.test.interval.method == "paired t"


def test_seeds_that_do_not_match_are_two_groups():
    found = class_change(DENSE, COMPRESSED[:3], ACCURACY, ACCURACY[:3], matched=False)
    assert found.test is not None
    assert "Welch" in found.test.interval.method
    with pytest.raises(ValueError, match="matched"):
        class_change(DENSE, COMPRESSED[:3], ACCURACY, ACCURACY[:3])


def test_the_level_mean_is_a_constant():
    noisy = np.array([0.70, 0.80, 0.72, 0.82])
    own = class_change(DENSE, COMPRESSED, noisy, ACCURACY).test
    mean = class_change(DENSE, COMPRESSED, noisy, ACCURACY, normalise="level-mean").test
    assert own is not None
    assert mean is not None
    assert own.interval.estimate == pytest.approx(mean.interval.estimate)
    assert own.p > mean.p


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_are_ranges_only(seeds):
    found = class_change(DENSE[:seeds], COMPRESSED[:seeds], ACCURACY[:seeds], ACCURACY[:seeds])
    assert found.test is None
    assert found.seeds == (seeds, seeds)
    assert found.compressed_range[0] <= found.compressed_range[1]


def test_seeds_that_do_not_vary_have_no_p():
    found = class_change([0.8] * 4, [0.7] * 4, [0.75] * 4, [0.75] * 4).test
    assert found is not None
    assert np.isnan(found.p)


def test_exemplars_change_their_usual_label():
    dense = [[0, 1, 2, 0], [0, 1, 1, 1], [1, 1, 2, 0]]
    compressed = [[0, 2, 2, 1], [0, 2, 1, 0]]  # the last two are ties: the lowest code counts
    assert exemplars(dense, compressed).tolist() == [False, True, True, False]
    with pytest.raises(ValueError, match="codes"):
        exemplars([[-1]], [[0]])
