"""ONNX files, run by onnxruntime."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from validate.errors import ModelError, did_you_mean, one_line
from validate.predictions import ModelIdentity
from validate.runners.batches import Tensors, open_inputs
from validate.runners.fixed import FixedBatch
from validate.runners.pytorch import TorchRunner
from validate.runners.settings import versions
from validate.suite import LoadedSuite, OnnxModel
from validate.tables import file_sha256

INSTALL = "needs more packages: pip install 'paritygate[onnx]'"
# what an ONNX file calls its inputs' number formats
_FORMATS = {
    "float": torch.float32,
    "float16": torch.float16,
    "double": torch.float64,
    "bfloat16": torch.bfloat16,
    "bool": torch.bool,
    **{name: getattr(torch, name) for name in ("int8", "int16", "int32", "int64", "uint8")},
}


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One input as the file declares it."""

    name: str
    format: torch.dtype
    shape: tuple[int | None, ...]  # None where any size fits; the first is the examples


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What an ONNX file holds beside its graph."""

    files: tuple[Path, ...]  # the file itself, then those with tensors that it stores outside
    details: tuple[tuple[str, str], ...]


class OnnxModule(torch.nn.Module):
    """A session as a module: tensors in, one tensor out, checked against what the file declares."""

    def __init__(self, session: Any, inputs: Sequence[Declared], output: str, place: str) -> None:  # noqa: ANN401  # onnxruntime ships no types
        super().__init__()
        self.session, self.inputs, self.output, self.place = session, inputs, output, place

    def forward(self, *tensors: torch.Tensor, **named: torch.Tensor) -> torch.Tensor:
        """The chosen output for one batch; MemoryError where memory does not suffice."""
        feed = {it.name: fitted(tensor, it, self.place) for it, tensor in self._matched(tensors, named)}
        try:
            (answer,) = self.session.run([self.output], feed)
        except Exception as failure:
            if "Failed to allocate memory" in str(failure):
                raise MemoryError(one_line(failure)) from failure
            raise
        if not isinstance(answer, np.ndarray):
            raise ModelError(self.place, f"output {self.output!r} must be a tensor", type(answer).__name__)
        return torch.from_numpy(answer)

    def matched(self, tensors: Tensors) -> list[tuple[Declared, torch.Tensor]]:
        """Each declared input with its tensor, of what `inputs` gave."""
        if isinstance(tensors, dict):
            return self._matched((), tensors)
        return self._matched(tensors if isinstance(tensors, tuple) else (tensors,), {})

    def _matched(
        self, tensors: Sequence[torch.Tensor], named: Mapping[str, torch.Tensor]
    ) -> list[tuple[Declared, torch.Tensor]]:
        """Each declared input with its tensor: by name from a dict, else by position."""
        names = [it.name for it in self.inputs]
        if named and named.keys() != set(names):
            raise ModelError(self.place, f"takes inputs named {', '.join(names)}", ", ".join(named))
        if not named and len(tensors) != len(names):
            raise ModelError(self.place, f"takes {len(names)} inputs ({', '.join(names)})", f"{len(tensors)} tensors")
        return [(it, named[it.name] if named else tensors[i]) for i, it in enumerate(self.inputs)]


def open_model(spec: OnnxModel, *, name: str, loaded: LoadedSuite, classes: tuple[str, ...]) -> TorchRunner:
    """Check an ONNX file, with the tensors that it stores outside, and open a session on it.

    Floats are rounded to the float format that the file declares, so that one `inputs` serves float32 and float16.

    Raises:
        ModelError: onnxruntime is missing or lacks a provider; a file that is none or is of an opset that it does
            not know; several outputs and none named; an input that is no tensor of numbers.
    """
    path, place = loaded.file(spec.onnx), f"model {name!r} ({spec.onnx})"
    if not path.is_file():
        raise ModelError(place, "there is no such file")
    stored = read(path, place)
    threads = loaded.suite.models.threads
    session = _session(path, spec, place, threads)
    declared = [_declared(it, place) for it in session.get_inputs()]
    module = OnnxModule(session, declared, _output(spec, session, place), place)
    rows = next((it.shape[0] for it in declared if it.shape and it.shape[0] is not None), None)
    return TorchRunner(
        identity=ModelIdentity(
            name=name,
            kind="onnx",
            source=spec.onnx,
            sha256=_sha256(stored.files),
            bytes=sum(file.stat().st_size for file in stored.files),
            details=(
                *stored.details,
                ("device", session.get_providers()[0]),
                ("threads", str(threads or "as onnxruntime chooses")),
                ("backend", versions("onnxruntime")),
            ),
        ),
        model=module if rows is None else FixedBatch(module, rows),
        device=torch.device("cpu"),
        inputs=open_inputs(loaded),
        width=1 if loaded.suite.models.outputs in {"labels", "value"} else len(classes),
        loaded=loaded,
        packages=("onnxruntime",),
        outside=True,
        opaque=True,
    )


def read(path: Path, place: str) -> Stored:
    """The opset, and size, number formats and share of non-zeros of all tensors, those outside the file included.

    Raises:
        ModelError: a file that is no ONNX model, or lacks a file that belongs to it.
    """
    try:
        import onnx
        from onnx import external_data_helper, numpy_helper
    except ImportError as missing:
        raise ModelError(place, INSTALL) from missing
    try:
        model = onnx.load(path, load_external_data=False)
        outside = {
            entry.value
            for tensor in graph_tensors(model.graph)
            if tensor.data_location == onnx.TensorProto.EXTERNAL
            for entry in tensor.external_data
            if entry.key == "location"
        }
        external_data_helper.load_external_data_for_model(model, str(path.parent))
        arrays = [numpy_helper.to_array(tensor) for tensor in graph_tensors(model.graph)]
    except Exception as failure:
        raise ModelError(place, f"is no ONNX model that can be read: {one_line(failure)}") from failure
    total = sum(array.size for array in arrays)
    nonzero = sum(int(np.count_nonzero(array)) for array in arrays)
    formats: Counter[str] = Counter()
    for array in arrays:
        formats[str(array.dtype)] += array.size
    opsets = ", ".join(f"{it.domain or 'ai.onnx'} {it.version}" for it in model.opset_import)
    details = [("opset", opsets), ("parameters", f"{total:,}")]
    if total:
        details.append(("dtypes", ", ".join(f"{format_} {count:,}" for format_, count in formats.most_common())))
        details.append(("non-zero", f"{nonzero / total:.1%}"))
    return Stored(files=(path, *(path.parent / name for name in sorted(outside))), details=tuple(details))


def fitted(tensor: torch.Tensor, declared: Declared, place: str) -> Any:  # noqa: ANN401  # an array of any number format
    """The tensor as the file wants it: another width of float or whole number is converted, all else is refused.

    Raises:
        ModelError: another shape, numbers of another kind, or whole numbers that the format cannot hold.
    """
    shape = ", ".join("any" if size is None else str(size) for size in ("examples", *declared.shape[1:]))
    if tensor.ndim != len(declared.shape) or any(
        wanted not in (None, size) for wanted, size in zip(declared.shape[1:], tensor.shape[1:], strict=True)
    ):
        raise ModelError(place, f"input {declared.name!r} has the shape ({shape})", tuple(tensor.shape))
    made = tensor.to(declared.format)
    if tensor.dtype != declared.format:
        same_kind = tensor.is_floating_point() == declared.format.is_floating_point
        exact = declared.format.is_floating_point or bool(torch.equal(made.to(tensor.dtype), tensor))
        if not same_kind or torch.bool in (tensor.dtype, declared.format) or not exact:
            rule = f"input {declared.name!r} holds {_short(declared.format)}, and the inputs' numbers do not fit it"
            raise ModelError(place, rule, _short(tensor.dtype))
    return made.contiguous().numpy()


def graph_tensors(graph: Any) -> Iterator[Any]:  # noqa: ANN401  # messages of protobuf, made at run time
    """All tensors of a graph, those of its constants and of the branches of its conditions included."""
    yield from graph.initializer
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors) if attribute.HasField("t") else attribute.tensors
        for inner in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
            yield from graph_tensors(inner)


def _session(path: Path, spec: OnnxModel, place: str, threads: int | None) -> Any:  # noqa: ANN401  # onnxruntime ships no types
    try:
        import onnxruntime
    except ImportError as missing:
        raise ModelError(place, INSTALL) from missing
    known = onnxruntime.get_available_providers()
    for provider in spec.providers:
        if provider not in known:
            rule = f"this onnxruntime has the providers {', '.join(known)}{did_you_mean(provider, known)}"
            raise ModelError(place, rule, provider)
    options = onnxruntime.SessionOptions()
    options.use_deterministic_compute = True
    options.intra_op_num_threads = threads or 0  # 0: as onnxruntime chooses
    options.log_severity_level = 4  # fatal: all else comes as an exception, and is said once
    try:
        return onnxruntime.InferenceSession(path, options, providers=list(spec.providers))
    except Exception as failure:
        raise ModelError(place, f"onnxruntime cannot run it: {_reason(failure)}") from failure


def _reason(failure: Exception) -> str:
    """The message without the file's path and the line of onnxruntime's own source that come before it."""
    text = re.sub(r"^.*? failed:", "", " ".join(str(failure).split()))
    return one_line(re.sub(r"^/\S+:\d+ [^(]*\([^)]*\) ", "", text))


def _declared(node: Any, place: str) -> Declared:  # noqa: ANN401  # onnxruntime ships no types
    format_ = _FORMATS.get(node.type.removeprefix("tensor(").removesuffix(")"))
    if format_ is None or not node.shape:
        rule = f"input {node.name!r} must be a tensor of numbers, its first dimension the examples"
        raise ModelError(place, rule, f"{node.type} {node.shape}")
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return Declared(name=node.name, format=format_, shape=shape)


def _output(spec: OnnxModel, session: Any, place: str) -> str:  # noqa: ANN401  # onnxruntime ships no types
    names: list[str] = [node.name for node in session.get_outputs()]
    if spec.output is None:
        if len(names) > 1:
            raise ModelError(place, f'has several outputs; name one of them: output = "{names[0]}"', ", ".join(names))
        return names[0]
    if spec.output not in names:
        raise ModelError(place, f"has the outputs {', '.join(names)}{did_you_mean(spec.output, names)}", spec.output)
    return spec.output


def _sha256(files: Sequence[Path]) -> str:
    """Of the file's bytes; with tensors outside, of all files' names and hashes."""
    if len(files) == 1:
        return file_sha256(files[0])
    return sha256("".join(f"{file.name}\0{file_sha256(file)}\n" for file in files).encode()).hexdigest()


def _short(format_: torch.dtype) -> str:
    return str(format_).removeprefix("torch.")
