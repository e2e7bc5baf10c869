"""Looking at many slices at once: p-values adjusted for it, and what is left to adjust for."""

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from validate.stats.results import Floats

HOLM = "Holm (1979)"
HOMMEL = "Hommel (1988)"
BENJAMINI_HOCHBERG = "Benjamini-Hochberg (1995)"
BENJAMINI_YEKUTIELI = "Benjamini-Yekutieli (2001)"


def holm(p: ArrayLike) -> Floats:
    """Holm's adjusted p: the chance of any false flag stays below alpha under any dependence; (m,)."""
    values = _checked(p)
    order = np.argsort(values)  # by hand: statsmodels' Holm collects garbage, a tenth of a second each time
    steps = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def weighted_holm(p: ArrayLike, weights: ArrayLike) -> Floats:
    """Holm's adjusted p where alpha is shared by positive weights, chosen without a look at these p; (m,)."""
    values, shares = _checked(p), np.asarray(weights, dtype=np.float64)
    order = np.argsort(values / shares, kind="stable")
    left = np.cumsum(shares[order][::-1])[::-1]
    steps = np.maximum.accumulate(values[order] * (left / shares[order]))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def hommel(p: ArrayLike) -> Floats:
    """Hommel's adjusted p: closed testing with Simes, for one-sided tests of overlapping slices; (m,)."""
    values = _checked(p)
    if not values.size:
        return values
    from statsmodels.stats.multitest import multipletests  # takes a second to import

    return np.asarray(multipletests(values, method="hommel")[1], dtype=np.float64)


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p for lists: the expected share of false entries stays below q, for tests that do not oppose; (m,)."""
    return _listed(p, "bh")


def benjamini_yekutieli(p: ArrayLike) -> Floats:
    """The same under any dependence: for slices against complements, whose differences mirror each other; (m,)."""
    return _listed(p, "by")


def e_benjamini_hochberg(e: ArrayLike, *, q: float) -> NDArray[np.bool_]:
    """Which of m e-values are listed at false discovery rate q, under any dependence (Wang & Ramdas, JRSSB 2022)."""
    values = np.asarray(e, dtype=np.float64)
    if np.any(~(values >= 0)):
        raise ValueError("e-values must not be negative")
    ranked = np.sort(values)[::-1]
    enough = np.flatnonzero(ranked * np.arange(1, values.size + 1) >= values.size / q)
    return values >= ranked[enough[-1]] if enough.size else np.zeros(values.shape, dtype=np.bool_)


def tarone_family(flips: ArrayLike, *, alpha: float, size: int) -> NDArray[np.bool_]:
    """Which slices could be flagged among `size` at all: those whose smallest attainable p, 2^-flips, is small enough.

    The others need no adjustment for, as the number of flips is what the sign test conditions on (Tarone 1990).
    """
    if not 0 < alpha < 1 or size < 1:
        raise ValueError("alpha must be between 0 and 1, and the family must have a member")
    return np.asarray(-np.asarray(flips, dtype=np.float64) * np.log(2) <= np.log(alpha / size))


def first_of_identical(members: Sequence[Hashable]) -> NDArray[np.int64]:
    """For each slice the index of the first one with the same examples; given a digest of each slice's members; (m,).

    Identical slices are one hypothesis, and enter a family once.
    """
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(digest, i) for i, digest in enumerate(members)], dtype=np.int64)


def fcr_level(p: ArrayLike, *, q: float) -> tuple[NDArray[np.bool_], float]:
    """Which of m slices Benjamini-Hochberg selects at q, and the level of intervals for those selected.

    Intervals at that level miss their target for an expected share of at most q of the selected slices (Benjamini &
    Yekutieli, JASA 2005;100:71). With nothing selected the level is 1: there is no interval to show.
    """
    selected = benjamini_hochberg(p) <= q
    return selected, 1 - q * int(selected.sum()) / max(selected.size, 1)


def _listed(p: ArrayLike, method: Literal["bh", "by"]) -> Floats:
    values = _checked(p)
    if not values.size:
        return values
    from scipy.stats import false_discovery_control  # takes half a second to import

    return np.asarray(false_discovery_control(values, method=method), dtype=np.float64)


def _checked(p: ArrayLike) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not np.all((values >= 0) & (values <= 1)):
        raise ValueError("p-values must be a sequence of numbers from 0 to 1")
    return values
