"""Page one: the verdict, its rule and that rule's error rates, what could make it wrong, and the top findings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from validate import wording
from validate.comparison import Comparison
from validate.disparity import Disparity
from validate.evidence import EvidenceRecord
from validate.gate import CheckKind, verdict_text
from validate.ledger.since import Since
from validate.outcome import Outcome
from validate.report.facts import change_text, is_rate, limit, margin_text, noted, rate, worst_guarded
from validate.report.tables import Status, status
from validate.report.waivers import ending, verdict_status, waived_status, waivers_on
from validate.slices import Kind

MOST_FINDINGS = 8


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The verdict in words; a person's decision is another field, and empty."""

    status: Status
    line: str
    exit_code: int
    why: str  # what the reasons are reasons for
    reasons: tuple[str, ...]
    rule: tuple[str, ...]  # what a PASS takes
    false_accept: str
    false_reject: str
    gated: bool


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Something that could make the verdict wrong."""

    title: str
    text: str
    section: str = ""  # of this model, that lists all of it


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One claim with its numbers."""

    claim: str
    slice: str
    n: str
    dense: str
    compressed: str
    change: str
    interval: str
    margin: str
    status: Status
    evidence: str  # the check that holds it
    anchor: str = ""  # of that check; empty where there is none


def decision(record: EvidenceRecord) -> Decision:
    """The verdict, its rule, and the two ways in which the rule errs."""
    return Decision(
        status=verdict_status(record.verdict.outcome, record.verdict.waived),
        line=record.verdict.line.removeprefix(f"{verdict_text(record.verdict.outcome, record.verdict.waived)} · "),
        exit_code=record.verdict.exit_code,
        why="Not PASS, and not counted" if record.verdict.outcome is Outcome.PASS else "Why it is not PASS",
        reasons=record.verdict.reasons,
        rule=tuple(_rule(record)),
        false_accept=_false_accept(record),
        false_reject=_false_reject(record),
        gated=not record.run.report_only,
    )


def _rule(record: EvidenceRecord) -> Iterator[str]:
    policy = record.policy
    guarded = sum(check.kind is CheckKind.NON_INFERIORITY for check in record.checks)
    level = f"{100 * _level(record):.4g} %"
    yield "every integrity check holds, and no constant prediction could pass in the compressed model’s place"
    yield (
        f"each guarded slice ({guarded:,} here): the lower {level} limit of its change lies above minus its margin"
        + (f"; its errors grow by less than a factor of {policy.margin_ratio:g}" if policy.margin_ratio else "")
    )
    yield "no screened slice is shown to be worse, adjusted for looking at many, and by itself worse than its margin"
    margin = wording.margin(policy.disparity_margin, rate=rate(record) or not record.comparisons)
    yield f"no under-represented category is shown, in the same two parts, to lose over {margin} more than the rest"
    yield from _edge_rule(record)
    if record.suite.claims:
        yield f"each claim about the model holds ({len(record.suite.claims):,} here)"
    if policy.inconclusive == "note":
        yield "by this policy an inconclusive guarded slice is noted and does not withhold a PASS"
    if policy.waivers:
        yield f"or a dated waiver excuses the check ({record.verdict.waived:,} here)"


def _edge_rule(record: EvidenceRecord) -> Iterator[str]:
    """What the edge cases take, where there are any."""
    ids = [(check.id, f"{check.kind}: {check.slice}") for check in record.checks if check.kind is CheckKind.EDGE_CASES]
    guarded = sum(name == own for name, own in ids)
    if guarded:
        yield f"each guarded set of edge cases ({guarded:,} here) does what a guarded slice must"
    if _edge_screen(record):
        yield "no other set of edge cases is shown, in the same two parts, to be worse than its margin"
    if cases := sum(name.startswith(f"{own}: ") for name, own in ids):
        yield f"no case is lost that must not be, in {wording.plural(cases, 'set')} of such cases"


def _edge_screen(record: EvidenceRecord) -> bool:
    """Whether one check looks at all sets of edge cases that are not guarded."""
    return any(check.id == CheckKind.EDGE_CASES for check in record.checks)


def _level(record: EvidenceRecord) -> float:
    """The intervals' level: the policy's, unless attempts on the same examples share it out."""
    return record.comparisons[0].change.level if record.comparisons else record.policy.confidence


def _false_accept(record: EvidenceRecord) -> str:
    one_sided = 50 * (1 - _level(record))
    return (
        "If the loss in any guarded slice were in truth as large as its margin, this rule would give a PASS with a "
        f"probability of about {one_sided:.3g} % or less, however many slices are guarded. Losses smaller than the "
        "margin are accepted by design; losses in groups that no slice names, or that are too small, can go unseen."
        + (" What is waived was not held to this rule." if record.verdict.waived else "")
    )


def _false_reject(record: EvidenceRecord) -> str:
    family = f"{100 * (1 - record.policy.confidence):g} %"
    text = (
        f"If compression had changed nothing, the screen would flag a slice with a probability of at most {family}, "
        f"and so would the disparity check{' and that of the edge cases' if _edge_screen(record) else ''}. "
        "A guarded slice may still be inconclusive because it is small"
    )
    short = [c for c in record.comparisons if c.slice.guard and c.n_needed is not None and c.n_needed > c.slice.n]
    if not short:
        return f"{text}."
    named = [f"{c.slice.name} ({c.slice.n:,} of about {c.n_needed:,} examples)" for c in short]
    return f"{text}: here {wording.listing(named)}."


def doubts(record: EvidenceRecord, since: Since | None = None) -> Iterator[Doubt]:
    """What could make this verdict wrong, or keep it from meaning what a reader hopes."""
    yield from _doubts_of_waivers(record)
    yield from _doubts_of_size(record)
    yield from _doubts_of_data(record)
    others = len(record.suite.compressed_names)
    if others > 1:
        text = (
            f"The suite names {others} compressed models for the same examples. The best of several looks a little "
            "better than it is."
        )
        yield Doubt(title="One of several", text=text)
    machine = record.environment.get("platform", "an unnamed machine")
    yield Doubt(
        title="Another environment",
        text=f"Measured on {machine}. The environment of use was not declared, so no difference could be looked for.",
    )
    yield Doubt(title="Reuse of the examples", text=_reuse(record, since))


def _reuse(record: EvidenceRecord, since: Since | None) -> str:
    attempt = record.run.attempt
    alone = since is None or since.earlier == 0
    if attempt is None:
        known = "How often these examples were used before is not recorded"
        return f"{known}, and there is no earlier run to compare with." if alone else f"{known}."
    known = f"Gate attempt {attempt:,} on these examples, as far as the {_memory(since)} remembers"
    if attempt == 1:
        return f"{known}; there is no earlier run to compare with." if alone else f"{known}."
    told = (
        "the level is shared out among the declared attempts"
        if record.policy.attempts
        else "no allowance is made for it"
    )
    return f"{known}: a model tuned on earlier results looks better than it is; {told}."


def _memory(since: Since | None) -> str:
    return "output folder" if since is None else "ledger"


def _doubts_of_waivers(record: EvidenceRecord) -> Iterator[Doubt]:
    excused = [c.id for c in record.checks if c.gates and c.excused]
    if excused:
        text = f"Not PASS, and not counted because a waiver excuses it: {wording.listing(excused)}."
        yield Doubt(title="Waived", text=text, section="waivers")
    for warning in ending(record):
        yield Doubt(title="A waiver ends soon", text=f"{warning}.", section="waivers")


def _doubts_of_size(record: EvidenceRecord) -> Iterator[Doubt]:
    waived = {check.slice for check in record.checks if check.excused}
    guarded = (c for c in record.comparisons if c.slice.guard and c.slice.name not in waived)
    undecided = [c for c in guarded if c.outcome is Outcome.INCONCLUSIVE]
    if undecided:
        named = [f"{c.slice.name} (n {c.slice.n:,})" for c in undecided]
        weight = "noted, not counted" if noted(record) else "no PASS without it"
        yield Doubt(title="Undecided", text=f"Guarded, and too uncertain to say: {wording.listing(named)}; {weight}.")
    if record.blind_spots:
        yield Doubt(title="Too small", text=_too_small(record), section="blind")
    calls = [c for c in record.comparisons if c.slice.guard and c.flips]
    closest = min(calls, key=lambda c: abs(c.flips or 0), default=None)
    if closest is not None and closest.flips is not None:
        more = f"{wording.plural(abs(closest.flips), 'loss', 'losses')} {'more' if closest.flips > 0 else 'fewer'}"
        turn = "would no longer pass" if closest.flips > 0 else "would pass"
        text = f"With {more}, {closest.slice.name} (n {closest.slice.n:,}, change {change_text(closest)}) {turn}."
        yield Doubt(title="Closest call", text=text)
    if not record.comparisons:
        yield Doubt(title="Nothing compared", text="The run ended before the models’ answers were compared.")


def _too_small(record: EvidenceRecord) -> str:
    spots = record.blind_spots
    unpooled = sum(spot.pooled is None for spot in spots)
    text = f"{wording.plural(len(spots), 'category', 'categories')} cannot be judged alone"
    text += (
        f", {unpooled:,} of them not in a pool either" if unpooled else ", only in a pool, which speaks for an average"
    )
    return f"{text}: {wording.listing([f'{spot.slice} (n {spot.n:,})' for spot in spots], most=4)}."


def _doubts_of_data(record: EvidenceRecord) -> Iterator[Doubt]:
    if record.missing_answers:
        unanswered = wording.plural(record.missing_answers, "example")
        text = f"{unanswered} not answered by the compressed model, and so counted as wrong."
        yield Doubt(title="Missing answers", text=text)
    if not record.contract:
        yield Doubt(
            title="No data contract", text="The suite declares none: the data were read, not checked for sense."
        )
    if record.data is not None and record.data.clusters is None:
        text = "Each example counts as independent of the others; repeated rows or persons make intervals too narrow."
        yield Doubt(title="Independence", text=text)
    if record.run.report_only:
        yield Doubt(title="Report only", text="This run was asked not to gate: its exit code said 0 whatever it found.")


def findings(record: EvidenceRecord, anchor: str) -> tuple[Finding, ...]:
    """The claims that decide, worst first; where little is wrong, what was shown of all examples and the closest."""
    guarded = [c for c in record.comparisons if c.slice.guard]
    flagged = sorted((c for c in record.comparisons if c.flagged), key=lambda c: c.change.estimate)
    unequal = sorted((d for d in record.disparities if d.flagged), key=lambda d: d.difference.estimate)
    found = [_compared(c, _lost(c)) for c in _of(guarded, Outcome.FAIL)]
    found += [_compared(c, _flagged_claim(c), str(CheckKind.SCREEN)) for c in flagged]
    found += [_unequal(d, record) for d in unequal]
    found += [_compared(c, _undecided(c)) for c in _of(guarded, Outcome.INCONCLUSIVE)]
    if len(found) < 3:
        closest = worst_guarded(record)
        shown = [c for c in guarded if c.outcome is Outcome.PASS and (c.slice.kind is Kind.ALL or c is closest)]
        found += [_compared(c, _held(c)) for c in shown]
    numbers = {check.id: i for i, check in enumerate(record.checks, start=1)}
    return tuple(_linked(_excused(finding, record), numbers, anchor) for finding in found[:MOST_FINDINGS])


def _excused(finding: Finding, record: EvidenceRecord) -> Finding:
    """The finding with its waiver, where it has one."""
    kind = CheckKind(finding.evidence.partition(": ")[0])
    waivers = waivers_on(kind, finding.slice, record)
    return replace(finding, status=waived_status(finding.status.word)) if waivers else finding


def _linked(finding: Finding, numbers: Mapping[str, int], anchor: str) -> Finding:
    """The finding with a link to the check that holds it."""
    number = numbers.get(finding.evidence)
    if number is None:
        return finding
    return replace(finding, evidence=f"check {number}", anchor=f"{anchor}-check-{number}")


def _of(comparisons: Sequence[Comparison], outcome: Outcome) -> list[Comparison]:
    return sorted((c for c in comparisons if c.outcome is outcome), key=lambda c: c.change.low)


def _lost(c: Comparison) -> str:
    if c.ratio is not None:
        return f"Errors grow by more than the margin: at least {c.ratio.low:.3f} times"
    least = wording.change(c.change.high, rate=is_rate(c), limit=-c.slice.margin).lstrip("−")
    return f"Loses more than its margin: at least {least}{wording.unit(rate=is_rate(c))}"


def _flagged_claim(c: Comparison) -> str:
    return (
        f"Screened, shown to be worse (adjusted p {wording.p_value(c.p_adjusted)}) and worse than its margin by itself"
    )


def _undecided(c: Comparison) -> str:
    if c.ratio is not None:
        return f"Not decided: errors may have grown up to {c.ratio.high:.3f} times"
    return f"Not decided: passes a margin of {wording.enough(c.smallest_margin, rate=is_rate(c))} today"


def _held(c: Comparison) -> str:
    if c.change.low >= 0:
        return "No loss detected: the lower limit of the change is not below zero"
    margin = limit(c)
    bound = wording.change(c.change.low, rate=is_rate(c), limit=None if margin is None else -margin).lstrip("−")
    return f"No loss larger than {bound}{wording.unit(rate=is_rate(c))} detected ({100 * c.change.level:g} % interval)"


def _compared(c: Comparison, claim: str, check: str = "") -> Finding:
    told = is_rate(c)
    return Finding(
        claim=claim,
        slice=c.slice.name,
        n=wording.count(c.slice.n),
        dense=wording.level(c.dense, rate=told),
        compressed=wording.level(c.compressed, rate=told),
        change=wording.change(c.change.estimate, rate=told) + wording.unit(rate=told),
        interval=wording.interval(c.change, rate=told, margin=limit(c)),
        margin=margin_text(c),
        status=status(Outcome.FAIL, "flagged") if check else status(c.outcome),
        evidence=check or f"{CheckKind.NON_INFERIORITY}: {c.slice.name}",
    )


def _unequal(d: Disparity, record: EvidenceRecord) -> Finding:
    told = rate(record)
    both = next((c for c in record.comparisons if c.slice.name == d.slice), None)
    return Finding(
        claim="Under-represented, and loses more than all other examples (the change is the difference to them)",
        slice=d.slice,
        n=wording.count(d.n),
        dense=wording.level(both.dense, rate=told) if both else wording.ABSENT,
        compressed=wording.level(both.compressed, rate=told) if both else wording.ABSENT,
        change=wording.change(d.difference.estimate, rate=told) + wording.unit(rate=told),
        interval=wording.interval(d.difference, rate=told, margin=d.margin),
        margin=wording.margin(d.margin, rate=told),
        status=status(Outcome.FAIL, "flagged"),
        evidence=str(CheckKind.DISPARITY),
    )
