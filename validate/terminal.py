"""What a person reads at the terminal: tables of evidence and plans, and a progress bar; nothing here decides."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from validate import wording
from validate.comparison import Comparison
from validate.evidence import EvidenceRecord
from validate.outcome import Outcome
from validate.planning import Plan, PlannedSet, PlanRow
from validate.report.facts import flagged_text, is_rate, overall, rate, worst_guarded
from validate.report.waivers import ending
from validate.slices import Kind, Slice
from validate.verification import Verification

NARROW = 76  # columns below which the table of models turns into a list
WIDE = 88  # columns from which two flags fit on two lines
MOST_REASONS = 4
MOST_LABELS = 4
MOST_OFFERS = 2
_STYLES = {
    Outcome.PASS: "bold green",
    Outcome.INCONCLUSIVE: "bold yellow",
    Outcome.FAIL: "bold red",
    Outcome.ERROR: "bold magenta",
}


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
    models = _narrow(records) if width < NARROW else _wide(records, width)
    return Group(_header(records[0]), models, *map(_verdict, records), Text(f"\nReport: {report}", overflow="fold"))


def plan(made: Plan, *, width: int) -> Group:
    """Show the slices before any model runs: how many examples, of which labels, and whether that is enough."""
    shown = [row for row in made.rows if row.slice.kind is not Kind.CROSS]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("slice", overflow="fold")
    table.add_column("role", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("label mix, %", overflow="fold")
    table.add_column("enough to pass?", overflow="fold")
    if width >= WIDE:
        table.add_column("for example", overflow="fold")
    for row in shown:
        table.add_row(*_plan_cells(row)[: len(table.columns)])
    return Group(
        Text(printable(f"{made.suite} · {wording.plural(made.n, 'example')}"), style="bold"),
        table,
        *([_edge_table(made.edge_cases)] if made.edge_cases else []),
        *(Text(note) for note in _plan_notes(made, shown)),
        *_offers(shown),
    )


def _edge_table(sets: Sequence[PlannedSet]) -> Table:
    """Edge-case sets: what is done to how many sources, and whether those are enough."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("edge cases", overflow="fold")
    table.add_column("role", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("sources", justify="right", no_wrap=True)
    table.add_column("what is done", overflow="fold")
    for one in sets:
        few = "" if one.sources >= one.n_smallest else f" (fewer than {one.n_smallest:,} sources cannot pass)"
        role, about = _role(one), printable(one.about) + few
        table.add_row(printable(one.name), role, f"{one.n:,}", f"{one.sources:,}", about.strip())
    return table


def _role(one: PlannedSet | Slice) -> str:
    return "guarded" if one.guard else "screened" if one.screened else "described"


def verification(found: Verification) -> Group:
    """Tell what a check of the evidence found, the worst first."""
    verdict = {0: ("verified", "bold green"), 1: ("something differs", "bold red")}
    word, style = verdict.get(found.exit_code, ("could not be verified", "bold magenta"))
    parts: list[Text] = [Text(f"{word} · {wording.plural(found.checked, 'file')} checked", style=style)]
    for title, lines in (
        ("Differs", found.wrong),
        ("Cannot be read", found.unreadable),
        ("Holds", found.held),
        ("Not shown", found.not_shown),
    ):
        if lines:
            parts.append(Text(f"\n{title}", style="bold"))
            parts += [Text(f"  – {printable(line)}", overflow="fold") for line in lines]
    return Group(*parts)


def printable(text: str) -> str:
    """Replace all that could move the cursor, colour the line or turn its direction."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _header(record: EvidenceRecord) -> Text:
    parts = [record.suite.name]
    if record.data is not None:
        parts.append(wording.plural(record.data.n, "example"))
    if everything := overall(record):
        parts.append(f"dense {everything.metric} {wording.level(everything.dense, rate=is_rate(everything))}")
    return Text(printable(" · ".join(parts)), style="bold")


def _wide(records: Sequence[EvidenceRecord], width: int) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("compressed", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column(f"change{_unit(records)}", no_wrap=True)
    table.add_column("worst guarded slice", overflow="fold")
    table.add_column("flagged", width=11 if width >= WIDE else 9)
    table.add_column("too small", width=5, justify="right")
    for record in records:
        table.add_row(*_cells(record))
    return table


def _narrow(records: Sequence[EvidenceRecord]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    labels = (f"change{_unit(records)}", "worst guarded", "flagged", "too small")
    for record in records:
        name, verdict, *facts = _cells(record)
        table.add_row(Text("\n") + name, Text("\n") + verdict)
        for label, fact in zip(labels, facts, strict=True):
            table.add_row(Text(f"  {label}"), fact)
    return table


def _cells(record: EvidenceRecord) -> tuple[Text, ...]:
    """Name, verdict, overall change, worst guarded slice, what is flagged, what is too small to judge alone."""
    everything, worst = overall(record), worst_guarded(record)
    return (
        Text(printable(record.compressed_name)),
        verdict_text(record.verdict.outcome, record.verdict.waived),
        Text("\n".join(_change(everything)) if everything else wording.ABSENT),
        Text(f"{_short(worst.slice.name, 60)}\n{_change(worst)[0]}" if worst else wording.ABSENT),
        Text(flagged_text(record).replace(", ", "\n")),
        Text(wording.count(len(record.blind_spots)) if record.comparisons else wording.ABSENT),
    )


def _change(comparison: Comparison) -> tuple[str, str]:
    """Give the estimate and its interval; neither is rounded across the margin."""
    told, found, margin = is_rate(comparison), comparison.change, comparison.slice.margin
    return (
        wording.change(found.estimate, rate=told, limit=-margin),
        wording.interval(found, rate=told, margin=margin),
    )


def _unit(records: Sequence[EvidenceRecord]) -> str:
    return " (points)" if any(rate(record) for record in records) else ""


def _verdict(record: EvidenceRecord) -> RenderableType:
    """Give the verdict's own line, and the first of its reasons."""
    outcome, reasons, soon = record.verdict.outcome, record.verdict.reasons, list(ending(record))
    line = printable(record.verdict.line).removeprefix(outcome)
    word = outcome_text(outcome, waived=record.verdict.waived)
    heading = Text.assemble("\n", (f"{printable(record.compressed_name)}: ", "bold"), word, line)
    bullets = Table.grid(padding=(0, 1))
    for reason in reasons[:MOST_REASONS]:
        bullets.add_row("–", Text(_short(reason, 400), overflow="fold"))
    if len(reasons) > MOST_REASONS:
        bullets.add_row("–", f"and {len(reasons) - MOST_REASONS:,} more, in the report")
    for warning in soon:
        bullets.add_row("!", Text(_short(f"Warning: waiver {warning}", 400), style="yellow", overflow="fold"))
    return Group(heading, Padding(bullets, (0, 0, 0, 2))) if reasons or soon else heading


def _short(text: str, most: int) -> str:
    return printable(text if len(text) <= most else f"{text[: most - 1]}…")


def outcome_text(outcome: Outcome, *, waived: int = 0) -> Text:
    """Give the outcome's word in its colour; a PASS that rests on waivers is not shown like one that does not."""
    return Text(str(outcome), style=_STYLES[Outcome.INCONCLUSIVE if waived and outcome is Outcome.PASS else outcome])


def verdict_text(outcome: Outcome, waived: int) -> Text:
    """Give the verdict's word and, below it, how many checks a PASS leaves to waivers."""
    told = f"\n({waived:,} waived)" if waived and outcome is Outcome.PASS else ""
    return outcome_text(outcome, waived=waived) + told


def _plan_cells(row: PlanRow) -> tuple[str | Text, ...]:
    role = _role(row.slice)
    total = max(row.slice.n, 1)
    mix = " · ".join(f"{100 * n / total:.0f}" for _, n in row.labels[:MOST_LABELS])
    return (
        printable(row.slice.name),
        role,
        wording.count(row.slice.n),
        mix + (" · …" if len(row.labels) > MOST_LABELS else ""),
        _enough(row),
        printable(", ".join(row.ids)),
    )


def _enough(row: PlanRow) -> Text:
    """Tell whether the slice can pass, and what it would take."""
    if row.slice.n < row.n_smallest:
        margin = "" if row.smallest_margin is None else f" or margin {math.ceil(1000 * row.smallest_margin) / 1000:g}"
        return Text(f"no: needs {row.n_smallest:,}{margin}", style="yellow" if row.slice.guard else "")
    if row.n_power is not None and row.slice.n < row.n_power:
        return Text(f"hardly: 80 % power needs {row.n_power:,}")
    return Text("yes")


def _plan_notes(made: Plan, shown: Sequence[PlanRow]) -> Iterator[str]:
    labels = made.rows[0].labels
    if labels:
        yield printable("Label mix: " + " · ".join(name for name, _ in labels[:MOST_LABELS]))
    if len(shown) < len(made.rows):
        yield f"And {wording.plural(len(made.rows) - len(shown), 'intersection')}, screened: see --json."
    churn = f"{100 * made.churn:.2g} %"
    yield printable(
        f"80 % power: for a model that flips {churn} of the examples ({made.churn_source}) and loses nothing on "
        "balance."
    )
    yield from _together(made)


def _together(made: Plan) -> Iterator[str]:
    """Tell what it takes for all guarded slices at once, as all of them must PASS."""
    guarded = [row for row in made.rows if row.slice.guard]
    if made.power is None:
        return
    chance = f"at least {100 * math.floor(100 * made.power) / 100:.0f} %" if made.power > 0 else "by no means certain"
    yield f"All {wording.plural(len(guarded), 'guarded slice')} PASS together, if nothing changed: {chance}."
    short = [row for row in guarded if row.n_together is not None and row.slice.n < row.n_together]
    if short:
        needs = [f"{row.slice.name} needs {row.n_together:,} (has {row.slice.n:,})" for row in short]
        yield printable(f"For 90 % together: {wording.listing(needs, 5)}.")


def _offers(shown: Sequence[PlanRow]) -> Iterator[Text]:
    """Give slices that nobody guards yet as TOML, the under-represented first."""
    offers = {row.slice.where: row for row in reversed(shown) if row.suggestion}
    if offers:
        yield Text("\nTo guard one more slice, paste it into the suite, such as:\n")
        for row in sorted(offers.values(), key=lambda row: not row.slice.under_represented)[:MOST_OFFERS]:
            yield Text("".join(printable(line) + "\n" for line in row.suggestion.splitlines()), overflow="fold")
