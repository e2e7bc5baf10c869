"""Changes over time: one small picture, run after run, with each run's outcome as a mark that needs no colour."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from validate import wording
from validate.ledger.entries import SliceSummary
from validate.outcome import Outcome
from validate.report.tables import Status, status

STEP, HEIGHT = 26, 64  # of a picture, in its own units
_TOP, _BOTTOM = 6, 58


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run in the picture."""

    x: float
    y: float
    low: float
    high: float
    status: Status


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A picture of runs, oldest on the left."""

    width: int
    zero: float  # where no change lies
    line: str  # through the estimates: points of a polyline
    points: tuple[Point, ...]
    gaps: tuple[tuple[float, Status], ...]  # runs without a number: place and outcome
    label: str  # what a reader who cannot see it is told


def trend(found: Sequence[tuple[SliceSummary | None, Outcome | None]], *, rate: bool, what: str) -> Trend:
    """The picture of a slice's changes, each with the outcome to mark it by; None where a run has none."""
    ends = [abs(x) for one, _ in found if one is not None for x in (one.low, one.high, one.change) if math.isfinite(x)]
    reach = 1.05 * max(ends, default=0.0) or 0.01
    points, gaps, told = [], [], []
    for i, (one, outcome) in enumerate(found):
        x = STEP * (i + 0.5)
        if outcome is None:
            told.append("not there")
            continue
        if one is None or math.isnan(one.change):
            gaps.append((x, status(outcome)))
            told.append(f"no number, {outcome}")
            continue
        low, high = (_y(_finite(limit, reach), reach) for limit in (one.low, one.high))
        points.append(Point(x=x, y=_y(one.change, reach), low=low, high=high, status=status(outcome)))
        told.append(f"{wording.change(one.change, rate=rate)}{wording.unit(rate=rate)}, {outcome}")
    return Trend(
        width=STEP * max(len(found), 1),
        zero=_y(0.0, reach),
        line=" ".join(f"{point.x:g},{point.y:g}" for point in points),
        points=tuple(points),
        gaps=tuple(gaps),
        label=f"{what}, oldest first: {'; '.join(told) or 'no run'}",
    )


def _finite(limit: float, reach: float) -> float:
    return max(-reach, min(reach, limit)) if not math.isnan(limit) else 0.0


def _y(change: float, reach: float) -> float:
    return round(_TOP + (1 - (change + reach) / (2 * reach)) * (_BOTTOM - _TOP), 1)
