"""What a model said about each example, and the two models' answers brought into one order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.suite import Outputs


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

    # answer(predictions) and probabilities(predictions) below turn scores into what metrics need


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
