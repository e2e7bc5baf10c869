"""Runners: one file per framework, each of which turns examples into answers."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from validate.data import Dataset
from validate.predictions import ModelIdentity
from validate.suite import LoadedSuite, ModelSpec, OnnxModel, RecordedModel, TorchModel
from validate.suite_words import Outputs


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
