"""Where in the suite file a check comes from: what code scanning and annotations point at."""

from collections.abc import Sequence

from validate import wording
from validate.declared import DeclaredTable
from validate.evidence import EvidenceRecord
from validate.gate import CheckKind, CheckResult

# what declares a check of each kind, the likeliest table first; one that names it goes before one that does not
_SECTIONS: dict[CheckKind, tuple[str, ...]] = {
    CheckKind.NON_INFERIORITY: ("slices", "edge_cases"),
    CheckKind.EDGE_CASES: ("edge_cases",),
    CheckKind.CLAIM: ("claims",),
}
_INPUTS = {"contract": "data", "attempts": "gate"}  # of integrity checks; the others are about the models


def suite_path(record: EvidenceRecord) -> str:
    """The suite file as its repository or working directory knows it; its name alone in records that do not tell."""
    return wording.clean(record.run.suite_path or record.suite.file)


def line_of(check: CheckResult, record: EvidenceRecord) -> int:
    """The line of the table that declares a check, else of the policy's; 1 where the record does not know it."""
    found = _declaring(check, record)
    if found is None:
        return 1 if check.kind is CheckKind.INTEGRITY else policy_line(record)
    return found.line


def policy_line(record: EvidenceRecord) -> int:
    """The line of the policy's table; 1 where the record does not know it."""
    policy = _by_key("gate", record)
    return policy.line if policy else 1


def _declaring(check: CheckResult, record: EvidenceRecord) -> DeclaredTable | None:
    if check.kind is CheckKind.INTEGRITY:
        key = _INPUTS.get(check.id.removeprefix(f"{CheckKind.INTEGRITY}: "))
        tables = [t for t in record.suite.tables if t.key.startswith("models.") and record.compressed_name in t.names]
        return _by_key(key, record) if key else tables[0] if tables else _by_key("models", record)
    sections = _SECTIONS.get(check.kind, ())
    tables = [table for table in record.suite.tables if table.key.partition("[")[0] in sections]
    for name in _names(check, record):
        naming = [table for table in tables if name in table.names]
        if naming:
            return next((table for table in naming if table.guard), naming[0])
    return None


def _names(check: CheckResult, record: EvidenceRecord) -> Sequence[str]:
    """What a table would have to name to declare the check: its claim, its slice, or a column of that slice."""
    if check.kind is CheckKind.CLAIM:
        return [check.id.removeprefix(f"{CheckKind.CLAIM}: ")]
    if check.slice is None:
        return ()
    columns = next((c.slice.columns for c in record.comparisons if c.slice.name == check.slice), ())
    return [check.slice, *columns]


def _by_key(key: str, record: EvidenceRecord) -> DeclaredTable | None:
    return next((table for table in record.suite.tables if table.key == key), None)
