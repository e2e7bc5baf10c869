"""A Markdown summary for a pull request or a job's page: verdicts first, then what failed and what is open."""

import re
from collections.abc import Iterator, Sequence

from validate import wording
from validate.evidence import EvidenceRecord
from validate.gate import CheckResult, verdict_text
from validate.outcome import Outcome
from validate.report.facts import change_text, difference_text, flagged_text, overall, rate, worst_guarded
from validate.report.waivers import ending, marked, told, waivers_of

LIMIT = 1024 * 1024  # bytes, of GitHub's job summaries
MOST = 50  # items of one list
SYMBOLS = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.INCONCLUSIVE: "❔", Outcome.ERROR: "⚠️"}
_WAIVED = "🕓"  # of a PASS that rests on waivers
_CUT = "\n\n*The summary was cut here: it had reached the size that is shown. The report has the rest.*\n"
_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~$]|^[-+#=]|(?<=^\d)[.)]|:(?=//)|(?<=www)\.)", re.IGNORECASE)


def summary(records: Sequence[EvidenceRecord]) -> str:
    """The run as Markdown of at most 1 MiB; nothing that comes from the data is read as markup, link or mention."""
    text = "\n".join(_lines(records)) + "\n"
    raw = text.encode()
    if len(raw) <= LIMIT:
        return text
    return raw[: LIMIT - len(_CUT.encode())].decode(errors="ignore").rpartition("\n")[0] + _CUT


def escape(text: str) -> str:
    """Text on one line, without a meaning to Markdown."""
    flat = " ".join(wording.clean(text).split())
    return _SPECIAL.sub(r"\\\1", flat).replace("@", "@\u2060")  # a word joiner: nobody is mentioned


def _lines(records: Sequence[EvidenceRecord]) -> Iterator[str]:
    first = records[0] if records else None
    yield f"# paritygate: {escape(first.suite.name)}" if first else "# paritygate: nothing was judged"
    if first and first.run.report_only:
        yield "\n**Report only: this run did not gate.**"
    yield "\n| compressed | verdict | change, all examples | worst guarded slice | flagged | too small to judge alone |"
    yield "|---|---|---|---|---|---|"
    yield from map(_row, records)
    for record in records:
        yield from _model(record)
    if first:
        yield "\nThe whole evidence is in `report.html`; each model's data are in its `results.json`."


def _row(record: EvidenceRecord) -> str:
    everything, worst = overall(record), worst_guarded(record)
    cells = (
        f"**{escape(record.compressed_name)}**",
        " ".join(_verdict(record)),
        escape(change_text(everything)) if everything else wording.ABSENT,
        escape(f"{_short(worst.slice.name)}: {change_text(worst)}") if worst else wording.ABSENT,
        flagged_text(record),
        str(len(record.blind_spots)) if record.comparisons else wording.ABSENT,
    )
    return f"| {' | '.join(cells)} |"


def _verdict(record: EvidenceRecord) -> tuple[str, str]:
    """Its symbol and its word."""
    outcome, waived = record.verdict.outcome, record.verdict.waived
    symbol = _WAIVED if waived and outcome is Outcome.PASS else SYMBOLS[outcome]
    return symbol, verdict_text(outcome, waived)


def _model(record: EvidenceRecord) -> Iterator[str]:
    symbol, word = _verdict(record)
    yield f"\n## {symbol} {escape(record.compressed_name)}: {word}\n"
    yield escape(record.verdict.line)
    yield from _list("Waivers that end soon", list(ending(record)))
    for title, wanted in (
        ("Could not be evaluated", Outcome.ERROR),
        ("Failed", Outcome.FAIL),
        ("Inconclusive", Outcome.INCONCLUSIVE),
    ):
        yield from _list(title, [_reason(c) for c in record.checks if c.outcome is wanted and not c.excused])
    excused = [c for c in record.checks if c.excused]
    yield from _list("Waived", [marked(_reason(c), waivers_of(c, record)) for c in excused])
    if not record.checks:
        yield from _list("Could not be evaluated", record.verdict.reasons)
    flagged = [f"{c.slice.name}: {change_text(c)}, n {c.slice.n:,}" for c in record.comparisons if c.flagged]
    yield from _list("Slices flagged by the screen", flagged)
    unequal = [
        f"{d.slice}: {difference_text(d, rate=rate(record))}, n {d.n:,}" for d in record.disparities if d.flagged
    ]
    yield from _list("Lose more than the rest", unequal)
    yield from _list("Waivers", [told(found) for found in record.waivers])
    if record.blind_spots:
        named = wording.listing([f"{spot.slice} (n {spot.n:,})" for spot in record.blind_spots], most=8)
        yield f"\n**Too small to be judged alone** ({len(record.blind_spots):,}): {escape(_short(named, 1_000))}."


def _reason(check: CheckResult) -> str:
    return f"{check.id}: {check.reason}" + ("" if check.gates else " (reported only)")


def _list(title: str, items: Sequence[str]) -> Iterator[str]:
    if not items:
        return
    yield f"\n**{title}** ({len(items):,})\n"
    yield from (f"- {escape(_short(item, 1_000))}" for item in items[:MOST])
    if len(items) > MOST:
        yield f"- and {len(items) - MOST:,} more, in the report"


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
