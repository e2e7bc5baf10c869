"""A folder with a suite's `inputs`, and any kind of model opened in it."""

from pathlib import Path

import numpy as np

from tests.small import small_dataset, small_suite
from validate.answers import answer
from validate.data import Dataset
from validate.predictions import Predictions
from validate.runners import Runner, open_runner
from validate.suite import Data, LoadedSuite, Models, ModelSpec

CLASSES = ("no", "yes")
INPUTS = """
import torch

def inputs(frame): return torch.tensor(frame[["x"]].to_numpy())
def doubles(frame): return torch.tensor(frame[["x"]].to_numpy()).double()
def whole(frame): return torch.tensor(frame[["x"]].to_numpy()).long()
def two_wide(frame): return torch.tensor(frame[["x", "x"]].to_numpy())
def named(frame): return {"x": inputs(frame)}
def misnamed(frame): return {"features": inputs(frame)}
def pair(frame): return inputs(frame), torch.ones(len(frame), 1)
"""


def suite_of(folder: Path, spec: ModelSpec, *, inputs="inputs", outputs="logits", classes=CLASSES) -> LoadedSuite:
    (folder / "models.py").write_text(INPUTS)
    models = Models(inputs=inputs and f"models.py:{inputs}", outputs=outputs, dense=spec, compressed={"small": spec})
    task = "classification" if classes else "regression"
    return small_suite(folder, Data(path="t.csv", label="y", classes=classes), models=models, task=task)


def open_in(folder: Path, spec: ModelSpec, *, name="dense", classes=CLASSES, **how) -> Runner:
    return open_runner(spec, name=name, loaded=suite_of(folder, spec, classes=classes, **how), classes=classes)


def predict(runner: Runner, dataset: Dataset | None = None) -> Predictions:
    """The answers to 20 examples whose `x` counts from 0, or to a dataset; progress must add up."""
    done: list[int] = []
    dataset = small_dataset([0, 1] * 10) if dataset is None else dataset
    predictions = answer(runner, dataset, advance=done.append).predictions
    assert sum(done) == len(dataset)
    assert predictions.ids.tolist() == dataset.ids.tolist()
    return predictions


def x_of(predictions: Predictions) -> np.ndarray:
    """The examples' `x`, as `predict` gives them, as a column."""
    return np.arange(len(predictions.ids), dtype=np.float64)[:, None]
