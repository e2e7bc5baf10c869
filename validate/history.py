"""What the commands `decide` and `history` do: record a person's decision, and read the ledger."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from validate import terminal, terminal_history, wording
from validate.bookkeeping import enter_decision, enter_folder, slices_of
from validate.commands import print_json, print_text, telling_of_signatures
from validate.decisions import FILE, Answer, Decision, decide, read_decisions
from validate.errors import OutputError, SuiteError, did_you_mean
from validate.evidence import EvidenceRecord, rests_on
from validate.exports.files import RESULTS, changing, read_records, write_decisions, write_text, write_together
from validate.ledger import database
from validate.ledger.runs import Run, attempts, runs
from validate.ledger.trends import Line, SetUse, lines, set_uses
from validate.report.history import render_history

BROKEN = 1  # the chain is not whole


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks of a ledger."""

    ledger: str | None
    suite: str | None = None  # only its runs
    html: Path | None = None  # file for the page
    append: Path | None = None  # folder of a run that the ledger does not hold yet
    head: str | None = None  # hash of an entry that must be there


def record_decision(folder: Path, decision: Decision, *, compressed: str | None, ledger: str | None) -> None:
    """Write a decision beside the record that it is about, render the report again, and tell the ledger."""
    folder, compressed = (folder.parent, folder.name) if (folder / RESULTS).is_file() else (folder, compressed)
    records = read_records(folder)
    record = _chosen(records, compressed)
    decision = dataclasses.replace(decision, author=record.suite.release.author)
    place = folder / record.compressed_name
    made = decide(record, decision, read_decisions(place / FILE, record))
    if ledger is not None:
        database.open_ledger(ledger)  # before anything is written
    with telling_of_signatures(folder):
        with changing(records, folder) as stage:
            written = [write_decisions(made, stage / record.compressed_name), *write_together(records, stage)]
        print_text("\n".join(str(folder / path.relative_to(stage)) for path in written))
    waivers = rests_on(record)
    if waivers:
        named = wording.listing([waiver.id for waiver in waivers], most=9)
        print_text(f"The verdict rests on waivers ({named}); the first ends on {waivers[0].expires}.")
    if ledger is not None:
        for entry in enter_decision(ledger, record, decision, folder):
            print_text(f"ledger entry {entry.seq}, {entry.kind}, {entry.sha256}")


def answer(text: str) -> Answer:
    """The word as a decision; SuiteError where it is none."""
    found: dict[str, Answer] = {word: word for word in get_args(Answer)}
    if text not in found:
        raise SuiteError("--decision", f"must be one of {', '.join(found)}{did_you_mean(text, found)}", text)
    return found[text]


def stated(place: str, text: str) -> str:
    """What somebody stated; SuiteError where it is empty."""
    if not text.strip():
        raise SuiteError(place, "must not be empty", text)
    return text.strip()


def today() -> str:
    """The day, in UTC."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def day(text: str | None) -> str | None:
    """The text as a day; SuiteError where it is none."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).strftime("%Y-%m-%d")
    except ValueError:
        raise SuiteError("--expires", "must be a day, as in 2027-03-31", text) from None


def history(asked: Asked, *, check: bool, as_json: bool) -> int:
    """Show what the ledger holds, and give the exit code: 0, or 1 where a check finds that it is not whole."""
    if asked.ledger is None:
        raise SuiteError("--ledger", "name the ledger: a file, a database URL, or the variable PARITYGATE_LEDGER")
    if asked.append is not None:
        return _append(asked.ledger, asked.append, as_json=as_json)
    ledger = database.read_ledger(asked.ledger)
    if check or asked.head is not None:
        return _check(ledger, asked.head, as_json=as_json)
    entries = database.entries(ledger)
    found = [run for run in runs(entries) if asked.suite in {None, run.body.suite}]
    if not found:
        _refuse_unknown(asked.suite, runs(entries))
    followed = lines(found, lambda seq: slices_of(ledger, seq)) if found else ()
    uses = tuple(set_uses(found, attempts(entries)))
    head = entries[-1] if entries else None
    if asked.html is not None:
        page = render_history(followed, uses, head=head, as_of=today())
        print_text(str(write_text(asked.html, page)))
    elif as_json:
        print_json({"entries": len(entries), "head": head and head.sha256, **_as_json(followed, uses)})
    else:
        _show(followed, uses, len(entries), head.sha256 if head else "")
    return 0


def _append(ledger: str, folder: Path, *, as_json: bool) -> int:
    made = enter_folder(ledger, folder)
    if as_json:
        print_json({"appended": [{"seq": entry.seq, "kind": entry.kind, "sha256": entry.sha256} for entry in made]})
    else:
        told = [f"ledger entry {entry.seq}, {entry.kind}, {entry.sha256}" for entry in made]
        print_text("\n".join(told) or "The ledger holds all of it already.")
    return 0


def _check(ledger: database.Ledger, head: str | None, *, as_json: bool) -> int:
    faults = database.check(ledger, head=head)
    entries = database.entries(ledger)
    last = entries[-1].sha256 if entries else None
    if as_json:
        print_json({"entries": len(entries), "head": last, "faults": list(faults)})
    elif faults:
        print_text("\n".join(faults))
    else:
        print_text(f"{len(entries):,} entries, one chain, nothing changed. The last one’s hash: {last or 'none'}")
    return BROKEN if faults else 0


def _chosen(records: Sequence[EvidenceRecord], name: str | None) -> EvidenceRecord:
    known = {record.compressed_name: record for record in records}
    if name is None and len(known) == 1:
        return records[0]
    if name not in known:
        rule = f"must name the model that is decided on: {', '.join(known)}{did_you_mean(name or '', known)}"
        raise SuiteError("--compressed", rule, name)
    return known[name]


def _refuse_unknown(suite: str | None, found: Sequence[Run]) -> None:
    known = dict.fromkeys(run.body.suite for run in found)
    if suite is not None:
        raise OutputError("--suite", f"the ledger holds no run of it{did_you_mean(suite, known)}", suite)


def _show(followed: Sequence[Line], uses: Sequence[SetUse], count: int, head: str) -> None:
    screen = terminal.console()
    shown = terminal_history.history(followed, uses, today=today(), width=screen.width)
    screen.print(shown)
    print_text(f"\n{count:,} entries; the last one’s hash: {head or 'none'}")


def _as_json(followed: Sequence[Line], uses: Sequence[SetUse]) -> dict[str, object]:
    return {
        "lines": [
            {
                "suite": line.suite,
                "compressed": line.compressed,
                "runs": [_run_json(run) for run in line.runs],
                "trends": [
                    {"slice": one.name, "guard": one.guard, "values": [_value_json(value) for value in one.values]}
                    for one in line.slices
                ],
                "waivers": [dataclasses.asdict(one) for one in line.waivers],
            }
            for line in followed
        ],
        "test_sets": [dataclasses.asdict(one) for one in uses],
    }


def _run_json(run: Run) -> dict[str, object]:
    body = run.body
    return {
        "entry": run.entry.seq,
        "record_sha256": run.entry.subject,
        "finished": body.finished,
        "gated": body.gated,
        "attempt": body.attempt,
        "verdict": str(body.outcome),
        "exit_code": body.exit_code,
        "line": body.line,
        "policy_sha256": body.policy_sha256,
        "data_sha256": body.data_sha256,
        "artifact_sha256": body.artifact_sha256,
        "signed": run.signed,
        "waived": body.waived,
        "waivers": body.waivers,
        "waivers_over": body.waivers_over,
        "decisions": [dataclasses.asdict(decision) for decision in run.decisions],
    }


def _value_json(value: Any) -> dict[str, object] | None:  # noqa: ANN401 - a summary or None
    if value is None:
        return None
    numbers = {name: number if abs(number) < float("inf") else str(number) for name, number in (
        ("change", value.change), ("low", value.low), ("high", value.high))}  # fmt: skip
    return {"n": value.n, **numbers, "outcome": str(value.outcome), "flagged": value.flagged}
