"""Sample logs of lm-evaluation-harness (`--log_samples`): what a language model made of each choice, as scores."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.errors import ModelError

ID = "doc_id"
_ANSWERS = ("filtered_resps", "resps")  # the first that is there holds, per choice, a log-likelihood and a flag


def is_log(frame: pd.DataFrame) -> bool:
    """Whether the table is such a log."""
    return ID in frame and any(name in frame for name in _ANSWERS)


def choice_scores(frame: pd.DataFrame, k: int, place: str) -> NDArray[np.float64]:
    """(n, k) log-likelihoods, minus infinity for choices that a question does not have.

    Raises:
        ModelError: answers in words instead of choices, more choices than classes, or several filters in one file.
    """
    filters = frame["filter"].unique().tolist() if "filter" in frame else []
    if len(filters) > 1:
        raise ModelError(place, "holds the answers of several filters: keep the lines of one", filters)
    name = next(name for name in _ANSWERS if name in frame)
    scores = np.full((len(frame), k), -np.inf)
    for row, answers in enumerate(frame[name]):
        found = _likelihoods(answers, f"{place}, line {row + 1:,}")
        if len(found) > k:
            raise ModelError(f"{place}, line {row + 1:,}", f"has more choices than the data's {k} classes", len(found))
        scores[row, : len(found)] = found
    return scores


def _likelihoods(answers: object, place: str) -> list[float]:
    """Of each choice: [-1.5, false], or ["-1.5", "False"], or the same in one more list."""
    found = []
    for answer in answers if isinstance(answers, Sequence) and not isinstance(answers, str) else [answers]:
        inner = answer
        while isinstance(inner, Sequence) and not isinstance(inner, str) and inner:
            inner = inner[0]
        try:
            found.append(float(inner))  # type: ignore[arg-type]  # what is no number fails, and is told
        except (TypeError, ValueError):
            rule = "must hold a log-likelihood per choice: only multiple-choice tasks have scores"
            raise ModelError(place, rule, answer) from None
    return found
