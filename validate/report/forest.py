"""The forest plot: one small picture per table row, all on one scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from validate import wording
from validate.comparison import Comparison
from validate.report.facts import is_rate
from validate.stats.results import Interval

WIDTH, HEIGHT = 220, 24  # of a row's picture, in its own units
_MIDDLE, _EDGE = WIDTH / 2, 4
_LEAST, _MOST = 1.6, 5.0  # reach of the scale, in margins
_TICKED = 0.93  # share of the scale that has ticks: a number at its very end would be cut off


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A number on the axis."""

    x: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From changes to places; the same for every row of a table."""

    reach: float  # change at either end
    rate: bool
    ticks: tuple[Tick, ...]

    def x(self, change: float) -> float:
        """The place of a change, kept inside the picture."""
        inside = max(-1.0, min(1.0, change / self.reach))
        return round(_MIDDLE + inside * (_MIDDLE - _EDGE), 1)


@dataclass(frozen=True, kw_only=True)
class Forest:
    """One row's picture."""

    low: float
    high: float
    at: float | None  # none where the estimate itself lies beyond the scale
    margin: float | None  # none where a ratio of errors is judged
    arrow_low: bool  # the interval goes on beyond the scale
    arrow_high: bool
    label: str  # what a reader who cannot see it is told
    css: str


def scale(comparisons: Sequence[Comparison]) -> Scale:
    """A scale that shows margins and most intervals; longer ones end in an arrow."""
    margins = [c.slice.margin for c in comparisons if math.isfinite(c.slice.margin)]
    largest = max(margins, default=0.02)
    ends = [abs(x) for c in comparisons for x in (c.change.low, c.change.high) if math.isfinite(x)]
    reach = min(max([_LEAST * largest, *(1.05 * end for end in ends)]), _MOST * largest)
    return _scale(reach, rate=all(is_rate(c) for c in comparisons))


def forest(change: Interval, margin: float | None, on: Scale, *, css: str) -> Forest | None:
    """The picture of an interval; none where there is no estimate to draw."""
    if math.isnan(change.estimate) or math.isnan(change.low) or math.isnan(change.high):
        return None
    estimate = wording.change(change.estimate, rate=on.rate)
    limits = wording.interval(change, rate=on.rate, margin=margin)
    return Forest(
        low=on.x(change.low),
        high=on.x(change.high),
        at=on.x(change.estimate) if abs(change.estimate) <= on.reach else None,
        margin=None if margin is None else on.x(-margin),
        arrow_low=change.low < -on.reach,
        arrow_high=change.high > on.reach,
        label=f"{estimate}, from {limits}"
        + ("" if margin is None else f"; margin {wording.margin(margin, rate=on.rate)}"),
        css=css,
    )


def _scale(reach: float, *, rate: bool) -> Scale:
    bare = Scale(reach=reach, rate=rate, ticks=())
    step = _step(reach)
    count = int(_TICKED * reach / step)
    ticks = []
    for i in range(-count, count + 1):
        shown = i * step * (100 if rate else 1)
        ticks.append(Tick(x=bare.x(i * step), text=f"{shown:+.6g}".replace("-", "−") if i else "0"))
    return Scale(reach=reach, rate=rate, ticks=tuple(ticks))


def _step(reach: float) -> float:
    """The smallest round step with at most three ticks on a side."""
    power = 10.0 ** math.floor(math.log10(reach / 3))
    return next(factor * power for factor in (1, 2, 5, 10) if reach / (factor * power) < 4)
