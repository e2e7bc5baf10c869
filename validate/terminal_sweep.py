"""What a sweep says at the terminal: the models in order, and how far each guarded slice goes along."""

from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from validate import wording
from validate.forecast import Forecast
from validate.outcome import Outcome
from validate.report.sweep_facts import (
    FLATTERS,
    FORECASTS,
    calibration_lines,
    change_of,
    correlation_notes,
    forecast_cell,
    level_text,
    reached,
    rho_text,
)
from validate.sweep import Potential, Rung, Sweep
from validate.terminal import printable, verdict_text

MOST = 100  # characters of a reason
WIDE = 100  # columns from which a forecast shows values beside ranks
MOST_SLICES = 40  # rows of a forecast


def sweep(found: Sweep, *, page: Path) -> Group:
    """Sum the sweep up: every model, the highest compression that passes, and where the page is."""
    header = f"{found.suite} · {wording.plural(found.n, 'example')} · {found.metric}"
    parts: list[RenderableType] = [Text(printable(header), style="bold"), _rungs(found)]
    parts += [Text(printable(line), overflow="fold") for line in reached(found)]
    parts += [Text(printable(line), overflow="fold") for line in calibration_lines(found)]
    parts += _slices(found)
    parts += _correlations(found)
    parts += [Text(f"\n{FLATTERS}"), Text(f"\nPage: {page}", overflow="fold")]
    return Group(*parts)


def _rungs(found: Sweep) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    points = " (points)" if found.rate else ""
    table.add_column("compressed", overflow="fold")
    table.add_column("level", no_wrap=True)
    table.add_column("size left", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column(f"all{points}", justify="right", no_wrap=True)
    table.add_column(f"worst guarded slice{points}", overflow="fold")
    for series in found.series:
        for i, rung in enumerate(series.rungs):
            table.add_row(*_cells(rung, rate=found.rate), end_section=i == len(series.rungs) - 1)
    return table


def _cells(rung: Rung, *, rate: bool) -> tuple[Text, ...]:
    return (
        Text(printable(rung.name)),
        Text(level_text(rung)),
        Text(wording.ABSENT if rung.left is None else wording.share(rung.left)),
        verdict_text(rung.outcome, rung.waived),
        Text(change_of(rung.everything, rate=rate)),
        Text("\n".join(map(printable, _worst(rung, rate=rate)))),
    )


def _worst(rung: Rung, *, rate: bool) -> Iterator[str]:
    """The guarded slice with the least room; and the first reason, where it is another."""
    if rung.worst:
        yield f"{change_of(rung.worst, rate=rate)} {rung.worst.slice}"
    if rung.reason and (rung.worst is None or rung.worst.outcome is Outcome.PASS):
        yield rung.reason if len(rung.reason) <= MOST else f"{rung.reason[: MOST - 1]}…"


def _slices(found: Sweep) -> Iterator[RenderableType]:
    """The guarded slices that do not go all the way, and how many do."""
    chosen = [series for series in found.series if series.verdict and len(series.rungs) > 1]
    rows: dict[str, list[Potential | None]] = {}
    for at, series in enumerate(chosen):
        for one in series.slices:
            if one.guard:
                rows.setdefault(one.slice, [None] * len(chosen))[at] = one
    stopping = {name: cells for name, cells in rows.items() if any(one and one.stopped for one in cells)}
    if stopping:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        table.add_column("guarded slice passes up to", overflow="fold")
        for series in chosen:
            table.add_column(printable(series.name), overflow="fold")
        for name, cells in stopping.items():
            table.add_row(printable(name), *(printable(_cell(one)) for one in cells))
        yield table
    if len(rows) > len(stopping):
        others = wording.plural(len(rows) - len(stopping), "guarded slice")
        yield Text(f"{others} of {len(rows):,} {'goes' if len(rows) - len(stopping) == 1 else 'go'} all the way.")


def _correlations(found: Sweep) -> Iterator[RenderableType]:
    """How each predictor of the forecast went along with what happened to each model."""
    if not found.correlations:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("forecast against what happened", overflow="fold")
    names = list(dict.fromkeys(one.predictor for one in found.correlations))
    for name in names:
        table.add_column(name, justify="right")
    for model in dict.fromkeys(one.compressed for one in found.correlations):
        by = {one.predictor: one for one in found.correlations if one.compressed == model}
        table.add_row(printable(model), *(rho_text(by[name]) if name in by else wording.ABSENT for name in names))
    yield table
    yield from (Text(note) for note in correlation_notes(found.correlations))


def _cell(one: Potential | None) -> str:
    if one is None:
        return wording.ABSENT
    if one.stopped is None:
        return f"{one.highest} (all)"
    return one.highest or f"none ({one.outcome})"


def forecast(found: Forecast, *, width: int) -> Group:
    """Show the slices, those most at risk first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("slice, most at risk first", overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    known = list(found.slices[0].values) if found.slices else []
    for name in known:
        table.add_column(name, justify="right")
    for one in found.slices[:MOST_SLICES]:
        cells = (forecast_cell(one, name, values=width >= WIDE) for name in known)
        table.add_row(printable(one.slice), wording.count(one.n), *cells)
    header = Text(printable(f"{found.suite} · {wording.plural(found.n, 'example')} · dense model alone"), style="bold")
    notes = list(found.notes)
    if width < WIDE:
        notes.insert(0, f"Ranks only: from {WIDE} columns on, and in --json, the values too.")
    if len(found.slices) > MOST_SLICES:
        notes.insert(0, f"and {wording.plural(len(found.slices) - MOST_SLICES, 'more slice')}: see --json")
    return Group(header, table, *(Text(printable(note), overflow="fold") for note in (*notes, FORECASTS)))
