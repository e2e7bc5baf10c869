"""What runners find inside real models: known zeros, formats, shared and empty tensors, and operations counted by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from validate.artifact_profile.stored import CompressionProfile, artifact, layers, plain_name, removed, totals
from validate.runners.contents import flops, weights


def described(model):
    return artifact(weights(model), disk=None)


def tensors(model):
    return dict(described(model).tensors)


def linear(inputs, outputs, zeros=0):
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.fill_(1.0).view(-1)[:zeros] = 0.0
    return layer


def test_zeros_shapes_and_bytes():
    found = tensors(nn.Sequential(linear(8, 4, zeros=5), nn.ReLU(), linear(4, 2)))
    assert list(found) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    first = found["0.weight"]
    assert (first.dtype, first.shape, first.numbers, first.zeros, first.bytes) == ("float32", (4, 8), 32, 5, 128)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_number_formats_that_numpy_may_not_have(kind):
    found = tensors(linear(8, 4, zeros=3).to(kind))["weight"]
    assert (found.dtype, found.zeros) == (str(kind).removeprefix("torch."), 3)


def test_planted_two_of_four_and_removed_neurons():
    dense = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
    sparse = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
    with torch.no_grad():
        order = torch.rand(16, 8, 4).argsort(dim=2)
        sparse[0].weight.fill_(1.0).mul_((order < 2).reshape(16, 32))
    assert tensors(sparse)["0.weight"].pattern == "2:4"
    narrow = nn.Sequential(nn.Linear(32, 8), nn.ReLU(), nn.Linear(8, 2))
    found = layers(CompressionProfile(dense=described(dense), compressed=described(narrow)))
    assert {layer.name: removed(layer) for layer in found} == {
        "0.weight": (("outputs", 16, 8),),
        "0.bias": (("outputs", 16, 8),),
        "2.weight": (("inputs", 16, 8),),
        "2.bias": (),
    }


def test_tied_tensors_count_once():
    model = nn.Module()
    model.embedding = nn.Embedding(10, 4)
    model.head = nn.Linear(4, 10, bias=False)
    model.head.weight = model.embedding.weight
    assert list(tensors(model)) == ["embedding.weight"]
    assert totals(described(model)).parameters == 40


def test_tensors_without_numbers_and_models_without_tensors():
    model = nn.Module()
    model.register_buffer("none", torch.empty(0, 4))
    model.register_buffer("nothing", torch.empty(0))
    assert [(it.numbers, it.zeros) for it in tensors(model).values()] == [(0, 0), (0, 0)]
    assert described(nn.ReLU()).tensors == ()


def test_heads_of_an_attention():
    found = tensors(nn.TransformerEncoderLayer(16, 4, 32))
    assert found["self_attn.in_proj_weight"].heads == 4
    assert found["linear1.weight"].heads is None


def test_a_sparse_tensor_takes_what_it_stores():
    model = nn.Module()
    model.register_buffer("coo", torch.eye(64).to_sparse())
    found = tensors(model)["coo"]
    assert (found.numbers, found.zeros, found.bytes) == (4096, 4032, 64 * 4 + 2 * 64 * 8)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_packed_integers_stand_for_the_layers_weight():
    model = torch.ao.quantization.quantize_dynamic(nn.Sequential(linear(8, 4, zeros=6)), dtype=torch.qint8)
    found = {plain_name(name): it for name, it in described(model).tensors}
    assert (found["0.weight"].dtype, found["0.weight"].zeros, found["0.weight"].bytes) == ("qint8", 6, 32)
    assert flops(model, torch.zeros(1, 8)) == (
        None,
        "not counted: the counter does not know quantized.linear_dynamic",
    )


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]


@pytest.mark.parametrize(
    ("model", "shape", "by_hand"),
    [
        (nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)), (1, 5), 2 * (5 * 7 + 7 * 3)),
        (nn.Conv2d(3, 8, 3), (1, 3, 10, 10), 2 * 8 * 8 * 8 * 3 * 9),
        (nn.Conv2d(4, 8, 3, groups=2, padding=1), (1, 4, 6, 6), 2 * 8 * 6 * 6 * 2 * 9),
        (Attention(), (1, 3, 8), 2 * (3 * 8 * 24 + 3 * 8 * 8 + 2 * 3 * 3 * 8)),
    ],
)
def test_operations_by_hand(model, shape, by_hand):
    counted, note = flops(model.eval(), torch.zeros(shape))
    assert counted == by_hand
    assert note.startswith("as executed, zeros included: ")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_operations_of_a_script_by_hand():
    assert flops(torch.jit.script(nn.Sequential(nn.Linear(5, 7))), torch.zeros(1, 5))[0] == 2 * 5 * 7


def test_what_the_counter_cannot_see_is_not_counted():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.LSTM(4, 4, batch_first=True)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.inner(x)[0][:, -1])

    counted, note = flops(Recurrent().eval(), torch.zeros(1, 3, 4))
    assert counted is None
    assert "does not know" in note
    assert flops(nn.ReLU(), torch.zeros(1, 3)) == (None, "not counted: the counter sees no operator that it knows")


def test_the_fast_path_of_attention_comes_back():
    before = torch.backends.mha.get_fastpath_enabled()
    flops(Attention().eval(), torch.zeros(1, 3, 8))
    assert torch.backends.mha.get_fastpath_enabled() == before


def test_masks_are_where_the_numbers_are():
    (weight, bias) = weights(linear(4, 2, zeros=3))
    np.testing.assert_array_equal(weight.nonzero, np.array([[0, 0, 0, 1], [1, 1, 1, 1]], dtype=bool))
    assert bias.shape == (2,)
