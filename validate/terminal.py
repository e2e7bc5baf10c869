"""What a person reads at the terminal: tables of evidence and plans, and a progress bar; nothing here decides."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from validate import wording
from validate.comparison import Comparison
from validate.evidence import EvidenceRecord
from validate.gate import CheckKind
from validate.outcome import Outcome
from validate.slices import Kind

STYLES = {
    Outcome.PASS: "bold green",
    Outcome.INCONCLUSIVE: "bold yellow",
    Outcome.FAIL: "bold red",
    Outcome.ERROR: "bold magenta",
}
NARROW = 76  # columns below which a table of models turns into a list
MOST_REASONS = 4


class _Console(Console):
    """A console whose reader may go away (`| head`) without changing the exit code."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def console(stream: TextIO | None = None) -> Console:
    """Give a console on the stream, stdout if none is named; a pipe gets no colours."""
    return _Console(file=stream or sys.stdout, highlight=False, markup=False, emoji=False)


class Bar:
    """Shows how far each stage of a run is, with the time left: the pipeline's `Progress` for a terminal."""

    def __init__(self, target: Console) -> None:
        self._console = target

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar while the stage lasts, and leave no trace of it."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(printable(name), total=total)
            yield lambda done: bar.advance(task, done)


def summary(records: Sequence[EvidenceRecord], *, report: Path, width: int) -> Group:
    """Sum a run up: compressed models × verdict, the reasons, and where the report is."""
    models = _narrow(records) if width < NARROW else _wide(records)
    return Group(
        _header(records[0]), models, *map(_verdict, records), Text(), Text(f"Report: {report}", overflow="fold")
    )


def printable(text: str) -> str:
    """Replace all that could move the cursor, colour the line or turn its direction."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _header(record: EvidenceRecord) -> Text:
    parts = [record.suite.name]
    if record.data is not None:
        parts.append(wording.plural(record.data.n, "example"))
    if record.comparisons:
        dense = wording.level(record.comparisons[0].dense, rate=_rate(record))
        parts.append(f"dense {record.comparisons[0].metric} {dense}")
    return Text(printable(" · ".join(parts)), style="bold")


def _wide(records: Sequence[EvidenceRecord]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("compressed", "verdict", f"change{_unit(records[0])}", "worst guarded slice"):
        table.add_column(name, overflow="fold")
    for name in ("flagged", "too small"):
        table.add_column(name, justify="right", overflow="fold")
    for record in records:
        table.add_row(*_cells(record))
    return table


def _narrow(records: Sequence[EvidenceRecord]) -> Table:
    table = Table.grid(padding=(0, 1))
    names = ("", "", "change", "worst guarded", "flagged", "too small")
    for record in records:
        compressed, verdict, *rest = _cells(record)
        table.add_row(compressed, verdict)
        for name, cell in zip(names[2:], rest, strict=True):
            table.add_row(Text(f"  {name}"), cell)
    return table


def _cells(record: EvidenceRecord) -> tuple[Text, ...]:
    """Name, verdict, overall change, worst guarded slice, what is flagged, what is too small to judge alone."""
    overall = next((c for c in record.comparisons if c.slice.kind is Kind.ALL), None)
    worst = min((c for c in record.comparisons if c.slice.guard), key=_slack, default=None)
    return (
        Text(printable(record.compressed_name)),
        _outcome(record.verdict.outcome),
        Text(_change(overall, record) if overall else wording.ABSENT),
        Text(f"{printable(worst.slice.name)}\n{_change(worst, record)}" if worst else wording.ABSENT),
        Text(_flagged(record)),
        Text(wording.count(len(record.blind_spots)) if record.comparisons else wording.ABSENT),
    )


def _slack(comparison: Comparison) -> float:
    """Tell how far the lower limit stays above the margin; below zero it does not."""
    return comparison.change.low + comparison.slice.margin


def _change(comparison: Comparison, record: EvidenceRecord) -> str:
    rate = _rate(record)
    limit = -comparison.slice.margin
    estimate = wording.change(comparison.change.estimate, rate=rate, limit=limit)
    return f"{estimate} ({wording.interval(comparison.change, rate=rate, margin=comparison.slice.margin)})"


def _flagged(record: EvidenceRecord) -> str:
    if not record.comparisons:
        return wording.ABSENT
    counts = {check.kind: int(check.numbers.get("flagged", 0)) for check in record.checks}
    screened, unequal = counts.get(CheckKind.SCREEN, 0), counts.get(CheckKind.DISPARITY, 0)
    words = [wording.plural(screened, "slice")] if screened else []
    words += [wording.plural(unequal, "disparity", "disparities")] if unequal else []
    return "\n".join(words) or "none"


def _verdict(record: EvidenceRecord) -> RenderableType:
    """Give the verdict's own line, and the first of its reasons."""
    name = Text(printable(record.compressed_name), style="bold")
    line = Text(printable(record.verdict.line).removeprefix(record.verdict.outcome).removeprefix(" · "))
    reasons = [Text(f"– {printable(reason)}", overflow="fold") for reason in record.verdict.reasons[:MOST_REASONS]]
    more = len(record.verdict.reasons) - MOST_REASONS
    if more > 0:
        reasons.append(Text(f"– and {more:,} more in the report"))
    heading = Text.assemble(Text("\n"), name, "  ", _outcome(record.verdict.outcome), "  ", line)
    return Group(heading, *reasons)


def _outcome(outcome: Outcome) -> Text:
    return Text(str(outcome), style=STYLES[outcome])


def _rate(record: EvidenceRecord) -> bool:
    return record.policy.metric == "accuracy"


def _unit(record: EvidenceRecord) -> str:
    return f" in{wording.unit(rate=True)} ({_level(record)})" if _rate(record) else f" ({_level(record)})"


def _level(record: EvidenceRecord) -> str:
    return f"{100 * record.policy.confidence:g} %"
