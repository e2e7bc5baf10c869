"""Which waivers hold for what was found, and which checks they excuse: pure, and the date is an argument."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from validate.checks import integrity_check
from validate.comparison import Comparison
from validate.disparity import Disparity
from validate.edge_rules import severity_name
from validate.errors import did_you_mean
from validate.gate import CheckKind, CheckResult
from validate.mistakes import Mistake
from validate.outcome import Outcome
from validate.suite import Gate, LoadedSuite
from validate.suite_file import raise_any
from validate.waiver_file import Waiver, day, load_waivers
from validate.wording import change, margin, plural, same_person, unit

WARNING_DAYS = 14  # before its last day everybody is told
POLICY = f"{CheckKind.POLICY}: waivers"

# Expired and refused are mistakes of the policy, exit code 2. Lapsed (the loss outgrew its ceiling) and not needed
# leave the check as it is.
State = Literal["in force", "not needed", "lapsed", "expired", "refused"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the waivers of one compressed model depend on beside what was found."""

    compressed: str
    sha256: str | None  # of the artifact
    author: str  # of the compressed models
    date: date  # on which the gate judges


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a waiver can speak of."""

    checks: tuple[CheckResult, ...]
    comparisons: tuple[Comparison, ...]
    disparities: tuple[Disparity, ...]
    edge: tuple[Comparison, ...]  # edge-case sets


@dataclass(frozen=True, kw_only=True)
class Assessed:
    """A waiver, and what became of it on one day."""

    waiver: Waiver
    state: State
    text: str  # why
    days_left: int  # 0 on its last day, below 0 after it

    @property
    def ends_soon(self) -> bool:
        """Whether it is time to replace it."""
        return self.state in {"in force", "not needed"} and self.days_left <= WARNING_DAYS


@dataclass(frozen=True, kw_only=True)
class _Target:
    """One slice that a kind of check looked at."""

    outcome: Outcome
    loss: float  # as large as it may be by the interval
    rate: bool  # losses are shares of examples
    alone: bool  # it has a check of its own; else one check looks at it among others


_Looked = Mapping[CheckKind, Mapping[str, _Target]]


def excuse(
    waivers: Sequence[Waiver], findings: Findings, gate: Gate, case: Case
) -> tuple[tuple[CheckResult, ...], tuple[Assessed, ...]]:
    """The checks, those marked that a waiver excuses, and every waiver of this compressed model with what became of it.

    Where the policy speaks of waivers, one more check comes last: whether all of them are as it asks.
    """
    looked = _looked_at(findings)
    assessed = tuple(_assess(w, looked, gate, case) for w in waivers if w.compressed == case.compressed)
    held = [it.waiver for it in assessed if it.state == "in force"]
    marked = tuple(replace(check, waived=_excused(check, looked, held)) for check in findings.checks)
    speaks = gate.waivers is not None or gate.critical
    return (*marked, *([_policy_check(assessed, looked, gate)] if speaks else [])), assessed


def _policy_check(assessed: Sequence[Assessed], looked: _Looked, gate: Gate) -> CheckResult:
    problems = [f"{it.waiver.id}: {it.text}" for it in assessed if it.state in {"expired", "refused"}]
    names = {name for targets in looked.values() for name in targets}
    problems += [
        f"critical: no check looks at {name!r}{did_you_mean(name, names)}"
        for name in gate.critical
        if name not in names
    ]
    held = f"{plural(len(assessed), 'waiver')} for this model, each as the policy asks"
    return replace(integrity_check("waivers", problems, held), id=POLICY, kind=CheckKind.POLICY)


def _excused(check: CheckResult, looked: _Looked, held: Sequence[Waiver]) -> tuple[str, ...]:
    """The ids of the waivers that excuse a check; where it looks at many slices, all that it flags must be waived."""
    if not check.gates or check.outcome not in {Outcome.FAIL, Outcome.INCONCLUSIVE}:
        return ()
    names: list[str] = []  # of a check for cases that must not be lost there are none: nothing excuses it
    if check.id == check.kind:
        targets = looked.get(check.kind, {})
        names = [name for name, it in targets.items() if it.outcome is Outcome.FAIL and not it.alone]
    elif check.id == f"{check.kind}: {check.slice}":
        names = [str(check.slice)]
    by_slice = {waiver.slice: waiver.id for waiver in held if waiver.check == check.kind}
    return tuple(by_slice[name] for name in names) if by_slice.keys() >= set(names) else ()


def _assess(waiver: Waiver, looked: _Looked, gate: Gate, case: Case) -> Assessed:
    targets = looked[CheckKind(waiver.check)]
    state, text = next(_refusals(waiver, targets, gate, case), None) or _holds(waiver, targets[waiver.slice])
    last = day(waiver.expires) or date.min
    return Assessed(waiver=waiver, state=state, text=text, days_left=(last - case.date).days)


def _holds(waiver: Waiver, target: _Target) -> tuple[State, str]:
    """What becomes of a waiver that the policy allows."""
    if target.outcome is Outcome.PASS:
        return "not needed", "there is nothing to excuse"
    shown = change(-target.loss, rate=target.rate, limit=None if waiver.ceiling is None else -waiver.ceiling)
    loss = f"the loss may be as large as {shown.lstrip('−')}{unit(rate=target.rate)}"
    if waiver.ceiling is None:
        return "in force", f"{loss}; it has no ceiling"
    ceiling = margin(waiver.ceiling, rate=target.rate)
    if not target.loss <= waiver.ceiling:  # also where the limit is not known
        return "lapsed", f"{loss}, more than its ceiling of {ceiling}"
    return "in force", f"{loss}, and its ceiling is {ceiling}"


def check_waivers(loaded: LoadedSuite, today: date) -> None:
    """Read the suite's waivers, and hold them to the policy as far as that takes no run.

    Raises:
        SuiteError: as `load_suite`.
    """
    gate, author = loaded.suite.gate, loaded.suite.release.author
    waivers = load_waivers(loaded)
    found = [
        Mistake(f"waivers[{i}]", f"{waiver.id}: {text}")
        for i, waiver in enumerate(waivers)
        for _, text in _against(waiver, gate, author, today)
    ]
    raise_any(found, gate.waivers or "")


def _against(waiver: Waiver, gate: Gate, author: str, today: date) -> Iterator[tuple[State, str]]:
    """What the policy holds against a waiver on this day, whatever a run finds."""
    created, last = day(waiver.created), day(waiver.expires)
    if created is None or last is None or last < created:
        yield "refused", f"it expires on {waiver.expires}, before it was created on {waiver.created}"
        return
    if (last - created).days > gate.waiver_days:
        yield "refused", f"it runs {(last - created).days} days, and the policy allows {gate.waiver_days}"
    if last < today:
        yield "expired", f"it expired on {waiver.expires}"
    if created > today:
        yield "refused", f"it is not in force before {waiver.created}"
    if same_person(waiver.approved_by, author):
        yield "refused", f"{waiver.approved_by!r} is the author of the compressed models, and may not approve it"
    if waiver.slice in _critical(gate):
        yield "refused", f"{waiver.slice!r} is critical, and nothing excuses its checks"


def _critical(gate: Gate) -> frozenset[str]:
    """Names that no waiver may speak of: those listed and, of an edge-case set, each of its severities."""
    return frozenset(gate.critical) | {severity_name(name, k) for name in gate.critical for k in range(1, 6)}


def _refusals(waiver: Waiver, targets: Mapping[str, _Target], gate: Gate, case: Case) -> Iterator[tuple[State, str]]:
    """What the policy holds against a waiver, in the light of what was found."""
    yield from _against(waiver, gate, case.author, case.date)
    if waiver.artifact is not None and waiver.artifact != case.sha256:
        this = f"SHA-256 {case.sha256[:12]}…" if case.sha256 else "which has no hash"
        yield "refused", f"it is for another artifact than this one, {this}"
    target = targets.get(waiver.slice)
    if target is None:
        near = did_you_mean(waiver.slice, targets)
        yield "refused", f"it matches nothing: the check {waiver.check!r} does not look at {waiver.slice!r}{near}"
    elif target.outcome is Outcome.ERROR:
        yield "refused", f"{waiver.slice!r} could not be evaluated, and that cannot be waived"


def _looked_at(findings: Findings) -> _Looked:
    """What each kind of check looked at, by slice."""
    rate = any(c.counts is not None for c in findings.comparisons)
    return {
        CheckKind.NON_INFERIORITY: {c.slice.name: _alone(c) for c in findings.comparisons if c.slice.guard},
        CheckKind.SCREEN: {c.slice.name: _among(c) for c in findings.comparisons if c.slice.screened},
        CheckKind.DISPARITY: {
            d.slice: _Target(outcome=_flag(d.flagged), loss=-d.difference.low, rate=rate, alone=False)
            for d in findings.disparities
        },
        CheckKind.EDGE_CASES: {
            c.slice.name: _alone(c) if c.slice.guard else _among(c)
            for c in findings.edge
            if c.slice.guard or c.slice.screened
        },
    }


def _alone(c: Comparison) -> _Target:
    return _Target(outcome=c.outcome, loss=-c.change.low, rate=c.counts is not None, alone=True)


def _among(c: Comparison) -> _Target:
    return _Target(outcome=_flag(c.flagged), loss=-c.change.low, rate=c.counts is not None, alone=False)


def _flag(flagged: bool) -> Outcome:
    return Outcome.FAIL if flagged else Outcome.PASS
