"""A sweep as one HTML page: every level and round in a table, beside a picture of size against loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validate import wording
from validate.forecast import Correlation
from validate.report.curve import Curve, curves
from validate.report.page import layout
from validate.report.sweep_facts import (
    FLATTERS,
    calibration_lines,
    change_of,
    correlation_notes,
    level_text,
    reached,
    rho_text,
)
from validate.report.tables import Status, status
from validate.report.waivers import verdict_status
from validate.sweep import Potential, Rung, Seen, Series, Sweep

MOST_SLICES = 200  # rows of the table of slices


@dataclass(frozen=True, kw_only=True)
class RungRow:
    """One compressed model."""

    number: str
    name: str
    series: str
    level: str
    counted: bool
    left: str
    memory: str
    nonzeros: str
    status: Status
    everything: str
    everything_range: str
    worst: str
    worst_change: str
    worst_range: str
    worst_status: Status | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class SliceCells:
    """How far one slice goes along with each series."""

    name: str
    n: str
    guard: bool
    cells: tuple[tuple[str, Status | None, str], ...]  # the model it passes up to, what stops it, and a remark


@dataclass(frozen=True, kw_only=True)
class SweepView:
    """The whole page."""

    title: str
    suite: str
    facts: str
    reached: tuple[str, ...]
    flatters: str
    points: str  # unit of the changes
    unit: bool  # the pictures' changes are in margins
    curves: tuple[Curve, ...]
    rungs: tuple[RungRow, ...]
    series: tuple[str, ...]  # of the table of slices
    slices: tuple[SliceCells, ...]
    left_out: str
    calibration: tuple[str, ...]
    predictors: tuple[str, ...]
    foretold: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]  # per model and predictor: rho, interval, p
    foretold_notes: tuple[str, ...]


def render_sweep(found: Sweep) -> str:
    """The page of a sweep."""
    return layout("sweep.html.j2", _view(found))


def _view(found: Sweep) -> SweepView:
    rungs = [rung for series in found.series for rung in series.rungs]
    numbers = {rung.name: str(i) for i, rung in enumerate(rungs, start=1)}
    drawn = curves(found.series, numbers)
    ordered = [series for series in found.series if series.verdict is not None]
    rows = list(_slices(ordered))
    return SweepView(
        title=found.system or found.suite,
        suite=found.suite,
        facts=f"{wording.plural(len(rungs), 'compressed model')} on {wording.plural(found.n, 'example')}, "
        f"by {found.metric}",
        reached=tuple(reached(found)),
        flatters=FLATTERS,
        points=wording.unit(rate=found.rate).strip(),
        unit=bool(drawn) and drawn[0].margin is not None,
        curves=drawn,
        rungs=tuple(_rung(rung, numbers, rate=found.rate) for rung in rungs),
        series=tuple(series.name for series in ordered),
        slices=tuple(rows[:MOST_SLICES]),
        left_out=_left_out(found, len(rows)),
        calibration=tuple(calibration_lines(found)),
        predictors=tuple(dict.fromkeys(one.predictor for one in found.correlations)),
        foretold=tuple(_foretold(found)),
        foretold_notes=tuple(correlation_notes(found.correlations)) if found.correlations else (),
    )


def _foretold(found: Sweep) -> Iterator[tuple[str, tuple[tuple[str, str, str], ...]]]:
    """Each model's correlations with the forecast, in the order of the predictors."""
    for model in dict.fromkeys(one.compressed for one in found.correlations):
        yield model, tuple(_cells(one) for one in found.correlations if one.compressed == model)


def _cells(one: Correlation) -> tuple[str, str, str]:
    limits = f"{wording.signed(one.low, 2)} to {wording.signed(one.high, 2)}"
    return rho_text(one), limits, wording.p_value(one.p)


def _left_out(found: Sweep, rows: int) -> str:
    words = []
    if rows > MOST_SLICES:
        words.append(f"{wording.plural(rows - MOST_SLICES, 'more slice')} in sweep.json.")
    if found.too_small:
        words.append(f"{wording.plural(found.too_small, 'slice')} too small to pass for any model.")
    return " ".join(words)


def _rung(rung: Rung, numbers: dict[str, str], *, rate: bool) -> RungRow:
    worst = rung.worst
    return RungRow(
        number=numbers[rung.name],
        name=rung.name,
        series=rung.series if rung.series != rung.name else "",
        level=level_text(rung),
        counted=rung.counted,
        left=wording.ABSENT if rung.left is None else wording.share(rung.left),
        memory=wording.ABSENT if rung.memory is None else wording.count(rung.memory),
        nonzeros=wording.ABSENT if rung.nonzeros is None else wording.count(rung.nonzeros),
        status=verdict_status(rung.outcome, rung.waived),
        everything=change_of(rung.everything, rate=rate),
        everything_range=_range(rung.everything, rate=rate),
        worst="" if worst is None else worst.slice,
        worst_change=change_of(worst, rate=rate),
        worst_range=_range(worst, rate=rate),
        worst_status=None if worst is None else status(worst.outcome),
        reason=rung.reason,
    )


def _range(seen: Seen | None, *, rate: bool) -> str:
    if seen is None:
        return ""
    limit = None if seen.margin is None else -seen.margin
    low, high = (wording.change(end, rate=rate, limit=limit) for end in (seen.low, seen.high))
    return f"{low} to {high}"


def _slices(series: Sequence[Series]) -> Iterator[SliceCells]:
    """The guarded slices, then those that stop somewhere, then the others."""
    table: dict[str, list[Potential | None]] = {}
    for at, one in enumerate(series):
        for found in one.slices:
            table.setdefault(found.slice, [None] * len(series))[at] = found
    rows = sorted(table.items(), key=lambda row: _order([one for one in row[1] if one is not None]))
    for name, cells in rows:
        known = next(one for one in cells if one is not None)
        yield SliceCells(
            name=name, n=wording.count(known.n), guard=known.guard, cells=tuple(_cell(one) for one in cells)
        )


def _order(found: Sequence[Potential]) -> tuple[bool, int]:
    """Guarded first, then those that stop in most series."""
    return not found[0].guard, -sum(one.stopped is not None for one in found)


def _cell(one: Potential | None) -> tuple[str, Status | None, str]:
    if one is None:
        return wording.ABSENT, None, ""
    stopped = status(one.outcome, f"{one.stopped} {one.outcome}") if one.outcome else None
    return one.highest or "none", stopped, f"passes beyond it: {wording.listing(one.above)}" if one.above else ""
