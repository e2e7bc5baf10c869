"""Small suites, datasets and predictions, for tests that need one of each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from validate.data import Dataset
from validate.predictions import ModelIdentity, Predictions
from validate.suite import Data, LoadedSuite, Models, RecordedModel, Suite

RECORDED = Models(
    outputs="labels",
    dense=RecordedModel(recorded="dense.csv"),
    compressed={"small": RecordedModel(recorded="small.csv")},
)


def small_suite(folder: Path, data: Data, *, models: Models = RECORDED, task="classification") -> LoadedSuite:
    suite = Suite(suite="small", task=task, seed=7, data=data, models=models)
    return LoadedSuite(suite=suite, path=folder / "suite.toml", sha256="0" * 64)


def small_dataset(labels: Sequence[float], classes: Sequence[str] = ("no", "yes"), **columns) -> Dataset:
    return Dataset(
        frame=pd.DataFrame({"x": np.arange(len(labels), dtype=np.float32), **columns}),
        ids=np.array([f"id{i}" for i in range(len(labels))], dtype=object),
        labels=np.array(labels, dtype=np.int64 if classes else np.float64),
        classes=tuple(classes),
        clusters=None,
        train=None,
        sha256="0" * 64,
        source="small",
    )


def small_predictions(scores, ids=None, *, outputs="logits", name="dense") -> Predictions:
    scores = np.array(scores, dtype=np.float64)
    scores = scores[:, None] if scores.ndim == 1 else scores
    ids = [f"id{i}" for i in range(len(scores))] if ids is None else ids
    model = ModelIdentity(name=name, kind="recorded", source=f"{name}.csv", sha256=None, bytes=None)
    return Predictions(ids=np.array(ids, dtype=object), scores=scores, outputs=outputs, model=model)
