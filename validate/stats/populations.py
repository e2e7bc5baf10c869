"""Several training seeds per side: which classes change more than the models do, which examples change label."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from validate.stats.inputs import floats
from validate.stats.means import StudentT, paired_t, welch_t
from validate.stats.results import Floats

FEWEST_SEEDS = 3
SCOPE = (
    "Tests over seeds speak for training anew, on this fixed test set; paired tests over examples speak for new "
    "examples, with these fixed weights. Neither speaks for both."
)


@dataclass(frozen=True, kw_only=True)
class ClassChange:
    """How one class's recall changed beyond the models' own change in accuracy; negative is harm."""

    change: float
    dense_range: tuple[float, float]  # of the normalised recall, over seeds
    compressed_range: tuple[float, float]
    seeds: tuple[int, int]
    test: StudentT | None  # None with fewer than 3 seeds on either side: ranges alone are reported


def class_change(
    dense_recall: ArrayLike,
    compressed_recall: ArrayLike,
    dense_accuracy: ArrayLike,
    compressed_accuracy: ArrayLike,
    *,
    normalise: Literal["per-model", "level-mean"] = "per-model",
    matched: bool = True,
    level: float = 0.95,
) -> ClassChange:
    """Compare a class's recall over seeds (s,) after taking out accuracy (s,), or its mean over the level's models.

    `per-model` takes out each model's own accuracy, with its noise; `level-mean` one constant per side, as Hooker et
    al. (arXiv:1911.05248). With `matched`, seed i of one side was compressed from seed i of the other, and differences
    are tested (paired t); otherwise Welch's t. Adjust over classes with Benjamini-Hochberg.
    """
    dense = floats(dense_recall) - _reference(dense_accuracy, normalise)
    compressed = floats(compressed_recall) - _reference(compressed_accuracy, normalise)
    if matched and dense.shape != compressed.shape:
        raise ValueError("matched seeds need as many compressed models as dense ones")
    test = None
    if min(dense.size, compressed.size) >= FEWEST_SEEDS:
        test = paired_t(compressed - dense, level=level) if matched else welch_t(compressed, dense, level=level)
    return ClassChange(
        change=float(compressed.mean() - dense.mean()),
        dense_range=(float(dense.min()), float(dense.max())),
        compressed_range=(float(compressed.min()), float(compressed.max())),
        seeds=(dense.size, compressed.size),
        test=test,
    )


def exemplars(dense_labels: ArrayLike, compressed_labels: ArrayLike) -> NDArray[np.bool_]:
    """Examples (n,) whose most frequent label over the dense models (s, n) is not that over the compressed ones (t, n).

    These are Hooker et al.'s pruning identified exemplars; of labels that are equally frequent the lowest code counts.
    """
    return np.asarray(_mode(dense_labels) != _mode(compressed_labels))


def _reference(accuracy: ArrayLike, normalise: str) -> Floats:
    found = floats(accuracy)
    return found if normalise == "per-model" else floats(found.mean())


def _mode(labels: ArrayLike) -> NDArray[np.int64]:
    codes = np.asarray(labels, dtype=np.int64)
    if codes.ndim != 2 or not len(codes) or codes.min(initial=0) < 0:
        raise ValueError("labels must be codes from 0, one row per model")
    votes = [(codes == label).sum(axis=0) for label in range(int(codes.max(initial=0)) + 1)]
    return np.asarray(np.argmax(votes, axis=0))
