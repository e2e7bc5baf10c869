"""Attention heads: the weakest lose all effect, as if they had been removed; and the profile counts them."""

import copy

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

from validate import compressors
from validate.artifact_profile.stored import CompressionProfile, artifact, layers, removed
from validate.compressors.heads import attentions, strengths
from validate.errors import ModelError
from validate.runners.contents import weights


def bert():
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=16,
    )  # fmt: skip
    return BertModel(config, add_pooling_layer=False).eval()


def distilbert():
    torch.manual_seed(4)
    config = DistilBertConfig(vocab_size=50, dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=16)
    return DistilBertModel(config).eval()


class Torch(nn.Module):
    def __init__(self, **options):
        super().__init__()
        torch.manual_seed(5)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True, **options)

    def forward(self, x, mask=None):
        return self.attention(x, x, x)[0]


TOKENS = torch.arange(24).reshape(2, 12) % 50


def answer(model):
    with torch.no_grad():
        return model(input_ids=TOKENS).last_hidden_state


@pytest.mark.parametrize("make", [bert, distilbert])
def test_heads_set_to_zero_answer_as_if_they_were_removed(make):
    model = make()
    before = copy.deepcopy(model.state_dict())
    emptied, gone = compressors.heads(model, 0.5), compressors.heads(model, 0.5, remove=True)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    torch.testing.assert_close(answer(emptied), answer(gone), rtol=1e-5, atol=1e-6)
    assert (answer(emptied) - answer(model)).abs().max() > 1e-3
    assert {name: t.shape for name, t in emptied.state_dict().items()} == {n: t.shape for n, t in before.items()}
    for layer, was in zip(attentions(gone), attentions(model), strict=True):
        assert (layer.heads, was.heads) == (2, 4)
        assert [tuple(t.shape) for t in layer.rows] == [(16, 32)] * 3 + [(16,)] * 3
        assert tuple(layer.columns.shape) == (32, 16)
        kept = strengths(was).argsort()[2:].sort().values
        torch.testing.assert_close(strengths(layer), strengths(was)[kept])


@pytest.mark.parametrize("options", [{}, {"bias": False}])
def test_torchs_own_attention_loses_the_weakest(options):
    model, x = Torch(**options), torch.randn(2, 6, 32, generator=torch.Generator().manual_seed(1))
    (was,) = attentions(model)
    weakest = strengths(was).argmin().item()
    made = compressors.heads(model, 0.25)
    (layer,) = attentions(made)
    assert (strengths(layer) == 0).nonzero().flatten().tolist() == [weakest]
    # by hand: the same answer from the other heads alone
    q, k, v = (t.reshape(4, 8, 32) for t in was.rows[:3])
    zero = torch.zeros(4, 8)
    bq, bk, bv = (t.reshape(4, 8) for t in was.rows[3:]) if len(was.rows) > 3 else (zero, zero, zero)
    total = torch.zeros(2, 6, 32)
    for h in set(range(4)) - {weakest}:
        weight = ((x @ q[h].T + bq[h]) @ (x @ k[h].T + bk[h]).transpose(1, 2) / 8**0.5).softmax(dim=-1)
        total += weight @ (x @ v[h].T + bv[h]) @ was.columns[:, 8 * h : 8 * h + 8].T
    out = model.attention.out_proj
    torch.testing.assert_close(made(x), total + (0 if out.bias is None else out.bias), rtol=1e-4, atol=1e-5)


def test_queries_keys_and_values_of_different_widths():
    torch.manual_seed(6)
    made = compressors.heads(nn.MultiheadAttention(32, 4, kdim=16, vdim=8), 0.5)
    (layer,) = attentions(made)
    assert [tuple(t.shape) for t in layer.rows[:3]] == [(32, 32), (32, 16), (32, 8)]
    assert (strengths(layer) == 0).sum() == 2


def test_one_head_stays_in_each_layer():
    assert [layer.heads for layer in attentions(compressors.heads(bert(), 0.95, remove=True))] == [1, 1]


@pytest.mark.parametrize("remove", [True, False])
def test_the_profile_counts_removed_heads_against_the_dense_model(remove):
    model = bert()
    made = compressors.heads(model, 0.5, remove=remove)
    both = CompressionProfile(dense=artifact(weights(model), disk=None), compressed=artifact(weights(made), disk=None))
    found = {layer.name: {word: (a, b) for word, a, b in removed(layer)} for layer in layers(both)}
    for part in ("query", "key", "value"):
        assert found[f"encoder.layer.1.attention.self.{part}.weight"]["heads"] == (4, 2)
    assert "heads" not in found["encoder.layer.1.intermediate.dense.weight"]


def test_the_profile_counts_heads_of_three_matrices_in_one():
    made = compressors.heads(Torch(), 0.5)
    both = CompressionProfile(
        dense=artifact(weights(Torch()), disk=None), compressed=artifact(weights(made), disk=None)
    )
    (found,) = [layer for layer in layers(both) if layer.name == "attention.in_proj_weight"]
    assert removed(found) == (("heads", 4, 2),)


@pytest.mark.parametrize(
    ("make", "share", "remove", "rule"),
    [
        (bert, 0.05, False, "takes no head"),
        (bert, 1.0, False, "less than 1"),
        (lambda: nn.Sequential(nn.Linear(4, 4)), 0.5, False, "no attention layer"),
        (Torch, 0.5, True, "cannot lose heads"),
    ],
)
def test_what_cannot_be_done_is_said(make, share, remove, rule):
    with pytest.raises(ModelError, match=rule):
        compressors.heads(make(), share, remove=remove)
