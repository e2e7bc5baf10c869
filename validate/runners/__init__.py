"""Runners: one file per framework, each of which turns examples into answers."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from validate.artifact_profile.stored import Artifact
from validate.data import Dataset
from validate.errors import ModelError, SuiteError, did_you_mean
from validate.hooks import user_code
from validate.predictions import ModelIdentity
from validate.suite import (
    ExportedModel,
    LoadedSuite,
    ModelSpec,
    OnnxModel,
    OtherModel,
    RecordedModel,
    SklearnModel,
    TorchModel,
    TorchScriptModel,
    TransformersModel,
)
from validate.suite_words import Outputs

RECORDED = "recorded predictions: the model itself was not at hand"


class Runner(Protocol):
    """A model that is loaded and can answer; `validate.answers.answer` asks it."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""

    @property
    def outputs(self) -> Outputs:
        """What its answers are."""

    @property
    def settings(self) -> Mapping[str, str]:
        """All that its answers depend on, beside the examples: files by their hash, versions, device, batches."""

    def answers(self, dataset: Dataset, start: int, stop: int) -> Iterator[NDArray[np.float64]]:
        """Answers (rows, k) to the examples from row `start` up to `stop`, in order, batch by batch."""


class Flexible(Runner, Protocol):
    """A model that can be asked in another way: how much that alone changes is the noise floor."""

    def otherwise(self, rows: int) -> tuple[Runner, str]:
        """The same model in batches of so many examples, and what else is different, in words."""


# Each module has open_model(spec, *, name, loaded, classes) -> Runner, and imports its framework only when called.
_MODULES: Mapping[type, str] = {
    TorchModel: "validate.runners.pytorch",
    TorchScriptModel: "validate.runners.torchscript",
    ExportedModel: "validate.runners.exported",
    OnnxModel: "validate.runners.onnx",
    SklearnModel: "validate.runners.scikit",
    TransformersModel: "validate.runners.huggingface",
    RecordedModel: "validate.runners.recorded",
}
GROUP = "paritygate.runners"  # entry points of other packages: functions like open_model, the spec an OtherModel


_VISIBLE = frozenset(
    {"torch", "torchscript", "exported", "transformers", "onnx"}
)  # kinds of models whose inside `rehearsal` knows


def open_runner(spec: ModelSpec, *, name: str, loaded: LoadedSuite, classes: tuple[str, ...]) -> Runner:
    """The model that a suite names "dense" or by a compressed model's name, loaded and checked.

    Raises:
        ModelError: weights or predictions that cannot be read or do not fit.
        SuiteError: a hook that cannot be loaded, or a kind that no installed package brings.
    """
    open_model = _installed(spec.kind, name, loaded) if isinstance(spec, OtherModel) else _own(spec)
    runner: Runner = open_model(spec, name=name, loaded=loaded, classes=classes)
    return runner


def _own(spec: ModelSpec) -> Callable[..., Runner]:
    opener: Callable[..., Runner] = import_module(_MODULES[type(spec)]).open_model
    return opener


def _installed(kind: str, name: str, loaded: LoadedSuite) -> Callable[..., Runner]:
    """The opener that another package brings for this kind."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    if kind not in found:
        key = "models.dense" if name == "dense" else f"models.compressed.{name}"
        rule = f"must be an installed kind of runner: {', '.join(sorted(found)) or 'none is installed'}"
        raise SuiteError(f"{loaded.path.name}: {key}.kind", f"{rule}{did_you_mean(kind, found)}", kind)
    with user_code(ModelError, f"runner {kind!r} ({found[kind].value})", loaded.folder):
        opener: Callable[..., Runner] = found[kind].load()
    return opener


def describe(runner: Runner, dataset: Dataset) -> Artifact:
    """What the model stores, and the operations of one answer; with a reason where its inside cannot be seen."""
    kind = runner.identity.kind
    if kind == "recorded":
        return Artifact(reason=RECORDED)
    if kind in _VISIBLE:
        described: Artifact = import_module("validate.runners.rehearsal").describe(runner, dataset)
        return described
    return Artifact(disk=runner.identity.bytes, reason=f"the inside of a {kind} model is not known here")
