"""Does a model's confidence match how often it is right? Described, not gated: proper scores gate (see `means`)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from validate.stats.bootstrap import Bootstrap, Rows, bootstrap
from validate.stats.inputs import floats
from validate.stats.results import Floats

BINS = 15
FEWEST_PER_BIN = 20  # examples per bin below which the error is mostly bias, about the root of bins / n


@dataclass(frozen=True, kw_only=True)
class CalibrationError:
    """Gaps between confidence and the share that is right, over bins; NaN without examples."""

    l1: float  # expected calibration error: mean gap (Guo et al. 2017)
    l2: float  # root of the mean squared gap
    max: float
    debiased_l2: float  # without what chance adds to the squares (Ferro & Fricker 2012; Kumar et al. 2019)
    bins: int
    n: int

    @property
    def reliable(self) -> bool:
        """Whether there are enough examples per bin to report it."""
        return self.n >= FEWEST_PER_BIN * self.bins


def equal_width_edges(bins: int = BINS) -> Floats:
    """Edges (bins + 1,) of bins that are equally wide."""
    return np.linspace(0.0, 1.0, bins + 1)


def equal_mass_edges(confidence: ArrayLike, bins: int = BINS) -> Floats:
    """Edges (at most bins + 1,) of bins that are equally full; give both models' confidences to compare them."""
    inner = np.quantile(floats(confidence), np.linspace(0, 1, bins + 1)[1:-1])
    return np.unique(np.concatenate([[0.0], inner, [1.0]]))


def calibration_error(confidence: ArrayLike, right: ArrayLike, edges: Floats) -> CalibrationError:
    """Calibration error of confidences (n,) in [0, 1] about what was right (n,) 0/1; bins are closed on the right.

    Raises:
        ValueError: a confidence outside [0, 1], or lengths that do not match.
    """
    chance, outcome = floats(confidence), floats(right)
    if chance.shape != outcome.shape or not np.all((chance >= 0) & (chance <= 1)):
        raise ValueError("confidences must be numbers from 0 to 1, one for each outcome")
    return calibration_of_sums(*_bin_sums(chance, outcome, edges))


def bin_sums(confidence: ArrayLike, right: ArrayLike, *, grid: float, bins: int = BINS) -> Floats:
    """Per equally wide bin, how many examples, how many right, and their confidence: (3, bins); shards add up.

    Confidences are rounded to multiples of `grid` after they found their bin, so that sums do not depend on the order.
    """
    chance = floats(confidence)
    rounded: Floats = np.round(chance / grid) * grid
    return _bin_sums(chance, floats(right), equal_width_edges(bins), rounded)


def calibration_of_sums(count: Floats, hits: Floats, total: Floats) -> CalibrationError:
    """Calibration error from sums per bin (bins,): examples, how many right, and their confidence."""
    bins, n = len(count), int(count.sum())
    if not n:
        return CalibrationError(l1=np.nan, l2=np.nan, max=np.nan, debiased_l2=np.nan, bins=bins, n=0)
    filled = count > 0
    size, hits, total = count[filled], hits[filled], total[filled]
    gap, share, rate = np.abs(hits - total) / size, size / n, hits / size
    noise = np.where(size > 1, rate * (1 - rate) / np.maximum(size - 1, 1), gap**2)
    return CalibrationError(
        l1=float(share @ gap),
        l2=float(np.sqrt(share @ gap**2)),
        max=float(gap.max()),
        debiased_l2=float(np.sqrt(max(float(share @ (gap**2 - noise)), 0.0))),
        bins=bins,
        n=n,
    )


def _bin_sums(chance: Floats, outcome: Floats, edges: Floats, summed: Floats | None = None) -> Floats:
    bins = len(edges) - 1
    code = np.clip(np.searchsorted(edges, chance, side="left") - 1, 0, bins - 1)
    sums = [np.bincount(code, weights=x, minlength=bins) for x in (outcome, chance if summed is None else summed)]
    return np.stack([np.bincount(code, minlength=bins).astype(np.float64), *sums])


def top_label_calibration_error(probabilities: ArrayLike, labels: ArrayLike, *, bins: int = BINS) -> CalibrationError:
    """Calibration error of the most likely class of (n, k) probabilities, with equally wide bins."""
    chances = np.asarray(probabilities, dtype=np.float64)
    right = chances.argmax(axis=1) == np.asarray(labels)
    return calibration_error(chances.max(axis=1), right, equal_width_edges(bins))


def calibration_change(
    dense: tuple[ArrayLike, ArrayLike],
    compressed: tuple[ArrayLike, ArrayLike],
    edges: Floats,
    *,
    level: float = 0.95,
    resamples: int = 1999,
    rng: np.random.Generator,
    clusters: NDArray[np.int64] | None = None,
) -> Bootstrap:
    """The change of the expected calibration error, oriented so that negative is harm, by a paired bootstrap.

    Each model is its confidences (n,) and what was right (n,); both use the same bins. The bootstrap's bias is in the
    result, because the error of either model is biased upwards.
    """
    pairs = [(floats(confidence), floats(right)) for confidence, right in (dense, compressed)]

    def change(rows: Rows) -> float:
        before, after = (calibration_error(confidence[rows], right[rows], edges).l1 for confidence, right in pairs)
        return before - after

    return bootstrap(change, len(pairs[0][0]), level=level, resamples=resamples, rng=rng, clusters=clusters)
