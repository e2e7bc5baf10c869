"""What a model stores adds up, and is set beside the dense model by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from validate.artifact_profile.stored import (
    CompressionProfile,
    Layer,
    Stored,
    Weights,
    artifact,
    layers,
    plain_name,
    removed,
    stored,
    totals,
)


def weights(name, mask, *, dtype="float32", width=4, heads=None):
    mask = np.asarray(mask, dtype=bool)
    return Weights(name=name, dtype=dtype, shape=mask.shape, bytes=width * mask.size, nonzero=mask, heads=heads)


@given(arrays.arrays(bool, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9)))
def test_zeros_and_others_are_all_numbers(mask):
    found = stored(weights("w", mask))
    assert found.numbers == mask.size
    assert found.zeros + np.count_nonzero(mask) == mask.size
    assert totals(artifact([weights("w", mask)], disk=None)).nonzeros == np.count_nonzero(mask)


def test_only_matrices_are_weights():
    model = artifact([weights("w", np.eye(4)), weights("b", np.zeros(4)), weights("s", True)], disk=10)
    found = totals(model)
    assert (found.parameters, found.nonzeros, found.weights, found.weight_zeros) == (21, 5, 16, 12)
    assert (found.memory, found.formats) == (84, {"float32": 16})


def test_what_cannot_be_counted_in_one_tensor_is_not_counted_in_all():
    packed = Weights(name="p", dtype="int4 in uint8", shape=(8, 8), bytes=40, nonzero=None)
    found = totals(artifact([weights("w", np.ones((2, 2))), packed], disk=None))
    assert (found.parameters, found.nonzeros, found.weight_zeros) == (68, None, None)


def test_a_model_without_parameters():
    found = totals(artifact([], disk=3))
    assert (found.memory, found.parameters, found.nonzeros, found.weights) == (0, 0, 0, 0)


def of(dense, compressed):
    return CompressionProfile(dense=artifact(dense, disk=None), compressed=artifact(compressed, disk=None))


def test_layers_keep_the_dense_models_order_and_add_what_is_new():
    both = of(
        [weights("a.weight", np.ones((4, 2))), weights("gone", [True])],
        [weights("a.scale", [True]), weights("a.weight_quantized", np.ones((4, 2)), dtype="int8", width=1)],
    )
    found = layers(both)
    assert [layer.name for layer in found] == ["a.weight", "gone", "a.scale"]
    assert (found[0].dense.dtype, found[0].compressed.dtype) == ("float32", "int8")
    assert (found[1].compressed, found[2].dense) == (None, None)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ((256, 108), (128, 108), (("outputs", 256, 128),)),
        ((256, 108), (128, 64), (("outputs", 256, 128), ("inputs", 108, 64))),
        ((8, 4, 3, 3), (8, 4, 1, 3), (("dimension 3", 3, 1),)),
        ((256,), (128,), (("outputs", 256, 128),)),
        ((256, 108), (256, 108), ()),
        ((256, 108), (512, 108), ()),
        ((256, 108), (256,), ()),
        ((), (), ()),
    ],
)
def test_what_was_removed(before, after, what):
    kind = {"dtype": "float32", "numbers": 0, "bytes": 0, "zeros": 0}
    layer = Layer(name="w", dense=Stored(shape=before, **kind), compressed=Stored(shape=after, **kind))
    assert removed(layer) == what


def test_removed_heads():
    both = of([weights("q", np.ones((64, 64)), heads=8)], [weights("q", np.ones((48, 64)), heads=6)])
    assert removed(layers(both)[0]) == (("outputs", 64, 48), ("heads", 8, 6))


def test_a_name_of_only_one_model_lost_nothing():
    assert removed(layers(of([weights("a", np.ones((4, 4)))], []))[0]) == ()


def test_names_that_quantizing_tools_give():
    assert plain_name("fc.weight_quantized") == "fc.weight"
    assert plain_name("0._packed_params._packed_params.0") == "0.weight"
    assert plain_name("0._packed_params._packed_params.1") == "0.bias"
    assert plain_name("plain") == "plain"
