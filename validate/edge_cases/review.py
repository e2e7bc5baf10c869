"""A queue for people: the examples on which the compressed models, taken together, left the dense one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.data import Dataset
from validate.predictions import Predictions, aligned, answers

LISTED = 200
FEWEST_MODELS = 2
NO_ANSWER = "(no answer)"


@dataclass(frozen=True, kw_only=True)
class ReviewItem:
    """One example to look at."""

    id: str
    truth: str
    dense: str  # answer
    compressed: str  # the most frequent answer of the compressed models
    models: int  # how many of them answer otherwise than the dense one
    inputs: Mapping[str, str] | None = None  # what the example is; only where the suite allows it


@dataclass(frozen=True, kw_only=True)
class ReviewQueue:
    """Examples whose most frequent answer among the compressed models is not the dense model's."""

    models: tuple[str, ...]  # the population
    n: int  # such examples
    dense_right: int  # of which the dense model has right
    items: tuple[ReviewItem, ...]  # the first of them: most models first, then those that the dense model has right


def review_queue(
    dataset: Dataset, dense: Predictions, compressed: Mapping[str, NDArray[np.int64]], *, inputs: Sequence[str] = ()
) -> ReviewQueue | None:
    """What people should look at; None for a regression, or for fewer than two compressed models.

    `compressed` are each model's answers (n,). As in Hooker et al. (arXiv:1911.05248), with one dense model standing
    for their population of dense ones. `inputs` are the columns to list with each example.
    """
    if len(compressed) < FEWEST_MODELS or not dataset.classes:
        return None
    base = answers(aligned(dataset, dense))
    given = np.column_stack(list(compressed.values()))
    modal = _modal(given, len(dataset.classes))
    left = np.flatnonzero(modal != base)
    against = (given != base[:, None]).sum(axis=1)
    right = base == dataset.labels
    order = left[np.lexsort((left, ~right[left], -against[left]))][:LISTED]
    frame = dataset.frame
    return ReviewQueue(
        models=tuple(compressed),
        n=len(left),
        dense_right=int(right[left].sum()),
        items=tuple(
            ReviewItem(
                id=dataset.ids[row],
                truth=named(dataset, int(dataset.labels[row])),
                dense=named(dataset, int(base[row])),
                compressed=named(dataset, int(modal[row])),
                models=int(against[row]),
                inputs={name: str(frame[name].iloc[row]) for name in inputs} if inputs else None,
            )
            for row in order.tolist()
        ),
    )


def _modal(given: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """(n,) the most frequent answer of each row, ties to the first class; -1 where most give none."""
    votes = np.stack([(given == code).sum(axis=1) for code in range(-1, k)], axis=1)
    votes = np.concatenate([votes[:, 1:], votes[:, :1]], axis=1)  # no answer comes last
    winner = votes.argmax(axis=1)
    return np.where(winner == k, -1, winner)


def named(dataset: Dataset, code: int) -> str:
    """The class of this code, or that there was no answer."""
    return dataset.classes[code] if code >= 0 else NO_ANSWER
