"""What a loaded torch module holds, and the floating-point operations of its answer to one example."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from validate.artifact_profile.stored import Weights
from validate.runners.batches import Tensors

_HEADS = ("num_heads", "num_attention_heads", "n_heads")  # what modules call the number of their attention heads


def weights(model: torch.nn.Module) -> Iterator[Weights]:
    """Every tensor of the module's state; one that several names share comes once, under its first."""
    seen = set()
    heads = _heads(model)
    for name, tensor in _named(model.state_dict()):
        key = _identity(tensor)
        if key is None or key not in seen:
            seen.add(key)
            yield _weights(name, tensor, heads)


def flops(model: torch.nn.Module, tensors: Tensors) -> tuple[int | None, str]:
    """Operations of one call as torch's own counter sees them, two per multiplication and addition; and what it saw.

    None where an operator that multiplies is unknown to the counter, such as one of packed integers: half of a sum is
    no sum.
    """
    from torch.utils.flop_counter import FlopCounterMode, mm_flop

    integers = {torch.ops.aten._int_mm: mm_flop}  # of eight bits: known by its name alone
    counter = FlopCounterMode(display=False, custom_mapping=integers)
    seen, fast = _Seen(), torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one fused operator that nobody counts
    try:
        with torch.inference_mode(), seen, counter:
            call(model, tensors)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    unknown = sorted({str(it) for it in seen.operators if _multiplies(it) and it not in counter.flop_registry})
    if unknown:
        return None, f"not counted: the counter does not know {', '.join(unknown)}"
    if not counter.get_total_flops():
        return None, "not counted: the counter sees no operator that it knows"
    counted = sorted(map(str, counter.get_flop_counts()["Global"]))
    return counter.get_total_flops(), f"as executed, zeros included: {', '.join(counted)}"


class _Seen(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its subclass hook untyped
    """Which operators a model's answer takes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.operators: set[Any] = set()

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401  # torch's own signature
        self.operators.add(func._overloadpacket)  # the name without its overload, as the counter has it
        return func(*args, **(kwargs or {}))


def call(model: torch.nn.Module, tensors: Tensors) -> object:
    """The model's answer to tensors in the structure that `inputs` gave them."""
    if isinstance(tensors, dict):
        return model(**tensors)
    return model(*tensors) if isinstance(tensors, tuple) else model(tensors)


def _multiplies(operator: object) -> bool:
    return re.search(r"mm|matmul|linear|conv|attention|rnn|lstm|gru|einsum", str(operator)) is not None


def _named(state: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of a state; modules with packed weights keep them in tuples."""
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            yield name, value
        elif isinstance(value, tuple | list):
            yield from _named({f"{name}.{i}": item for i, item in enumerate(value)})


def _identity(tensor: torch.Tensor) -> tuple[object, ...] | None:
    """What two names of the same numbers share; None where that cannot be told."""
    if _parts(tensor) or tensor.layout is not torch.strided or not tensor.numel():
        return None
    return tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


def _weights(name: str, tensor: torch.Tensor, heads: Mapping[str, int]) -> Weights:
    stored = _stored(tensor)
    largest = max(stored, key=lambda part: part.nbytes)
    bits = 8 * largest.nbytes / max(1, tensor.numel())
    packed = len(stored) > 1 and bits < 8 * largest.element_size()
    return Weights(
        name=name,
        dtype=f"int{math.ceil(bits)} in {_format(largest)}" if packed else _meant(tensor, largest),
        shape=tuple(tensor.shape),
        bytes=sum(part.nbytes for part in stored),
        nonzero=_nonzero(tensor),
        heads=heads.get(name.rpartition(".")[0]),
    )


def _meant(tensor: torch.Tensor, largest: torch.Tensor) -> str:
    """The format, and where whole bytes hold fewer bits, as torchao's tensors say, those too."""
    meant = str(getattr(tensor, "target_dtype", largest.dtype)).removeprefix("torch.")
    fewer = re.fullmatch(r"u?int[1-7]", meant)
    return f"{meant} in {_format(largest)}" if fewer else _format(largest)


def _parts(tensor: torch.Tensor) -> list[torch.Tensor]:
    """What a tensor that wraps others is made of; nothing for an ordinary one."""
    if not hasattr(tensor, "__tensor_flatten__"):
        return []
    names, _ = tensor.__tensor_flatten__()
    inside = [getattr(tensor, name) for name in names]
    return [part for it in inside if isinstance(it, torch.Tensor) for part in _parts(it) or [it]]


def _stored(tensor: torch.Tensor) -> list[torch.Tensor]:
    """The plain tensors that take the memory."""
    if tensor.layout in {torch.sparse_csr, torch.sparse_bsr}:
        return [tensor.values(), tensor.crow_indices(), tensor.col_indices()]
    if tensor.layout is torch.sparse_coo:
        whole = tensor.coalesce()
        return [whole.values(), whole.indices()]
    return _parts(tensor) or [tensor]


def _nonzero(tensor: torch.Tensor) -> Any:  # noqa: ANN401  # a mask, or None
    """Where the tensor is not zero, as the values that it stands for."""
    try:
        if _parts(tensor) or tensor.is_quantized:
            tensor = tensor.dequantize()
        if tensor.layout is not torch.strided:
            tensor = tensor.to_dense()
        return (tensor != 0).cpu().numpy()
    except (RuntimeError, NotImplementedError, AttributeError, TypeError):
        return None  # a format without a way back to plain numbers


def _heads(model: torch.nn.Module) -> dict[str, int]:
    """Attention heads by the name of the module that says so, and of the modules inside it."""
    found: dict[str, int] = {}
    for name, module in model.named_modules():
        count = next((value for key in _HEADS if isinstance(value := getattr(module, key, None), int)), None)
        if count is not None:
            found |= {".".join(filter(None, (name, inner))): count for inner, _ in module.named_modules()}
    return found


def _format(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
