"""What a model said about each example, and the two models' answers brought into one order."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.data import Dataset
from validate.errors import ModelError
from validate.suite_words import Outputs

Which = Literal["dense", "compressed"]
SUM_TOLERANCE = 1e-3  # probabilities that were rounded for a file still sum to 1 within this


@dataclass(frozen=True, kw_only=True)
class ModelIdentity:
    """Which model it was: enough to recognise it again."""

    name: str  # "dense" or the compressed model's name in the suite
    kind: str  # "torch" | "recorded" | …
    source: str  # hook or file as written in the suite
    sha256: str | None  # of the weights or the recorded file; None for a factory without weights
    bytes: int | None  # size of that file
    details: tuple[tuple[str, str], ...] = ()  # such as ("parameters", "45,058"), ("device", "cpu")


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """A model's answers; arrays have one entry per example."""

    ids: NDArray[np.object_]  # (n,) unique, as str
    scores: NDArray[np.float64]  # (n, k) logits or probabilities; (n, 1) class codes for labels, or values
    outputs: Outputs
    model: ModelIdentity

    def __post_init__(self) -> None:
        if self.scores.ndim != 2 or self.ids.shape != self.scores.shape[:1]:
            raise ValueError("scores must have one row per id")
        self.ids.setflags(write=False)
        self.scores.setflags(write=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedPredictions:
    """Both models' answers to the same examples, in the data's order, one entry per example."""

    ids: NDArray[np.object_]  # (n,)
    labels: NDArray[np.int64] | NDArray[np.float64]  # (n,) the truth
    classes: tuple[str, ...]
    clusters: NDArray[np.int64] | None  # (n,)
    dense: Predictions  # complete: a dense model without an answer is an error
    compressed: Predictions  # rows without an answer hold NaN, and count as wrong
    missing: int  # how many answers the compressed model did not give (absent or NaN)


def given(predictions: Predictions) -> NDArray[np.bool_]:
    """(n,) where there is an answer: no NaN, and a finite greatest score (an overflow to infinity is no answer)."""
    answered: NDArray[np.bool_] = np.isfinite(predictions.scores.max(axis=1))
    return answered


def answers(predictions: Predictions) -> NDArray[np.int64] | NDArray[np.float64]:
    """(n,) class codes, ties to the first class, -1 for no answer; of a regression the values, NaN for no answer."""
    scores = predictions.scores
    if predictions.outputs == "value":
        return np.where(given(predictions), scores[:, 0], np.nan)
    code = scores[:, 0] if predictions.outputs == "labels" else scores.argmax(axis=1)
    return np.where(given(predictions), code, -1).astype(np.int64)


def probabilities(predictions: Predictions) -> NDArray[np.float64] | None:
    """(n, k) class probabilities, a row of NaN for no answer; None where the model gave labels or values only.

    Raises:
        ModelError: declared probabilities that are not within [0, 1] or do not sum to 1 within 0.001.
    """
    if predictions.outputs not in {"logits", "probabilities"}:
        return None
    answered = given(predictions)
    result = np.full(predictions.scores.shape, np.nan)
    scores = predictions.scores[answered]
    if predictions.outputs == "logits":
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        result[answered] = powers / powers.sum(axis=1, keepdims=True)
        return result
    wrong = (scores < 0).any(axis=1) | (np.abs(scores.sum(axis=1) - 1) > SUM_TOLERANCE)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        found = f"{wrong.sum():,} examples, such as {predictions.ids[answered][first]}: {scores[first].tolist()}"
        rule = 'outputs = "probabilities" must be within [0, 1] and sum to 1; scores of another scale are "logits"'
        raise ModelError(_place(predictions), rule, found)
    result[answered] = scores
    return result


def pair(dataset: Dataset, dense: Predictions, compressed: Predictions) -> PairedPredictions:
    """Both models' answers in the data's order, matched by id whatever their own order.

    Answers that the compressed model did not give become NaN and are counted; the dense model must have answered all.

    Raises:
        ModelError: ids that repeat or are not in the data, a dense model without an answer, another number of classes,
            codes outside the classes, probabilities that are none.
    """
    for predictions in (dense, compressed):
        _check_scores(predictions, dataset)
    dense, compressed = aligned(dataset, dense), aligned(dataset, compressed)
    unanswered = np.flatnonzero(~given(dense))
    if len(unanswered):
        found = f"{len(unanswered):,} without an answer, such as {_some(dense.ids[unanswered])}"
        raise ModelError(_place(dense), "the dense model must answer every example", found)
    for predictions in (dense, compressed):
        probabilities(predictions)
    return PairedPredictions(
        ids=dataset.ids,
        labels=dataset.labels,
        classes=dataset.classes,
        clusters=dataset.clusters,
        dense=dense,
        compressed=compressed,
        missing=int((~given(compressed)).sum()),
    )


def right(paired: PairedPredictions, which: Which) -> NDArray[np.bool_]:
    """(n,) whether the model named the true class; no answer is wrong."""
    if not paired.classes:
        raise ValueError("a value is not right or wrong: only classifications are")
    predictions = paired.dense if which == "dense" else paired.compressed
    named: NDArray[np.bool_] = answers(predictions) == paired.labels
    return named


def constants(paired: PairedPredictions, *, shares: bool = False) -> tuple[tuple[str, PairedPredictions], ...]:
    """Every constant prediction in the compressed model's place, with its name, for the check of the policy.

    Each class, or the mean of a regression's values; with `shares` also the classes' shares as probabilities, the
    constant that does best on proper scores.
    """
    n, k = len(paired.ids), len(paired.classes)
    rows = dict(zip(paired.classes, np.eye(k), strict=True)) if k else {"the mean": np.array([paired.labels.mean()])}
    if k and shares:
        rows["the shares of the classes"] = np.bincount(paired.labels.astype(np.int64), minlength=k) / n
    return tuple(
        (name, replace(paired, compressed=_constant(paired, name, np.tile(row, (n, 1))), missing=0))
        for name, row in rows.items()
    )


def _constant(paired: PairedPredictions, name: str, scores: NDArray[np.float64]) -> Predictions:
    model = ModelIdentity(name=name, kind="constant", source="the policy check", sha256=None, bytes=None)
    outputs: Outputs = "probabilities" if paired.classes else "value"
    return Predictions(ids=paired.ids, scores=scores, outputs=outputs, model=model)


def _check_scores(predictions: Predictions, dataset: Dataset) -> None:
    place, outputs, scores = _place(predictions), predictions.outputs, predictions.scores
    if (outputs == "value") != (not dataset.classes):
        wanted = "logits, probabilities or labels" if dataset.classes else "value"
        raise ModelError(place, f"outputs must be {wanted} for this task", outputs)
    k = 1 if outputs in {"labels", "value"} else len(dataset.classes)
    if scores.shape[1] != k:
        what = f"one score for each of the {k} classes" if k > 1 else "one column"
        raise ModelError(place, f"must give {what}", f"{scores.shape[1]} columns")
    if outputs == "labels":
        codes = scores[np.isfinite(scores)]
        unfit = codes[(codes != np.trunc(codes)) | (codes < 0) | (codes >= len(dataset.classes))]
        if len(unfit):
            raise ModelError(place, f"class codes must be 0 to {len(dataset.classes) - 1}", unfit[0].item())


def aligned(dataset: Dataset, predictions: Predictions) -> Predictions:
    """The predictions in the data's order; NaN for examples that have none."""
    if predictions.ids is dataset.ids:
        return predictions
    place, index = _place(predictions), pd.Index(predictions.ids, dtype=object)
    if not index.is_unique:
        repeated = predictions.ids[index.duplicated()]
        raise ModelError(place, "ids must be unique", f"{len(repeated):,} repeated, such as {_some(repeated)}")
    rows = index.get_indexer(pd.Index(dataset.ids, dtype=object))
    found = rows >= 0
    if found.sum() < len(index):
        unknown = np.delete(predictions.ids, rows[found])
        value = f"{len(unknown):,} of {len(index):,}, such as {_some(unknown)}; the data has {_some(dataset.ids)}"
        raise ModelError(place, "ids must be those of the data", value)
    scores = np.full((len(dataset), predictions.scores.shape[1]), np.nan)
    scores[found] = predictions.scores[rows[found]]
    return replace(predictions, ids=dataset.ids, scores=scores)


def _place(predictions: Predictions) -> str:
    return f"model {predictions.model.name!r} ({predictions.model.source})"


def _some(ids: NDArray[np.object_]) -> str:
    return ", ".join(ids[:3].tolist()) + (", …" if len(ids) > 3 else "")
