"""Programs that torch.export wrote (.pt2)."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch

from validate.errors import ModelError, one_line
from validate.predictions import ModelIdentity
from validate.runners.batches import open_inputs
from validate.runners.fixed import FixedBatch
from validate.runners.pytorch import BATCH_ROWS, TorchRunner, chosen_device, stored, where
from validate.runners.settings import versions
from validate.runners.torchscript import Program
from validate.suite import ExportedModel, LoadedSuite
from validate.tables import file_sha256

_SIZES = (torch.sym_int, torch.sym_float, torch.sym_max, torch.sym_min, torch.sym_not, torch.sym_ite)
_PICKLED = ("custom_obj", "opaque")  # begins the names of constants that are Python objects


def open_model(spec: ExportedModel, *, name: str, loaded: LoadedSuite, classes: tuple[str, ...]) -> TorchRunner:
    """Load a program whose parts are tensors and operators of torch, for whatever number of examples it was made for.

    Raises:
        ModelError: no such file; one that is no such program, or was made by another version; Python objects in it.
    """
    path, place = loaded.file(spec.exported), f"model {name!r} ({spec.exported})"
    if not path.is_file():
        raise ModelError(place, "there is no such file")
    _refuse_objects(path, place)
    device, threads = chosen_device(loaded), loaded.suite.models.threads
    try:
        with _tensors_only():
            exported = torch.export.load(path)
        _refuse_other_code(exported, place)
        module = exported.module(check_guards=False).to(device)
    except ModelError:
        raise
    except Exception as failure:
        rule = f"is no program of torch.export that this torch can read: {one_line(failure, 160)}"
        raise ModelError(place, rule) from failure
    fewest, most = _rows(exported)
    return TorchRunner(
        identity=ModelIdentity(
            name=name,
            kind="exported",
            source=spec.exported,
            sha256=file_sha256(path),
            bytes=path.stat().st_size,
            details=(*stored(module), *where(device, threads, f"torch.export of {versions('torch')}")),
        ),
        model=FixedBatch(Program(module), most, fewest),
        device=device,
        inputs=open_inputs(loaded),
        width=1 if loaded.suite.models.outputs in {"labels", "value"} else len(classes),
        loaded=loaded,
        threads=threads,
        opaque=True,
    )


def _refuse_objects(path: Path, place: str) -> None:
    """Python objects among the constants would be unpickled, whatever torch is told."""
    try:
        with ZipFile(path) as archive:
            for member in archive.namelist():
                if not member.endswith("_constants_config.json"):
                    continue
                config = json.loads(archive.read(member)).get("config", {})
                names = [str(entry.get("path_name")) for entry in config.values()]
                if any(name.startswith(_PICKLED) for name in names):
                    raise ModelError(place, "holds Python objects that could run code, so it was not opened")
    except (BadZipFile, ValueError, AttributeError, OSError) as failure:
        raise ModelError(place, f"is no program of torch.export: {one_line(failure, 160)}") from failure


@contextmanager
def _tensors_only() -> Iterator[None]:
    """While it lasts, torch opens no pickle but of tensors: its reader of programs would else fall back to any."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _refuse_other_code(exported: torch.export.ExportedProgram, place: str) -> None:
    """A program calls operators of torch and arithmetic on sizes; a name that leads elsewhere is refused."""
    for module in exported.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            if node.op == "call_function" and not _harmless(node.target):
                raise ModelError(
                    place, "calls something that is no operator of torch, so it was not run", str(node.target)
                )


def _harmless(target: Any) -> bool:  # noqa: ANN401 - a graph may name anything
    operator = isinstance(target, torch._ops.OperatorBase)
    return operator or getattr(target, "__module__", "") in {"_operator", "math"} or target in _SIZES


def _rows(exported: torch.export.ExportedProgram) -> tuple[int, int]:
    """The fewest and most examples that the program takes at once."""
    names = set(exported.graph_signature.user_inputs)
    for node in exported.graph.nodes:
        if node.op == "placeholder" and node.name in names and getattr(node.meta.get("val"), "ndim", 0):
            size: Any = node.meta["val"].shape[0]
            if isinstance(size, int):
                return size, size
            limits = exported.range_constraints.get(size.node.expr)
            if limits is None:
                break
            most = int(limits.upper) if str(limits.upper).isdigit() else BATCH_ROWS
            return int(limits.lower), min(most, BATCH_ROWS)
    return 1, BATCH_ROWS
