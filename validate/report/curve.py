"""Size against loss: one picture of all models of a sweep, each outcome with a mark of its own that needs no colour."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from validate import wording
from validate.outcome import Outcome
from validate.report.forest import Tick
from validate.sweep import Rung, Seen, Series

WIDTH, HEIGHT = 320, 200  # of a picture, in its own units
_INSIDE = 14  # from its edge to the nearest mark
_NEAR = 9  # units between marks that can have labels of their own
_DEEPEST = 4.0  # margins below zero that are drawn; what lies deeper is drawn there, with an arrow
_MARKS = {
    Outcome.PASS: "h0",
    Outcome.INCONCLUSIVE: "m0-3l3 6h-6z",
    Outcome.FAIL: "m-3-3 6 6m0-6-6 6",
    Outcome.ERROR: "m-3-3h6v6h-6z",
}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One model."""

    css: str
    path: str
    x: float
    y: float
    low: float  # ends of its interval
    high: float
    deeper: bool  # it lies below the picture
    number: str  # by which the table names it, and those that lie here too; empty where another mark names it


@dataclass(frozen=True, kw_only=True)
class Curve:
    """All models on one slice each: the mean, or the worst guarded one."""

    title: str
    ticks: tuple[Tick, ...]  # of the size that is left
    levels: tuple[Tick, ...]  # of the change, in margins; x holds the height
    zero: float
    margin: float | None  # height of the line one margin below zero; None where there is no one unit
    lines: tuple[str, ...]  # through the steps of each series
    rounds: tuple[str, ...]  # through the rounds of each level
    marks: tuple[Mark, ...]
    label: str  # what a reader who cannot see it is told


Choose = Callable[[Rung], Seen | None]


class Axis(NamedTuple):
    """What the pictures' cost is, in words for whoever cannot see them."""

    title: str
    unit: str


SIZE = Axis("the size that is left", "left")


def curves(series: Sequence[Series], numbers: dict[str, str], axis: Axis = SIZE) -> tuple[Curve, ...]:
    """Two pictures on one scale: all examples, and each model's worst guarded slice; none where no cost is known."""
    chosen: tuple[tuple[str, Choose], ...] = (
        ("All examples", lambda rung: rung.everything),
        ("Worst guarded slice", lambda rung: rung.worst),
    )
    found = [rung for one in series for rung in one.rungs if rung.left is not None]
    seen = [shown for _, choose in chosen for rung in found if (shown := choose(rung)) is not None]
    if not seen:
        return ()
    unit = all(one.margin is not None for one in seen)
    ends = [height(one.high, one, unit=unit) for one in seen] + [0.0]
    depths = [height(one.low, one, unit=unit) for one in seen] + ([-1.2] if unit else [])
    top = max(end for end in ends if math.isfinite(end))
    deepest = min(depth for depth in depths if math.isfinite(depth))
    scale = _Scale(
        top=min(top, _DEEPEST) if unit else top,
        bottom=max(deepest, -_DEEPEST) if unit else deepest,
        widest=max(1.0, *(rung.left or 0.0 for rung in found)),
        unit=unit,
        axis=axis,
    )
    return tuple(_curve(title, choose, series, numbers, scale) for title, choose in chosen)


def height(change: float, seen: Seen, *, unit: bool) -> float:
    """A change in margins of its slice, where every slice has one."""
    return change / seen.margin if unit and seen.margin is not None else change


@dataclass(frozen=True, kw_only=True)
class _Scale:
    top: float
    bottom: float
    widest: float  # most that is left of a model, as a share
    unit: bool
    axis: Axis

    def x(self, left: float) -> float:
        return round(_INSIDE + (1 - left / self.widest) * (WIDTH - 2 * _INSIDE), 1)

    def y(self, value: float) -> float:
        inside = max(self.bottom, min(self.top, value))
        span = self.top - self.bottom or 1.0
        return round(_INSIDE + (self.top - inside) / span * (HEIGHT - 2 * _INSIDE), 1)


def _curve(title: str, choose: Choose, series: Sequence[Series], numbers: dict[str, str], scale: _Scale) -> Curve:
    marks, lines, rounds, told = [], [], [], []
    for one in series:
        drawn = [(rung, mark) for rung in one.rungs if (mark := _mark(rung, choose(rung), numbers, scale))]
        marks += [mark for _, mark in drawn]
        lines.append(_path([mark for rung, mark in drawn if rung.counted]))
        levels = dict.fromkeys(rung.level for rung, _ in drawn if rung.round is not None)
        rounds += [_path([mark for rung, mark in drawn if rung.level == level]) for level in levels]
        told += [_told(rung, choose(rung), numbers, scale.axis) for rung, _ in drawn]
    whole = list(range(math.ceil(scale.bottom), math.floor(scale.top) + 1)) if scale.unit else [0]
    return Curve(
        title=title,
        ticks=tuple(Tick(x=scale.x(x), text=f"{100 * x:.0f} %") for x in (scale.widest, scale.widest / 2, 0.0)),
        levels=tuple(Tick(x=scale.y(x), text=wording.signed(x, 0)) for x in whole),
        zero=scale.y(0.0),
        margin=scale.y(-1.0) if scale.unit else None,
        lines=tuple(filter(None, lines)),
        rounds=tuple(filter(None, rounds)),
        marks=tuple(_labelled(marks)),
        label=f"{title}: change of each model by {scale.axis.title}. {'; '.join(told)}",
    )


def _mark(rung: Rung, seen: Seen | None, numbers: dict[str, str], scale: _Scale) -> Mark | None:
    if seen is None or rung.left is None or not math.isfinite(seen.change):
        return None
    at = height(seen.change, seen, unit=scale.unit)
    x, y = scale.x(rung.left), scale.y(at)
    low, high = (
        scale.y(height(end, seen, unit=scale.unit) if math.isfinite(end) else at) for end in (seen.low, seen.high)
    )
    return Mark(
        css=seen.outcome.lower(),
        path=f"M{x:g} {y:g}{_MARKS[seen.outcome]}",
        x=x,
        y=y,
        low=low,
        high=high,
        deeper=at < scale.bottom,
        number=numbers[rung.name],
    )


def _labelled(marks: Sequence[Mark]) -> Iterator[Mark]:
    """Marks that would cover each other's numbers share one label."""
    labels: dict[int, list[str]] = {}
    for i, mark in enumerate(marks):
        near = (at for at in labels if max(abs(marks[at].x - mark.x), abs(marks[at].y - mark.y)) < _NEAR)
        labels.setdefault(next(near, i), []).append(mark.number + "↓" * mark.deeper)
    for i, mark in enumerate(marks):
        yield replace(mark, number=", ".join(labels.get(i, ())))


def _path(marks: Sequence[Mark]) -> str:
    return "M" + "L".join(f"{mark.x:g} {mark.y:g}" for mark in marks) if len(marks) > 1 else ""


def _told(rung: Rung, seen: Seen | None, numbers: dict[str, str], axis: Axis) -> str:
    assert seen is not None
    return f"{numbers[rung.name]}, {wording.share(rung.left or 0.0)} {axis.unit}: {seen.outcome}"
