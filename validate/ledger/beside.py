"""What lies beside a record and is shown with it: people's decisions, and what the ledger knew of earlier runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from validate import decisions
from validate.decisions import Decisions, read_decisions
from validate.evidence import EvidenceRecord
from validate.ledger import since as ledger_since
from validate.ledger.since import Since, read_since


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What is known about a record and is not in it."""

    decisions: Decisions | None = None
    since: Since | None = None
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of what the run itself wrote beside the record


NOTHING = Beside()


def read_beside(folder: Path, record: EvidenceRecord) -> Beside:
    """What lies in the record's folder. Raises OutputError as the files' own readers do."""
    return Beside(
        decisions=read_decisions(folder / decisions.FILE, record), since=read_since(folder / ledger_since.FILE, record)
    )
