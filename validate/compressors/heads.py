"""Whole attention heads, the weakest of each layer: set to zero, or really removed.

Knows torch's MultiheadAttention, and the attention of transformers' encoders: linear layers for query, key and value
in a module that says how many heads it has, and the linear layer that reads them.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from validate.errors import ModelError

_COUNTS = ("num_attention_heads", "num_heads", "n_heads")  # what modules call the number of their heads
_IN = (("query", "key", "value"), ("q_proj", "k_proj", "v_proj"), ("q_lin", "k_lin", "v_lin"))
_OUT = ("out_proj", "out_lin", "output.dense", "o_proj")  # in the module, or beside it


@dataclass(frozen=True, kw_only=True, eq=False)
class Attention:
    """One attention layer: where each head's weights lie."""

    name: str
    module: nn.Module
    count: str  # the attribute with the number of heads
    heads: int
    rows: tuple[torch.Tensor, ...]  # query, key, value: weights (heads × size, inputs), biases (heads × size)
    columns: torch.Tensor  # (outputs, heads × size) of the layer that reads them
    linears: tuple[str, ...] = ()  # names of query, key, value in the module; empty where one tensor holds all
    reader: nn.Linear | None = None


def heads(model: nn.Module, share: float, *, remove: bool = False) -> nn.Module:
    """This share of each layer's heads, the smallest in norm, without any effect; at least one stays in each.

    Their weights become zero, and shapes stay; with `remove` they go, and what is left has other shapes.

    Raises:
        ModelError: a share that is none or takes no head, no attention that is known, or one that cannot lose heads.
    """
    if not 0 < share < 1:
        raise ModelError("pruning", "the share must be more than 0 and less than 1", share)
    made = copy.deepcopy(model)
    found = list(attentions(made))
    if not found:
        raise ModelError("pruning heads", "found no attention layer that it knows")
    taken = [min(round(share * layer.heads), layer.heads - 1) for layer in found]
    if not any(taken):
        raise ModelError("pruning heads", "takes no head of any layer", share)
    with torch.no_grad():
        for layer, many in zip(found, taken, strict=True):
            weakest = strengths(layer).argsort()[:many]
            if remove:
                _remove(layer, weakest)
            else:
                _empty(layer, weakest)
    return made


def attentions(model: nn.Module) -> Iterator[Attention]:
    """Every attention layer that is known, in the model's order."""
    for name, module in model.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            yield _torch(name, module)
            continue
        count = next((key for key in _COUNTS if isinstance(getattr(module, key, None), int)), None)
        linears = next((it for it in _IN if all(isinstance(getattr(module, part, None), nn.Linear) for part in it)), ())
        reader = _reader(model, name) if linears else None
        if count is not None and reader is not None:
            three = [getattr(module, part) for part in linears]
            biases = [layer.bias for layer in three if layer.bias is not None]
            yield Attention(
                name=name,
                module=module,
                count=count,
                heads=getattr(module, count),
                rows=(*(layer.weight for layer in three), *biases),
                columns=reader.weight,
                linears=linears,
                reader=reader,
            )


def strengths(layer: Attention) -> torch.Tensor:
    """(heads,) the norm of all weights of each head."""
    by_rows = sum(tensor.float().reshape(layer.heads, -1).square().sum(dim=1) for tensor in layer.rows)
    columns = layer.columns.float().reshape(len(layer.columns), layer.heads, -1)
    return torch.as_tensor(by_rows + columns.square().sum(dim=(0, 2))).sqrt()


def _torch(name: str, module: nn.MultiheadAttention) -> Attention:
    separate = module.in_proj_weight is None
    weights = (
        (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
        if separate
        else tuple(module.in_proj_weight.chunk(3))
    )
    biases = () if module.in_proj_bias is None else tuple(module.in_proj_bias.chunk(3))
    return Attention(
        name=name,
        module=module,
        count="num_heads",
        heads=module.num_heads,
        rows=(*weights, *biases),
        columns=module.out_proj.weight,
    )


def _reader(model: nn.Module, name: str) -> nn.Linear | None:
    """The linear layer that reads what the heads make."""
    beside = name.rpartition(".")[0]
    for start in (name, beside):
        for end in _OUT:
            try:
                found = model.get_submodule(".".join(filter(None, (start, end))))
            except AttributeError:
                continue
            if isinstance(found, nn.Linear):
                return found
    return None


def _empty(layer: Attention, which: torch.Tensor) -> None:
    for tensor in layer.rows:
        tensor.view(layer.heads, -1)[which] = 0
    layer.columns.view(len(layer.columns), layer.heads, -1)[:, which] = 0


def _remove(layer: Attention, which: torch.Tensor) -> None:
    if layer.reader is None:
        rule = "torch's MultiheadAttention cannot lose heads, as their sizes add up to its width: leave out remove"
        raise ModelError("pruning heads", rule, layer.name)
    kept = torch.ones(layer.heads, dtype=torch.bool)
    kept[which] = False
    size = layer.reader.in_features // layer.heads
    rows = kept.repeat_interleave(size)
    for name in layer.linears:
        linear = getattr(layer.module, name)
        linear.weight = nn.Parameter(linear.weight[rows].clone(), requires_grad=linear.weight.requires_grad)
        if linear.bias is not None:
            linear.bias = nn.Parameter(linear.bias[rows].clone(), requires_grad=linear.bias.requires_grad)
        linear.out_features = int(rows.sum())
    reader = layer.reader
    reader.weight = nn.Parameter(reader.weight[:, rows].clone(), requires_grad=reader.weight.requires_grad)
    reader.in_features = int(rows.sum())
    setattr(layer.module, layer.count, int(kept.sum()))
    for whole in ("all_head_size", "dim"):  # what the size of all heads is called
        if getattr(layer.module, whole, None) == len(rows):
            setattr(layer.module, whole, int(rows.sum()))
