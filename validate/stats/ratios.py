"""Ratios of two models' times and accuracies, with their intervals."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtrit

from validate.stats.inputs import one_sided
from validate.stats.noninferiority import error_ratio_interval
from validate.stats.results import Floats, Interval, Intervals

ROUNDS_BOOTSTRAP = "percentile bootstrap over interleaved rounds, expanded for few of them (Hesterberg 2015)"
RETAINED = "Bonett-Price hybrid Wilson, ratio of accuracies (2006)"
_RESAMPLES = 2000
_BLOCK = 2**22  # numbers resampled at a time


def interleaved(
    dense: ArrayLike, compressed: ArrayLike, share: float, rng: np.random.Generator, *, level: float = 0.95
) -> tuple[Interval, Interval, Interval]:
    """The percentile `share` of two models' times, and its ratio, compressed / dense, from rounds in which both ran.

    Both are (rounds, calls). A round is drawn as a whole and with both models: what slows a machine for a while
    slows both, and calls of one moment are no independent calls.

    Raises:
        ValueError: another number of rounds, fewer than two of them, a time that is not above zero and finite.
    """
    before, after = (np.atleast_2d(np.asarray(times, dtype=np.float64)) for times in (dense, compressed))
    if len(before) != len(after) or len(before) < 2:
        raise ValueError("both models need the same number of rounds, at least two")
    if not all(np.all(np.isfinite(times) & (times > 0)) for times in (before, after)):
        raise ValueError("times must be finite and above zero")
    drawn = rng.integers(len(before), size=(_RESAMPLES, len(before)))
    sampled = [_percentiles(times, drawn, share) for times in (before, after)]
    found = [float(np.quantile(times, share)) for times in (before, after)]
    return (
        _interval(found[0], sampled[0], len(before), level),
        _interval(found[1], sampled[1], len(before), level),
        _interval(found[1] / found[0], sampled[1] / sampled[0], len(before), level),
    )


def retained_interval(
    both_right: ArrayLike, gains: ArrayLike, losses: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> Intervals:
    """Right answers of the compressed model over those of the dense one; below 1 is harm; (m,).

    The interval of `error_ratio_interval`, with right answers in the errors' place.
    """
    found = error_ratio_interval(both_right, losses, gains, n, level=level)
    return replace(found, method=RETAINED)


def _percentiles(times: Floats, drawn: np.typing.NDArray[np.int64], share: float) -> Floats:
    """The percentile in each resample of rounds, as `np.quantile` has it, from times that are sorted only once."""
    order = np.argsort(times, axis=None)
    ranked, of_round = times.ravel()[order], order // times.shape[1]
    place = share * (times.size - 1)  # every round has as many calls, so every resample has as many times
    below = math.floor(place)
    parts = []
    for block in np.array_split(drawn, math.ceil(drawn.shape[0] * times.size / _BLOCK)):
        often = (block[:, :, None] == np.arange(len(times))).sum(axis=1, dtype=np.int32)
        seen = np.cumsum(often[:, of_round], axis=1, dtype=np.int32)
        low, high = (ranked[(seen <= min(k, times.size - 1)).sum(axis=1)] for k in (below, below + 1))
        parts.append(low + (place - below) * (high - low))
    return np.concatenate(parts)


def _interval(estimate: float, sampled: Floats, rounds: int, level: float) -> Interval:
    tail = _expanded(one_sided(level), rounds)
    low, high = np.quantile(sampled, [tail, 1 - tail])
    return Interval(estimate=estimate, low=float(low), high=float(high), level=level, method=ROUNDS_BOOTSTRAP, n=rounds)


def _expanded(tail: float, rounds: int) -> float:
    """A tail so far out that the interval is as wide as Student's: few rounds vary less than what they are of."""
    return float(ndtr(math.sqrt(rounds / (rounds - 1)) * stdtrit(rounds - 1, tail)))
