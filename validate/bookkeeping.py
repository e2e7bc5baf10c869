"""Between the folders of runs and the ledger: what a run learns from it, and what is entered into it afterwards."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from validate.attempts import Attempt, Remembered
from validate.decisions import Decision
from validate.errors import OutputError
from validate.evidence import EvidenceRecord, sha256
from validate.exports.files import read_records
from validate.ledger import database
from validate.ledger.beside import read_beside
from validate.ledger.entries import Draft, Entry, SliceSummary, decision_draft, read_slices, run_draft, signature_draft
from validate.ledger.runs import Run, attempts, runs
from validate.ledger.since import Since, since


class Counter:
    """Counts attempts in the ledger itself, where other runs count theirs; alone where the ledger went away."""

    def __init__(self, ledger: database.Ledger, earlier: Sequence[Attempt]) -> None:
        self._ledger, self._alone = ledger, Remembered(earlier)
        self.problem: OutputError | None = None  # what kept the ledger from being asked

    def number(self, attempt: Attempt) -> int:
        """Which attempt on its test set this is; entered in the ledger before its result is known."""
        number = self._alone.number(attempt)
        if self.problem is not None:
            return number
        try:
            return database.count_attempt(self._ledger, attempt)
        except OutputError as error:
            rule = f"{error.rule}. The evidence is complete, but its attempt's number may have been given twice"
            self.problem = OutputError(error.place, rule, error.value)
            return number


@dataclass(frozen=True, kw_only=True, eq=False)
class Book:
    """A ledger as it was when a run began."""

    ledger: database.Ledger
    runs: tuple[Run, ...]
    head: str | None  # hash of its last entry; None where it had none
    attempts: Counter  # of gate attempts, on any test set

    def since(self, records: Sequence[EvidenceRecord]) -> tuple[Mapping[str, Since], OutputError | None]:
        """The change of each compressed model since an earlier run, by its name; none, and why, if that fails."""
        try:
            return {
                record.compressed_name: since(record, self.runs, lambda seq: slices_of(self.ledger, seq))
                for record in records
            }, None
        except OutputError as error:
            return {}, error

    def enter(self, records: Sequence[EvidenceRecord], folder: Path) -> OutputError | None:
        """Append the records of a run that was written to the folder; the error it gives says how to do it later."""
        try:
            _append(self.ledger, [run_draft(record) for record in records], folder, after=self.head)
        except OutputError as error:
            return error
        return None


def slices_of(ledger: database.Ledger, seq: int) -> tuple[SliceSummary, ...]:
    """The slices of a run's entry; OutputError where they cannot be read."""
    text = database.slices(ledger, seq)
    try:
        return read_slices(text)
    except ValueError as error:
        raise OutputError(f"ledger entry {seq}", "cannot be read; see `paritygate history --check`") from error


def open_book(url: str) -> Book:
    """The ledger, ready to be written; found out before any model runs. Raises as `database.open_ledger`."""
    ledger = database.open_ledger(url)
    entries = database.entries(ledger)
    return Book(
        ledger=ledger,
        runs=runs(entries),
        head=entries[-1].sha256 if entries else None,
        attempts=Counter(ledger, attempts(entries)),
    )


def enter_folder(url: str, folder: Path) -> tuple[Entry, ...]:
    """Append what a run's folder holds and the ledger does not: its records, then the decisions about them."""
    records = read_records(folder)
    drafts: list[Draft] = [run_draft(record) for record in records]
    for record in records:
        found = read_beside(folder / record.compressed_name, record).decisions
        if found is not None:
            drafts += [decision_draft(record, sha256(record), decision) for decision in found.decisions]
    return _append(database.open_ledger(url), drafts, folder)


def enter_decision(url: str, record: EvidenceRecord, decision: Decision, folder: Path) -> tuple[Entry, ...]:
    """Append a decision, and the run that it is about where the ledger does not hold it yet."""
    drafts = [run_draft(record), decision_draft(record, sha256(record), decision)]
    return _append(database.open_ledger(url), drafts, folder)


def enter_signature(url: str, records: Sequence[EvidenceRecord], key: str, date: str) -> tuple[Entry, ...]:
    """Append that these records were signed, and their runs where the ledger does not hold them yet."""
    drafts = [run_draft(record) for record in records]
    drafts += [signature_draft(record, sha256(record), key=key, date=date) for record in records]
    return database.append(database.open_ledger(url), drafts)


def _append(
    ledger: database.Ledger, drafts: Sequence[Draft], folder: Path, *, after: str | None = None
) -> tuple[Entry, ...]:
    try:
        return database.append(ledger, drafts, after=after)
    except OutputError as error:
        later = shlex.join(["paritygate", "history", "--append", str(folder)])
        rule = f"{error.rule}. The evidence is complete; enter it into the ledger later: {later} --ledger …"
        raise OutputError(error.place, rule, error.value) from error
