"""Judge predictions that are already in memory: for notebooks and tests, without a suite file."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from validate.data import Dataset
from validate.errors import DataError, did_you_mean
from validate.judgement import Judgement, judge_pair
from validate.predictions import ModelIdentity, Predictions, pair
from validate.slicing import build_membership
from validate.suite import Data, Family, Gate, Models, NamedSlice, RecordedModel, Suite
from validate.suite_words import Outputs
from validate.tables import as_text, class_codes, content_sha256


def judge(
    frame: pd.DataFrame,
    *,
    label: str,
    dense: str | ArrayLike,
    compressed: str | ArrayLike,
    slices: Sequence[str] = (),
    gate: Gate | None = None,
) -> Judgement:
    """Judge two models' answers to the rows of a frame.

    Args:
        frame: one row per example.
        label: the column of the true classes.
        dense: the dense model's answers: a column of the frame, class names (n,), or probabilities (n, k) in the
            order of the sorted class names.
        compressed: the compressed model's answers, likewise; missing ones count as wrong.
        slices: columns, whose every value becomes a slice, or predicates in the `where` language.
        gate: the policy; by default margins of 0.02, and 0.05 for classes.

    Raises:
        DataError: a column that is not there, answers of the wrong length or outside the classes.
        SuiteError: a predicate that cannot be read.
    """
    truth = _column(frame, label, "label")
    classes = tuple(sorted(set(as_text(truth).tolist())))
    columns = [name for name in slices if name in frame.columns]
    predicates = [text for text in slices if text not in frame.columns]
    suite = Suite(
        suite="notebook",
        seed=0,
        data=Data(label=label, classes=classes),
        models=Models(dense=RecordedModel(recorded="dense"), compressed={}),
        slices=(
            *((Family(by=tuple(columns)),) if columns else ()),
            *(NamedSlice(name=text, where=text) for text in predicates),
        ),
        gate=gate or Gate(),
    )
    dataset = Dataset(
        frame=frame.reset_index(drop=True),
        ids=as_text(pd.Series(frame.index)),
        labels=class_codes(truth, classes),
        classes=classes,
        clusters=None,
        train=None,
        sha256=content_sha256(frame),
        source="frame",
    )
    paired = pair(dataset, _answers("dense", dense, frame, dataset), _answers("compressed", compressed, frame, dataset))
    return judge_pair(paired, build_membership(dataset, suite), suite.gate, seed=suite.seed)


def _column(frame: pd.DataFrame, name: str, place: str) -> pd.Series:
    if name not in frame.columns:
        raise DataError(place, f"is no column of the frame{did_you_mean(name, frame.columns)}", name)
    return frame[name]


def _answers(which: str, given: str | ArrayLike, frame: pd.DataFrame, dataset: Dataset) -> Predictions:
    """The answers as scores, whatever form they came in."""
    column = _column(frame, given, which) if isinstance(given, str) else None
    values = np.asarray(given) if column is None else None
    outputs: Outputs = "labels"
    if values is not None and values.ndim == 2:
        scores, outputs = values.astype(np.float64), "probabilities"
    else:
        answers = column if column is not None else pd.Series(values)
        codes = class_codes(answers, dataset.classes).astype(np.float64)
        unknown = answers[(codes < 0) & answers.notna().to_numpy()]
        if len(unknown):
            raise DataError(which, f"answers must be among the classes {', '.join(dataset.classes)}", unknown.iloc[0])
        scores = np.where(codes < 0, np.nan, codes)[:, None]
    if len(scores) != len(dataset):
        raise DataError(which, f"must have one answer for each of the {len(dataset):,} rows", len(scores))
    model = ModelIdentity(name=which, kind="memory", source="an array or column", sha256=None, bytes=None)
    return Predictions(ids=dataset.ids, scores=scores, outputs=outputs, model=model)
