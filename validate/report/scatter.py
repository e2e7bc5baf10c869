"""Dense against compressed: one picture of all slices, each outcome with a mark of its own that needs no colour."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from validate import wording
from validate.comparison import Comparison
from validate.report.facts import is_rate, limit
from validate.report.forest import Tick

SIDE = 320  # of the square, in its own units
_INSIDE = 12  # from its edge to the nearest mark
# the path of one mark, drawn from where its slice lies; a line of no length has a round cap
_MARKS = {
    "inconclusive": "m0-3l3 6h-6z",
    "pass": "h0",
    "fail": "m-3-3 6 6m0-6-6 6",
    "error": "m-3-3h6v6h-6z",
}


@dataclass(frozen=True, kw_only=True)
class Marks:
    """All slices of one outcome."""

    css: str
    word: str
    path: str
    example: str  # the same mark, for the key
    n: int


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """The picture."""

    ticks: tuple[Tick, ...]  # the same on both sides
    marks: tuple[Marks, ...]
    small: int  # slices that are not drawn
    margin: str  # path of the line one margin below that of no change; empty where slices have different margins
    margin_text: str
    label: str  # what a reader who cannot see it is told


def scatter(comparisons: Sequence[Comparison]) -> Scatter | None:
    """The picture of those slices that are large enough to be judged; none where fewer than two have numbers."""
    found = [
        c for c in comparisons if math.isfinite(c.dense) and math.isfinite(c.compressed) and c.slice.n >= c.n_smallest
    ]
    values = [x for c in found for x in (c.dense, c.compressed)]
    if len(found) < 2 or min(values) == max(values):
        return None
    low, high = min(values), max(values)
    rate = all(map(is_rate, found))

    def place(value: float) -> int:
        return round(_INSIDE + (value - low) / (high - low) * (SIDE - 2 * _INSIDE))

    marks = tuple(_marks(css, [c for c in found if c.outcome.lower() == css], place) for css in _MARKS)
    lower = sum(c.compressed < c.dense for c in found)
    margin = _margin(found, high - low)
    told = ", ".join(f"{kind.n:,} {kind.word}" for kind in marks if kind.n)
    return Scatter(
        ticks=tuple(Tick(x=place(x), text=wording.level(x, rate=rate)) for x in (low, (low + high) / 2, high)),
        marks=tuple(kind for kind in marks if kind.n),
        small=len(comparisons) - len(found),
        margin=f"M{margin:g} {SIDE}L{SIDE} {margin:g}" if margin else "",
        margin_text=wording.margin(found[0].slice.margin, rate=rate),
        label=(
            f"Dense and compressed model on {wording.plural(len(found), 'slice')}: {told}; "
            f"on {lower:,} the compressed model’s value is lower"
        ),
    )


def _marks(css: str, found: Sequence[Comparison], place: Callable[[float], int]) -> Marks:
    """Their marks; of those that would cover each other to the unit, one is drawn."""
    drawn = dict.fromkeys(f"M{place(c.dense)} {SIDE - place(c.compressed)}{_MARKS[css]}" for c in found)
    return Marks(css=css, word=css.upper(), path="".join(drawn), example=f"M8 8{_MARKS[css]}", n=len(found))


def _margin(found: Sequence[Comparison], span: float) -> float:
    """How far the line of the margin lies from that of no change; 0 where there is no one margin to draw."""
    limits = {limit(c) for c in found}
    alone = limits.pop() if len(limits) == 1 else None
    shown = 0.0 if alone is None or not is_rate(found[0]) else alone / span * (SIDE - 2 * _INSIDE)
    return round(shown, 1) if 0 < shown < SIDE else 0.0
