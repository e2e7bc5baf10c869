"""Throughput over batch size: one picture, each model with a line and a mark of its own that needs no colour."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from validate import wording
from validate.artifact_profile.cost import Cost, Measured
from validate.report.forest import Tick
from validate.stats.results import Interval

WIDTH, HEIGHT = 320, 200  # of the picture, in its own units
_INSIDE = 14  # from its edge to the nearest mark
_MARKS = {"dense": "h0", "compressed": "m-3-3h6v6h-6z"}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One model at every batch size."""

    name: str
    css: str
    path: str  # through its estimates
    marks: str
    whiskers: str  # its intervals
    example: str  # its mark, for the key


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """The picture; both axes are logarithmic."""

    batches: tuple[Tick, ...]
    levels: tuple[Tick, ...]  # examples a second; x holds the height
    lines: tuple[Line, ...]
    label: str  # what a reader who cannot see it is told


def ladder(cost: Cost | None) -> Ladder | None:
    """The picture of what was measured; none of fewer than two batch sizes."""
    found = [it for it in cost.measured if it.quantity == "throughput"] if cost else []
    if len(found) < 2:
        return None
    rates = [x for it in found for model in (it.dense, it.compressed) for x in (model.low, model.high)]
    across = _place([it.batch for it in found], _INSIDE, WIDTH - _INSIDE)
    up = _place(rates, HEIGHT - _INSIDE, _INSIDE)
    told = "; ".join(
        f"batch {it.batch:,}: dense {_rate(it.dense.estimate)}, compressed {_rate(it.compressed.estimate)}"
        for it in found
    )
    return Ladder(
        batches=tuple(Tick(x=across(it.batch), text=wording.count(it.batch)) for it in found),
        levels=tuple(Tick(x=up(x), text=_rate(x)) for x in _round(min(rates), max(rates))),
        lines=(
            _line("dense", found, lambda it: it.dense, across, up),
            _line("compressed", found, lambda it: it.compressed, across, up),
        ),
        label=f"Examples a second by batch size. {told}",
    )


Place = Callable[[float], float]


def _place(values: Sequence[float], low: float, high: float) -> Place:
    """From a value to its place between two edges, by its logarithm."""
    first, last = math.log(min(values)), math.log(max(values))
    span = last - first or 1.0
    return lambda value: round(low + (math.log(value) - first) / span * (high - low), 1)


def _line(name: str, found: Sequence[Measured], of: Callable[[Measured], Interval], across: Place, up: Place) -> Line:
    places = [(across(it.batch), of(it)) for it in found]
    return Line(
        name=name,
        css=name,
        path="M" + "L".join(f"{x:g} {up(it.estimate):g}" for x, it in places),
        marks="".join(f"M{x:g} {up(it.estimate):g}{_MARKS[name]}" for x, it in places),
        whiskers="".join(f"M{x:g} {up(it.low):g}V{up(it.high):g}" for x, it in places),
        example=f"M8 8{_MARKS[name]}",
    )


def _round(low: float, high: float) -> list[float]:
    """Powers of ten between them; their ends where there are fewer than two."""
    powers = [10.0**k for k in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
    return powers if len(powers) > 1 else [low, high]


def _rate(value: float) -> str:
    """Three digits: 1,200,000 is read as such, 0.0312 too."""
    return f"{float(f'{value:.3g}'):,.12g}"
