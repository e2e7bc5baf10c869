"""What `suite.toml` runs: the encoding of a row, and the networks that the weights beside it fit into."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

HIDDEN = (256, 128)  # neurons of the dense model's two hidden layers
NARROW = (128, 64)  # and of the model that lost half of them
CLASSES = 2


class Int8Linear(nn.Module):
    """A linear layer in eight bits: integer weights with one scale per output, inputs rounded row by row.

    Sums of 8-bit products stay below 2**24 for up to 1,040 inputs, so float32 carries the integers exactly.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(outputs, inputs, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(outputs))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        step = x.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / 127
        whole = torch.round(x / step)
        return F.linear(whole, self.weight.float()) * step * self.scale + self.bias


def inputs(frame: pd.DataFrame) -> torch.Tensor:
    """Rows as the networks see them, (n, width) float32: scaled numbers, then one column per category.

    A missing number counts as the mean of the training part, money below zero as none, a missing category or one that
    the training part did not have as a rare one (or as none of them, where there were no rare ones).
    """
    encoders = _encoders()
    table = np.zeros((len(frame), _width()), dtype=np.float32)
    for at, (column, numeric) in enumerate(encoders["numeric"].items()):
        values = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        values = np.log1p(np.maximum(values, 0)) if numeric["log"] else values
        table[:, at] = np.nan_to_num((values - numeric["mean"]) / numeric["scale"], nan=0.0)
    at = len(encoders["numeric"])
    for column, categorical in encoders["categorical"].items():
        code = pd.Index(categorical["categories"]).get_indexer(frame[column].astype(str))
        if categorical["other"]:
            code[code < 0] = len(categorical["categories"])
        known = np.flatnonzero(code >= 0)
        table[known, at + code[known]] = 1
        at += _columns(categorical)
    return torch.from_numpy(table)


def build() -> nn.Module:
    """The dense network, and the one that weights set to zero fit into."""
    return _network(HIDDEN, nn.Linear)


def build_narrow() -> nn.Module:
    """The network with half of the hidden neurons."""
    return _network(NARROW, nn.Linear)


def build_int8() -> nn.Module:
    """The dense network's shape in eight bits."""
    return _network(HIDDEN, Int8Linear)


def _network(hidden: tuple[int, int], linear: type[nn.Module]) -> nn.Module:
    first, second = hidden
    return nn.Sequential(linear(_width(), first), nn.ReLU(), linear(first, second), nn.ReLU(), linear(second, CLASSES))


def _width() -> int:
    encoders = _encoders()
    return len(encoders["numeric"]) + sum(_columns(c) for c in encoders["categorical"].values())


def _columns(categorical: dict[str, Any]) -> int:
    """A column per category, and one for all the others where the training part had rare ones."""
    return len(categorical["categories"]) + categorical["other"]


@functools.cache
def _encoders() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("encoders.json").read_text(encoding="utf-8"))
