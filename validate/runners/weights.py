"""Weights into a module, without ever opening a pickle that could run code."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch

from validate.errors import ModelError, one_line
from validate.runners.quiet import quiet_imports

ADVICE = "save model.state_dict() with safetensors.torch.save_file, or with torch.save"


def load_weights(model: torch.nn.Module, path: Path, place: str) -> None:
    """Copy a safetensors file or a state dict into the module; every tensor must be there, fit, and be expected.

    Raises:
        ModelError: no such file, a damaged one, a pickle of anything but tensors, or tensors that do not fit, by name.
    """
    if not path.is_file():
        raise ModelError(place, "there is no such file")
    state = _safetensors(path, place) if path.suffix == ".safetensors" else _state_dict(path, place)
    expected = {name: tensor for name, tensor in model.state_dict().items() if isinstance(tensor, torch.Tensor)}
    problems = _misfits(expected, state)
    if problems:
        raise ModelError(place, f"the weights do not fit the module: {'; '.join(problems)}")
    made_of_parts = any(parts(tensor) != [tensor] for tensor in state.values())
    try:  # strict, but for tied tensors, which safetensors stores once; what is made of parts cannot be copied into
        model.load_state_dict(state, strict=False, assign=made_of_parts)
    except RuntimeError as failure:
        raise ModelError(place, f"the weights do not fit the module: {one_line(failure)}") from failure


def parts(tensor: torch.Tensor) -> list[torch.Tensor]:
    """The plain tensors that hold a tensor: itself, or of a quantized one its whole numbers and their scales."""
    if not hasattr(tensor, "__tensor_flatten__"):
        return [tensor]
    names, _ = tensor.__tensor_flatten__()
    return [part for name in names for part in parts(getattr(tensor, name))]


def _safetensors(path: Path, place: str) -> Mapping[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: Mapping[str, torch.Tensor] = load_file(path)
    except (SafetensorError, OSError) as failure:
        pickled = path.read_bytes()[:2] in {b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"}
        rule = "is a pickle, which was not opened" if pickled else f"is no safetensors file ({one_line(failure)})"
        raise ModelError(place, f"{rule}: {ADVICE}" if pickled else rule) from failure
    return state


def _state_dict(path: Path, place: str) -> Mapping[str, torch.Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's protocol: what matters is whether it loads
            _allow_quantized(path, place)
            state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as failure:
        raise ModelError(place, f"is a pickle that could run code, so it was not opened: {ADVICE}") from failure
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as failure:
        raise ModelError(place, f"could not be read: {one_line(failure)}") from failure
    if not isinstance(state, Mapping):
        raise ModelError(place, f"must hold a state dict: {ADVICE}", type(state).__name__)
    others = [name for name, value in state.items() if not isinstance(value, torch.Tensor)]
    if others or not state:
        raise ModelError(place, f"must hold tensors by name, at least one: {ADVICE}", others or "nothing")
    return state


def _allow_quantized(path: Path, place: str) -> None:
    """Where a file names torchao's tensors, let torchao say which of its types are data; nothing is unpickled here."""
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # whatever is wrong with the file, loading it says so
        return
    if any(name.startswith("torchao.") for name in named):
        try:
            with quiet_imports():
                import torchao.quantization  # noqa: F401 - its import registers the types
        except ImportError as missing:
            raise ModelError(place, "needs more packages: pip install 'paritygate[compress]'") from missing


def _misfits(expected: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> list[str]:
    """What is missing, unexpected, or of another shape or kind."""
    common = expected.keys() & state.keys()
    stored = {_storage(expected[name]) for name in common}
    missing = [name for name in expected if name not in state and _storage(expected[name]) not in stored]
    unexpected = sorted(state.keys() - expected.keys())
    shapes = [
        f"{name} is {tuple(state[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in sorted(common)
        if state[name].shape != expected[name].shape
    ]
    kinds = [  # copying would round every weight to a whole number
        f"{name} is {state[name].dtype} instead of {expected[name].dtype}"
        for name in sorted(common)
        if state[name].is_floating_point() != expected[name].is_floating_point()
    ]
    groups = (("missing", missing), ("unexpected", unexpected), ("shape", shapes), ("number format", kinds))
    return [f"{what} {_some(names)}" for what, names in groups if names]


def _storage(tensor: torch.Tensor) -> int:
    """Where a tensor's numbers lie."""
    return parts(tensor)[0].data_ptr()


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
