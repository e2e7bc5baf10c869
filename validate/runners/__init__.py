"""Runners: one file per framework, each of which turns a dataset into predictions."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Protocol

from validate.data import Dataset
from validate.predictions import ModelIdentity, Predictions
from validate.suite import LoadedSuite, ModelSpec, OnnxModel, RecordedModel, TorchModel


class Runner(Protocol):
    """A model that is loaded and can answer."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""

    def predict(self, dataset: Dataset, advance: Callable[[int], None]) -> Predictions:
        """Answers to all examples; `advance` hears how many more are done."""


# Each module has open_model(spec, *, name, loaded, classes) -> Runner, and imports its framework only when called.
_MODULES: Mapping[type, str] = {
    TorchModel: "validate.runners.pytorch",
    OnnxModel: "validate.runners.onnx",
    RecordedModel: "validate.runners.recorded",
}


def open_runner(spec: ModelSpec, *, name: str, loaded: LoadedSuite, classes: tuple[str, ...]) -> Runner:
    """The model that a suite names "dense" or by a compressed model's name, loaded and checked.

    Raises:
        ModelError: weights or predictions that cannot be read or do not fit.
        SuiteError: a hook that cannot be loaded.
    """
    runner: Runner = import_module(_MODULES[type(spec)]).open_model(spec, name=name, loaded=loaded, classes=classes)
    return runner
