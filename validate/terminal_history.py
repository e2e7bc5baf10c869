"""What a person reads of a ledger at the terminal: its runs, its test sets, and whether it is whole."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from validate import wording
from validate.decisions import expired
from validate.ledger.runs import Run
from validate.ledger.trends import Line, SetUse
from validate.terminal import WIDE, printable, verdict_text


def history(lines: Sequence[Line], sets: Sequence[SetUse], *, today: str, width: int) -> Group:
    """Show the runs of each model, oldest first, and how often each test set was used."""
    parts: list[RenderableType] = []
    for line in lines:
        runs = wording.plural(len(line.runs), "run")
        parts.append(Text("\n" + printable(f"{line.suite} · {line.compressed} · {runs}"), style="bold"))
        parts.append(_runs(line, today=today, width=width))
        if any(vars(line.waivers[-1]).values()):
            parts.append(Text(printable(f"Waivers: {line.waivers[-1].text}")))
    parts.append(Text("\nTest sets", style="bold"))
    parts += [Text(printable(text)) for text in _sets(sets)]
    return Group(*parts)


def _runs(line: Line, *, today: str, width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("entry", justify="right", no_wrap=True)
    table.add_column("ended", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("change, all", overflow="fold")
    table.add_column("try", justify="right", no_wrap=True)
    table.add_column("remarks", overflow="fold")
    for run in line.runs:
        ended = wording.moment(run.body.finished)
        table.add_row(
            str(run.entry.seq),
            ended if width >= WIDE else ended[:10],
            verdict_text(run.body.outcome, run.body.waived),
            _change(run),
            wording.ABSENT if run.body.attempt is None else str(run.body.attempt),
            Text(printable(", ".join(remarks(run, today=today)))),
        )
    return table


def _change(run: Run) -> str:
    everything = run.body.everything
    if everything is None:
        return wording.ABSENT
    return wording.change(everything.change, rate=run.body.rate) + wording.unit(rate=run.body.rate)


def remarks(run: Run, *, today: str) -> Iterator[str]:
    """What was said about a run: whether it gated and was signed, waivers, and the decision that counts."""
    if not run.body.gated:
        yield "did not gate"
    if run.signed:
        yield "signed"
    if run.body.waivers:
        yield f"waivers in force: {wording.listing(run.body.waivers, most=4)}"
    if run.body.waivers_over:
        yield f"no longer: {wording.listing(run.body.waivers_over, most=4)}"
    if run.decisions:
        last = run.decisions[-1]
        until = "" if last.expires is None else f" until {last.expires}"
        yield f"{last.decision} by {last.by}{until}" + (", expired" if expired(last, today) else "")


def _sets(sets: Sequence[SetUse]) -> Iterator[str]:
    if not sets:
        yield "none"
    for found in sets:
        size = "" if found.n is None else f", {wording.plural(found.n, 'example')}"
        used = f"{wording.plural(found.attempts, 'model')} gated in {wording.plural(found.runs, 'run')}"
        yield f"{found.data_sha256[:12]}… ({', '.join(found.suites)}{size}): {used}"
