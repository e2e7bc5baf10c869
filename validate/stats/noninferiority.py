"""Is the change no worse than a margin? Outcomes, p-values, the examples that it takes, and ratios of error rates."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from validate.outcome import Outcome
from validate.stats.inputs import checked_margin, critical_value, floats, one_sided, paired_counts, rate
from validate.stats.paired import melded_lower_p, tango_z
from validate.stats.rates import wilson_limits
from validate.stats.results import Floats, Intervals

BONETT_PRICE_RATIO = "Bonett-Price hybrid Wilson, ratio of error rates (2006)"


def classify(low: ArrayLike, high: ArrayLike, margin: ArrayLike) -> list[Outcome]:
    """PASS where the whole interval is above -margin, FAIL where it is below, else INCONCLUSIVE; of m slices.

    Strict: a limit that equals -margin decides nothing, and neither does NaN.

    Raises:
        ValueError: a margin that is negative or not finite.
    """
    lows, highs, margins = np.broadcast_arrays(floats(low), floats(high), floats(margin))
    if not np.all(np.isfinite(margins) & (margins >= 0)):
        raise ValueError("a margin must be finite and at least 0")
    return _outcomes(passed=lows > -margins, failed=highs < -margins)


def classify_ratio(low: ArrayLike, high: ArrayLike, margin_ratio: ArrayLike) -> list[Outcome]:
    """The same for an interval of the ratio of error rates: PASS where all of it is below the largest tolerable ratio.

    Raises:
        ValueError: a ratio that is below 1 or not finite.
    """
    lows, highs, ratios = np.broadcast_arrays(floats(low), floats(high), floats(margin_ratio))
    if not np.all(np.isfinite(ratios) & (ratios >= 1)):
        raise ValueError("a margin ratio must be finite and at least 1")
    return _outcomes(passed=highs < ratios, failed=lows > ratios)


def smallest_n(margin: float, *, level: float = 0.95, exact: bool = False) -> int:
    """Examples without which a slice cannot PASS unless it gains, by Tango's interval or the exact one.

    With one example fewer, the interval of a slice without any flip reaches down to -margin.

    Raises:
        ValueError: a margin outside (0, 1).
    """
    if not 0 < margin < 1:
        raise ValueError("a margin must be above 0 and below 1")
    squared = critical_value(level) ** 2
    bound = np.log(one_sided(level)) / np.log1p(-margin) if exact else squared * (1 - margin) / margin
    return int(np.floor(bound)) + 1


def smallest_margin(low: ArrayLike) -> Floats:
    """The margin above which slices with these lower limits PASS today; 0 where they are shown to gain; (m,)."""
    return np.maximum(-floats(low), 0.0)


def noninferiority_p(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, margin: ArrayLike) -> Floats:
    """One-sided p of H0: change <= -margin by Tango's score (1998); below alpha exactly where a slice PASSes; (m,)."""
    return np.asarray(ndtr(-tango_z(gains, losses, n, margin)))


def melded_p(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, margin: ArrayLike) -> Floats:
    """One-sided p of H0: change <= -margin by the melded exact test (Fay & Lumbard, Stat Med 2021;40:1147); (m,)."""
    return melded_lower_p(*paired_counts(gains, losses, n), -checked_margin(margin))


def beyond_margin_p(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, margin: ArrayLike) -> Floats:
    """One-sided p of H0: change >= -margin, small where the loss is beyond the margin; melded exact test; (m,).

    Tango's score is too permissive on this side when few losses are expected, and must not enter an adjustment.
    """
    return melded_lower_p(*paired_counts(losses, gains, n), checked_margin(margin))


def flips_to_change(
    gains: ArrayLike, losses: ArrayLike, n: ArrayLike, margin: ArrayLike, *, level: float = 0.95
) -> Floats:
    """How many losses away a slice is from the other side of PASS, by Tango's score; whole numbers, (m,).

    k > 0: it PASSes, and with k more losses (fewer pairs both right) it no longer does; infinity where none is enough.
    k < 0: it does not PASS, and with -k losses fewer it would; NaN where it would not even without a loss.
    """
    gained, lost, size, margins = np.broadcast_arrays(*paired_counts(gains, losses, n), checked_margin(margin))
    critical = critical_value(level)
    room = np.floor(size - gained)
    most, beyond = np.full(lost.shape, -1.0), room + 1  # with `most` losses it PASSes, with `beyond` it does not
    while np.any(beyond - most > 1):
        middle = np.floor((most + beyond) / 2)
        asked = np.clip(middle, 0, room)
        passes = (tango_z(gained, asked, size, margins) > critical) & (asked == middle)
        most, beyond = np.where(passes, middle, most), np.where(passes, beyond, middle)
    flips = np.where(lost <= most, most + 1 - lost, most - lost)
    return np.where(most < 0, np.nan, np.where(most == room, np.inf, flips))


def error_ratio_interval(
    both_wrong: ArrayLike, gains: ArrayLike, losses: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> Intervals:
    """Errors of the compressed model over errors of the dense one, with their hybrid Wilson interval; above 1 is harm.

    From Bonett & Price (2006). Without any error the ratio is NaN and the interval [0, infinity].
    """
    wrong = floats(both_wrong)
    gained, lost, size = paired_counts(gains, losses, n)
    paired_counts(wrong + gained, lost, size)  # there cannot be more errors than examples
    compressed, dense = wrong + lost, wrong + gained
    either = wrong + gained + lost
    spread = np.sqrt((gained + lost + 2) / ((compressed + 1) * (dense + 1)))
    parts = [np.sqrt((1 - (errors + 1) / (either + 2)) / (errors + 1)) for errors in (compressed, dense)]
    critical = critical_value(level) * spread / (parts[0] + parts[1])
    low_c, high_c = wilson_limits(compressed, either, critical)
    low_d, high_d = wilson_limits(dense, either, critical)
    return Intervals(
        estimate=np.where((dense == 0) & (compressed > 0), np.inf, rate(compressed, dense)),
        low=np.divide(low_c, high_d, out=np.zeros_like(low_c), where=either > 0),
        high=np.divide(high_c, low_d, out=np.full_like(high_c, np.inf), where=low_d > 0),
        level=level,
        method=BONETT_PRICE_RATIO,
        n=either,
    )


def _outcomes(*, passed: NDArray[np.bool_], failed: NDArray[np.bool_]) -> list[Outcome]:
    return [
        Outcome.PASS if good else Outcome.FAIL if bad else Outcome.INCONCLUSIVE
        for good, bad in zip(passed.tolist(), failed.tolist(), strict=True)
    ]
