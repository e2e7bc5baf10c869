"""What `suite.toml` runs: pictures as numbers, and the networks that the weights beside it fit into."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

WIDTHS = (16, 32, 32)  # channels of the first and second convolution, neurons of the hidden layer
NARROW = (8, 16, 16)
CLASSES = 10
CONV = partial(nn.Conv2d, kernel_size=3, padding=1)
CELLS = 7 * 7  # of a picture after two poolings


def rounded(x: torch.Tensor) -> torch.Tensor:
    """Whole numbers, whose gradient is that of the numbers before rounding: else an attack would see a flat model."""
    return x + (torch.round(x) - x).detach()


def eight_bits(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs of a layer as whole numbers up to 127, and the step between two of them, picture by picture."""
    step = x.flatten(1).abs().amax(dim=1).clamp_min(1e-12).detach() / 127
    step = step.view(-1, *(1,) * (x.ndim - 1))
    return rounded(x / step), step


class Int8Conv(nn.Module):
    """A 3 by 3 convolution in eight bits: integer weights with one scale per channel; float32 carries the integers."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(outputs, inputs, 3, 3, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(outputs))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        whole, step = eight_bits(x)
        sums = F.conv2d(whole, self.weight.float(), padding=1)
        return sums * step * self.scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class Int8Linear(nn.Module):
    """A linear layer in eight bits, as above."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(outputs, inputs, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(outputs))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        whole, step = eight_bits(x)
        return F.linear(whole, self.weight.float()) * step * self.scale + self.bias


def inputs(frame: pd.DataFrame) -> torch.Tensor:
    """Pictures as the networks see them, (n, 1, 28, 28) float32: grey levels from 0 to 1."""
    pictures = np.stack(frame["image"].to_numpy())
    return torch.from_numpy(pictures).unsqueeze(1).float() / 255


def build() -> nn.Module:
    """The dense network, and the one that weights set to zero fit into."""
    return network(WIDTHS)


def build_narrow() -> nn.Module:
    """The network with half of the channels."""
    return network(NARROW)


def build_int8() -> nn.Module:
    """The dense network's shape in eight bits."""
    return network(WIDTHS, Int8Conv, Int8Linear)


def network(
    widths: Sequence[int],
    conv: Callable[[int, int], nn.Module] = CONV,
    linear: Callable[[int, int], nn.Module] = nn.Linear,
) -> nn.Module:
    """Two convolutions, two linear layers, of these widths."""
    first, second, hidden = widths
    return nn.Sequential(
        conv(1, first),
        nn.ReLU(),
        nn.MaxPool2d(2),
        conv(first, second),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        linear(second * CELLS, hidden),
        nn.ReLU(),
        linear(hidden, CLASSES),
    )
