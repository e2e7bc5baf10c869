"""Zeros planted in a known way are named so, and zeros strewn at random are not."""

import numpy as np
import pytest

from validate.artifact_profile.patterns import pattern, zero_lines


def strewn(shape, zeros, seed=0):
    return np.random.default_rng(seed).random(shape) >= zeros


def two_of_four(shape, seed=0):
    """At random two of every four inputs are not zero."""
    groups = np.argsort(np.random.default_rng(seed).random((*shape[:-1], shape[-1] // 4, 4)), axis=-1) < 2
    return groups.reshape(shape)


def blocks(rows, columns, size, zeros, seed=0):
    return np.kron(strewn((rows // size, columns // size), zeros, seed), np.ones((size, size))).astype(bool)


@pytest.mark.parametrize("zeros", [0.0, 0.02, 0.3, 0.5, 0.8, 0.95, 0.99])
def test_zeros_strewn_at_random_follow_no_pattern(zeros):
    assert pattern(strewn((256, 144), zeros)) is None


def test_two_of_four():
    assert pattern(two_of_four((64, 128))) == "2:4"


def test_the_strictest_rule_is_named():
    one_of_four = np.tile([True, False, False, False], (32, 16))
    assert pattern(one_of_four & strewn((32, 64), 0.1)) == "1:4"


def test_a_convolution_is_read_along_its_channels():
    along_channels = np.moveaxis(two_of_four((16, 3, 3, 32)), -1, 1)
    assert along_channels.shape == (16, 32, 3, 3)
    assert pattern(along_channels) == "2:4"


@pytest.mark.parametrize("size", [4, 8, 16, 32])
def test_blocks(size):
    assert pattern(blocks(256, 256, size, 0.5)) == f"{size}×{size} blocks"


def test_a_few_more_zeros_do_not_hide_blocks():
    assert pattern(blocks(256, 256, 16, 0.5) & strewn((256, 256), 0.001, seed=1)) == "16×16 blocks"


def test_rows_and_columns():
    mask = np.ones((40, 30), dtype=bool)
    mask[5:15] = False
    mask[:, 3:6] = False
    assert pattern(mask) == "rows and columns"
    assert zero_lines(mask) == (10, 3)


def test_filters_and_channels_of_a_convolution():
    mask = np.ones((8, 6, 3, 3), dtype=bool)
    mask[2] = False
    mask[:, 4:] = False
    assert zero_lines(mask) == (1, 2)


@pytest.mark.parametrize("shape", [(), (7,), (0, 4), (4, 0), (0,), (1, 1), (3, 2)])
def test_small_and_empty_tensors(shape):
    for mask in (np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)):
        assert pattern(mask) is None
        assert zero_lines(mask) == ((0, 0) if mask.ndim < 2 or not mask.size or mask.any() else shape)


def test_an_odd_number_of_inputs_still_keeps_two_of_four():
    assert pattern(two_of_four((64, 128))[:, :127]) == "2:4"
