"""What a model stores, tensor by tensor, and what compression made of the dense model's."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from validate.artifact_profile.patterns import pattern, zero_heads, zero_lines

# how quantizing tools name what takes a tensor's place
_ALIASES = (
    (r"_quantized$", ""),
    (r"\._packed_params\._packed_params\.0$", ".weight"),
    (r"\._packed_params\._packed_params\.1$", ".bias"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """One tensor as a runner finds it."""

    name: str
    dtype: str  # as stored: "float32", "int8"
    shape: tuple[int, ...]  # as used: of a packed tensor, the shape that it stands for
    bytes: int  # in memory, with the scales that belong to it
    nonzero: NDArray[np.bool_] | None  # where it is not zero, of this shape; None where that cannot be told
    heads: int | None = None  # attention heads of the module that holds it, where it says so


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One tensor: its format, its size, and how its zeros lie."""

    dtype: str
    shape: tuple[int, ...]
    numbers: int
    bytes: int  # in memory
    zeros: int | None  # None where they cannot be counted
    pattern: str | None = None  # that all its zeros follow: "2:4", "16×16 blocks", "rows and columns"
    zero_outputs: int = 0  # rows of a matrix, filters of a convolution, with nothing but zeros
    zero_inputs: int = 0
    heads: int | None = None
    zero_heads: int = 0  # of these, how many hold nothing but zeros


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One model as it is stored; every number is exact."""

    tensors: tuple[tuple[str, Stored], ...] = ()  # by name, in the model's order; tensors that are shared count once
    disk: int | None = None  # bytes of its files
    flops: int | None = None  # of one example, two for each multiplication with its addition
    flops_note: str = ""  # what was counted, or why nothing was
    reason: str = ""  # why nothing is known of its inside; empty where it is


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What a model's tensors add up to."""

    memory: int
    parameters: int  # all numbers that it stores, buffers, scales and zero points included
    nonzeros: int | None
    weights: int  # numbers in tensors of two or more dimensions: what compression is about
    weight_zeros: int | None
    formats: dict[str, int] = field(default_factory=dict)  # of the weights: numbers by format
    patterns: dict[str, int] = field(default_factory=dict)  # of the weights: numbers by pattern


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One tensor in both models, matched by name; None where a model does not have it."""

    name: str
    dense: Stored | None
    compressed: Stored | None


@dataclass(frozen=True, kw_only=True)
class CompressionProfile:
    """What was compressed."""

    dense: Artifact
    compressed: Artifact


def artifact(
    weights: Iterable[Weights], *, disk: int | None, flops: int | None = None, flops_note: str = ""
) -> Artifact:
    """A model as it is stored; the tensors may come one by one, so that not all masks are in memory at once."""
    return Artifact(
        tensors=tuple((it.name, stored(it)) for it in weights), disk=disk, flops=flops, flops_note=flops_note
    )


def stored(it: Weights) -> Stored:
    """One tensor described."""
    numbers = math.prod(it.shape)
    bare = Stored(dtype=it.dtype, shape=it.shape, numbers=numbers, bytes=it.bytes, zeros=None, heads=it.heads)
    if it.nonzero is None:
        return bare
    outputs, inputs = zero_lines(it.nonzero)
    return replace(
        bare,
        zeros=numbers - int(np.count_nonzero(it.nonzero)),
        pattern=pattern(it.nonzero),
        zero_outputs=outputs,
        zero_inputs=inputs,
        zero_heads=zero_heads(it.nonzero, it.heads),
    )


def totals(model: Artifact) -> Totals:
    """The sums over a model's tensors; what cannot be counted in one of them cannot be counted in all."""
    tensors = [tensor for _, tensor in model.tensors]
    weights = [tensor for tensor in tensors if len(tensor.shape) >= 2]
    parameters, zeros = sum(tensor.numbers for tensor in tensors), _zeros(tensors)
    formats: dict[str, int] = {}
    patterns: dict[str, int] = {}
    for tensor in weights:
        formats[tensor.dtype] = formats.get(tensor.dtype, 0) + tensor.numbers
        if tensor.pattern:
            patterns[tensor.pattern] = patterns.get(tensor.pattern, 0) + tensor.numbers
    return Totals(
        memory=sum(tensor.bytes for tensor in tensors),
        parameters=parameters,
        nonzeros=None if zeros is None else parameters - zeros,
        weights=sum(tensor.numbers for tensor in weights),
        weight_zeros=_zeros(weights),
        formats=formats,
        patterns=patterns,
    )


def layers(profile: CompressionProfile) -> tuple[Layer, ...]:
    """Both models' tensors side by side, in the dense model's order; those of the compressed one alone come last."""
    dense = {plain_name(name): (name, tensor) for name, tensor in profile.dense.tensors}
    compressed = {plain_name(name): (name, tensor) for name, tensor in profile.compressed.tensors}
    return tuple(
        Layer(
            name=(dense.get(key) or compressed[key])[0],
            dense=dense[key][1] if key in dense else None,
            compressed=compressed[key][1] if key in compressed else None,
        )
        for key in (*dense, *(key for key in compressed if key not in dense))
    )


def plain_name(name: str) -> str:
    """The name of the tensor that a quantized one stands for."""
    for tail, plain in _ALIASES:
        name = re.sub(tail, plain, name)
    return name


def removed(layer: Layer) -> tuple[tuple[str, int, int], ...]:
    """Dimensions that lost entries, such as ("outputs", 256, 128), and heads that went or became zero.

    None where the two tensors do not match.
    """
    dense, compressed = layer.dense, layer.compressed
    if dense is None or compressed is None or len(dense.shape) != len(compressed.shape):
        return ()
    named = ("outputs", "inputs") if len(dense.shape) > 1 else ("outputs",)
    words = [*named, *(f"dimension {i}" for i in range(3, len(dense.shape) + 1))]
    found = [
        (word, before, after)
        for word, before, after in zip(words, dense.shape, compressed.shape, strict=False)
        if after < before
    ]
    if dense.heads and compressed.heads:
        before, after = dense.heads - dense.zero_heads, compressed.heads - compressed.zero_heads
        if after < before:
            found.append(("heads", before, after))
    return tuple(found)


def _zeros(tensors: Sequence[Stored]) -> int | None:
    counted = [tensor.zeros for tensor in tensors if tensor.zeros is not None]
    return sum(counted) if len(counted) == len(tensors) else None
