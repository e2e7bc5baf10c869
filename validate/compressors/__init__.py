"""Reference pruning and quantization, for demos and sweeps: thin over the libraries that do it; no gate needs it.

Every function leaves the model that it is given as it is, and returns a compressed copy. What pruning returns has a
plain state dict, for safetensors; what torchao quantizes has one for `torch.save`, which loads with weights_only=True.
"""

import copy
import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import nn
from torch.nn.utils import prune

from validate.compressors.heads import heads
from validate.errors import ModelError
from validate.runners.quiet import quiet_imports

Tune = Callable[[nn.Module, int], None]  # trains the model of this round on, in place; masked weights stay zero
Scope = Literal["global", "layer"]
Scheme = Literal["int8-dynamic", "int8-weights", "int4-weights"]

__all__ = ["half", "heads", "magnitude", "n_of_m", "quantized", "random", "structured"]

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


def magnitude(
    model: nn.Module, share: float, *, scope: Scope = "global", rounds: int = 1, tune: Tune | None = None
) -> nn.Module:
    """The smallest weights set to zero: of all layers together, or the same share of each.

    Of several rounds, each keeps the same share of what is left, and `tune` trains on after each of them.
    """

    def mask(made: nn.Module, wanted: float) -> None:
        if scope == "global":
            prune.global_unstructured(_weights(made), pruning_method=prune.L1Unstructured, amount=wanted)
        else:
            for layer, name in _weights(made):
                prune.l1_unstructured(layer, name, amount=wanted)

    return _in_rounds(model, mask, schedule(share, rounds), tune)


def random(model: nn.Module, share: float, *, seed: int, rounds: int = 1, tune: Tune | None = None) -> nn.Module:
    """The same share of each layer's weights set to zero by lot: the control that a method has to beat."""

    def mask(made: nn.Module, wanted: float) -> None:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            for layer, name in _weights(made):
                kept = torch.rand_like(layer.weight) + (layer.weight != 0)  # what is zero already stays so
                prune.l1_unstructured(layer, name, amount=wanted, importance_scores=kept)

    return _in_rounds(model, mask, schedule(share, rounds), tune)


def n_of_m(model: nn.Module, n: int = 2, m: int = 4, *, tune: Tune | None = None) -> nn.Module:
    """The n largest of every m consecutive inputs kept, in each layer; a last, shorter group keeps its n largest.

    Of a convolution the inputs are its channels, as hardware and the profile read them.
    """
    if not 0 < n < m:
        raise ModelError("n:m pruning", "keeps fewer than m, and at least one, of m", f"{n}:{m}")

    def mask(made: nn.Module, _wanted: float) -> None:
        for layer, name in _weights(made):
            prune.custom_from_mask(layer, name, mask=_largest(layer.weight.detach(), n, m))

    return _in_rounds(model, mask, (1 - n / m,), tune)


def structured(
    model: nn.Module, share: float, example: torch.Tensor, *, rounds: int = 1, tune: Tune | None = None
) -> nn.Module:
    """This share of each layer's neurons, or channels, really removed, the weakest first; the outputs stay.

    What is left has other shapes: build it by the same call, or from the shapes of its state dict, and load that.

    Raises:
        ModelError: torch-pruning is not installed, or a share that is none.
    """
    steps = schedule(share, rounds)
    try:
        import torch_pruning
    except ImportError as missing:
        raise ModelError("structured pruning", "needs more packages: pip install 'paritygate[compress]'") from missing
    made = copy.deepcopy(model)
    training = made.training
    made.eval().requires_grad_(requires_grad=True)  # the dependencies between layers are read off the graph
    last = [layer for layer in made.modules() if isinstance(layer, Layer)][-1:]
    sizes = {layer: _outputs(layer) for layer in made.modules() if isinstance(layer, Layer)}
    for at, wanted in enumerate(steps, 1):
        left = {layer: 1 - (1 - wanted) * sizes[layer] / _outputs(layer) for layer in sizes}
        pruner = torch_pruning.pruner.BasePruner(
            made,
            example,
            importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
            pruning_ratio=wanted,
            pruning_ratio_dict=left,
            ignored_layers=last,
        )
        pruner.step()
        if tune is not None:
            tune(made, at)
    return made.train(training)


def quantized(model: nn.Module, scheme: Scheme, *, group: int = 32) -> nn.Module:
    """Linear layers in eight or four bits by torchao; save the state dict with torch.save.

    `int8-dynamic` rounds what flows in as well; `int4-weights` has a scale for every `group` inputs of a neuron, and
    leaves layers alone whose inputs it does not divide. Stored as whole bytes: four bits take as much memory as eight.

    Raises:
        ModelError: torchao is not installed, or a group that divides no layer's inputs.
    """
    try:
        with quiet_imports():
            from torchao import quantization
    except ImportError as missing:
        raise ModelError("quantization", "needs more packages: pip install 'paritygate[compress]'") from missing
    made = copy.deepcopy(model)
    four = scheme == "int4-weights"

    def fits(module: nn.Module, _name: str) -> bool:
        return isinstance(module, nn.Linear) and (not four or module.in_features % group == 0)

    if not any(fits(module, "") for module in made.modules()):
        raise ModelError("quantization", "found no linear layer that it can quantize", f"{scheme}, groups of {group}")
    configs = {
        "int8-dynamic": quantization.Int8DynamicActivationInt8WeightConfig,
        "int8-weights": quantization.Int8WeightOnlyConfig,
    }
    if four:
        whole = torch.int4  # type: ignore[attr-defined]  # torch has it, its stubs do not
        config = quantization.IntxWeightOnlyConfig(weight_dtype=whole, granularity=quantization.PerGroup(group))
    else:
        config = configs[scheme]()
    quantization.quantize_(made, config, filter_fn=fits)
    return made


def half(model: nn.Module, dtype: Literal["float16", "bfloat16"]) -> nn.Module:
    """All floating-point numbers in 16 bits; its inputs must be of that type too."""
    return copy.deepcopy(model).to(getattr(torch, dtype))


def schedule(share: float, rounds: int) -> tuple[float, ...]:
    """The share of zeros after each round, each round keeping the same part of what is left.

    Raises:
        ModelError: a share that is not between 0 and 1, or no round.
    """
    if not 0 < share < 1:
        raise ModelError("pruning", "the share must be more than 0 and less than 1", share)
    if rounds < 1:
        raise ModelError("pruning", "needs at least one round", rounds)
    return (*(1 - (1 - share) ** (done / rounds) for done in range(1, rounds)), share)


def _in_rounds(
    model: nn.Module, mask: Callable[[nn.Module, float], None], steps: tuple[float, ...], tune: Tune | None
) -> nn.Module:
    made = copy.deepcopy(model)
    if not _weights(made):
        raise ModelError("pruning", "found no linear or convolutional layer")
    for at, wanted in enumerate(steps, 1):
        mask(made, wanted)
        if tune is not None:
            tune(made, at)
        for layer, name in _weights(made):  # zeros become part of the weights, and are the smallest of the next round
            prune.remove(layer, name)
    return made


def _weights(model: nn.Module) -> list[tuple[Layer, str]]:
    return [(module, "weight") for module in model.modules() if isinstance(module, Layer)]


def _outputs(layer: Layer) -> int:
    return len(layer.weight)


def _largest(weight: torch.Tensor, n: int, m: int) -> torch.Tensor:
    """A mask of the n largest of every m inputs."""
    last = weight.movedim(1, -1)
    flat = last.reshape(len(weight), -1).abs()
    width = flat.shape[1]
    groups = nn.functional.pad(flat, (0, math.ceil(width / m) * m - width), value=-1).reshape(len(flat), -1, m)
    kept = torch.zeros_like(groups).scatter_(2, groups.topk(n, dim=2).indices, 1)
    return kept.flatten(1)[:, :width].reshape(last.shape).movedim(-1, 1)
