"""What every statistic checks first: that counts, margins and levels are what they should be."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from validate.stats.results import Floats

_ROUNDING = 1e-9  # relative; effective sample sizes are divided, and may overlap by a rounding error


def paired_counts(gains: ArrayLike, losses: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Gains, losses and examples of m slices as float arrays (m,); floats because products of counts overflow int64.

    Counts need not be whole: an effective sample size is not.

    Raises:
        ValueError: a count is negative or not finite, or there are more flips than examples.
    """
    gained, lost, size = np.broadcast_arrays(floats(gains), floats(losses), floats(n))
    if not all(np.all(np.isfinite(x) & (x >= 0)) for x in (gained, lost, size)):
        raise ValueError("counts must be finite and not negative")
    if np.any(gained + lost > size * (1 + _ROUNDING)):
        raise ValueError("there cannot be more gains and losses than examples")
    return gained, lost, size


def floats(values: ArrayLike) -> Floats:
    """A number or a sequence as a float array (m,)."""
    return np.atleast_1d(np.asarray(values, dtype=np.float64))


def rate(events: Floats, n: Floats) -> Floats:
    """Events / n, NaN without examples; (m,)."""
    result: Floats = np.divide(events, n, out=np.full(n.shape, np.nan), where=n > 0)
    return result


def checked_margin(margin: ArrayLike) -> Floats:
    """Margins of a difference of rates as a float array: from 0 (no loss at all) to below 1.

    Raises:
        ValueError: a margin outside [0, 1), or not a number.
    """
    margins = floats(margin)
    if not np.all((margins >= 0) & (margins < 1)):
        raise ValueError("a margin must be at least 0 and below 1")
    return margins


def one_sided(level: float) -> float:
    """The one-sided error rate of a two-sided confidence level: 0.025 for 0.95.

    Raises:
        ValueError: a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError("a confidence level must be between 0 and 1")
    return (1 - level) / 2


def critical_value(level: float) -> float:
    """The normal quantile of a two-sided confidence level: 1.96 for 0.95."""
    return -float(ndtri(one_sided(level)))
