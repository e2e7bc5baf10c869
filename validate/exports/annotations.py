"""What GitHub Actions shows beside the code: workflow commands, one line each, for the checks that are not PASS."""

from collections.abc import Iterator, Sequence

from validate import wording
from validate.evidence import EvidenceRecord
from validate.exports.places import line_of, policy_line, suite_path
from validate.gate import CheckResult
from validate.outcome import Outcome
from validate.report.facts import noted
from validate.report.waivers import ending, marked, waivers_of

MOST = 10  # of a kind that GitHub shows of one step
_LEVELS = {Outcome.ERROR: "error", Outcome.FAIL: "error", Outcome.INCONCLUSIVE: "warning"}


def annotations(records: Sequence[EvidenceRecord]) -> tuple[str, ...]:
    """At most ten errors and ten warnings, the deciding ones first, placed at the suite file's tables.

    What blocks is an error; what is listed without blocking, or waived, is a warning, and so is a waiver that ends
    soon. Nothing that comes from the data can begin another command.
    """
    kinds: dict[str, list[str]] = {"error": [], "warning": []}
    for record in records:
        for level, check in _open(record):
            title = f"{record.compressed_name}: {check.outcome}"
            text = f"{check.id}: {marked(check.reason, waivers_of(check, record))}"
            kinds[level].append(f"::{level} {_place(record, line_of(check, record), title)}::{_message(text)}")
        place = _place(record, policy_line(record), f"{record.compressed_name}: waiver")
        kinds["warning"] += [f"::warning {place}::{_message(text)}" for text in ending(record)]
    return tuple(line for level in kinds.values() for line in _shortened(level))


def _place(record: EvidenceRecord, line: int, title: str) -> str:
    return f"file={_property(suite_path(record))},line={line},title={_property(title)}"


def _open(record: EvidenceRecord) -> Iterator[tuple[str, CheckResult]]:
    """The checks that are not PASS, with the level at which each is shown."""
    order = (Outcome.ERROR, Outcome.FAIL, Outcome.INCONCLUSIVE)
    for outcome in order:
        for check in record.checks:
            if check.outcome is outcome:
                blocks = check.gates and not check.excused and not record.run.report_only
                if outcome is Outcome.INCONCLUSIVE:
                    blocks = blocks and not noted(record)
                yield ("error" if blocks else "warning"), check


def _shortened(lines: Sequence[str]) -> Sequence[str]:
    if len(lines) <= MOST:
        return lines
    head = lines[0].partition(" ")[0]
    more = _message(f"and {len(lines) - MOST + 1:,} more: the summary and the report have them all")
    return [*lines[: MOST - 1], f"{head} title=paritygate::{more}"]


def _message(text: str) -> str:
    """Text as the message of a workflow command."""
    return " ".join(wording.clean(text).split()).replace("%", "%25")


def _property(text: str) -> str:
    """Text as a property of a workflow command."""
    return _message(text).replace(":", "%3A").replace(",", "%2C")
