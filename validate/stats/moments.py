"""Student's t from sums alone: the change of a mean for many slices at once, whatever shards the sums came from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from validate.stats.inputs import floats, one_sided
from validate.stats.results import Floats, Intervals

FEWEST = 10  # examples below which a t interval is not trusted
PAIRED_T = "paired t (Student 1908)"
_ROUNDING = 1e-12  # a variance this far below the mean square is none, but rounding


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedT:
    """The mean of paired differences of m slices, with its interval and one-sided p-values."""

    interval: Intervals  # (m,); infinite limits where there are too few examples or no variance
    p: Floats  # (m,) of no loss: small where the mean is below zero
    p_gain: Floats  # (m,) of no gain
    se: Floats  # (m,) standard error, infinite likewise


def paired_t_of_sums(n: NDArray[np.int64], total: Floats, squares: Floats, *, level: float = 0.95) -> PairedT:
    """Student's paired t for n differences with these sums and sums of squares; all of shape (m,).

    Fewer than 10 examples, or differences that are all the same, decide nothing: limits are infinite and p is 1.
    """
    size = np.maximum(n, 1).astype(np.float64)
    mean = total / size
    spread = np.maximum(squares - size * mean**2, 0.0)
    usable = (n >= FEWEST) & (spread > _ROUNDING * squares)
    df = np.maximum(size - 1, 1.0)
    se = np.where(usable, np.sqrt(spread / df / size), np.inf)
    reach = np.where(usable, stdtrit(df, 1 - one_sided(level)) * np.where(usable, se, 0.0), np.inf)
    t = np.divide(mean, se, out=np.zeros_like(mean), where=usable)
    return PairedT(
        interval=Intervals(
            estimate=np.where(n > 0, mean, np.nan),
            low=mean - reach,
            high=mean + reach,
            level=level,
            method=PAIRED_T,
            n=floats(n),
        ),
        p=np.where(usable, stdtr(df, t), 1.0),
        p_gain=np.where(usable, stdtr(df, -t), 1.0),
        se=se,
    )
