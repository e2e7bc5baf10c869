"""Checks, their outcomes and the verdict; everything here is pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from validate.outcome import Outcome
from validate.wording import listing, plural, share


class CheckKind(StrEnum):
    """What a check looks at; the order decides which reason is named first."""

    INTEGRITY = "integrity"
    POLICY = "policy"
    NON_INFERIORITY = "non-inferiority"
    SCREEN = "screen"
    DISPARITY = "disparity"
    EDGE_CASES = "edge cases"
    CLAIM = "claim"


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check and why it came out so."""

    id: str  # "non-inferiority: race: Black", "screen", "integrity: contract"
    kind: CheckKind
    slice: str | None  # the slice's name, for checks of one slice
    outcome: Outcome
    reason: str  # one sentence with numbers
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)
    gates: bool = True  # False: computed and shown, without a say in the verdict
    waived: tuple[str, ...] = ()  # ids of the waivers that excuse it

    @property
    def excused(self) -> bool:
        """Whether it counts as PASS without being one; what could not be evaluated is never excused."""
        return bool(self.waived) and self.outcome in {Outcome.FAIL, Outcome.INCONCLUSIVE}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The worst outcome of the gating checks, as words and as an exit code."""

    outcome: Outcome
    exit_code: int  # 0 | 1 | 2 | 3 | 4
    line: str  # "PASS · 9 guarded checks · 112 slices screened · 27 (0.8 % of examples) too small to judge alone, …"
    reasons: tuple[str, ...]  # of the gating checks that are not PASS, the deciding ones first
    waived: int = 0  # of them, those that do not count because a waiver excuses them


@dataclass(frozen=True, kw_only=True)
class Scope:
    """How much a verdict speaks for: the numbers of its line."""

    screened: int  # slices in the screen
    blind: int  # categories too small to be judged alone
    blind_share: float  # of all examples
    blind_unpooled: int  # of those, how many are in no guarded pool either


NOTHING_SEEN = Scope(screened=0, blind=0, blind_share=0.0, blind_unpooled=0)

_SEVERITY = (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL, Outcome.ERROR)
_EXIT_ORDER = (0, 3, 1, 2, 4)  # the worst last


def decide(checks: Sequence[CheckResult], scope: Scope, *, inconclusive: Literal["block", "note"] = "block") -> Verdict:
    """The verdict: the worst outcome of the gating checks.

    Nothing unchecked passes: without a non-inferiority check the verdict is ERROR, and `inconclusive = "note"` excuses
    inconclusive checks only while at least one non-inferiority check has passed. A waived check counts as PASS.
    """
    gating = [check for check in checks if check.gates]
    guarded = [check for check in gating if check.kind is CheckKind.NON_INFERIORITY]
    shown = any(check.outcome is Outcome.PASS for check in guarded)
    noted = inconclusive == "note" and shown
    counted = [Outcome.PASS if c.excused else c.outcome for c in gating]
    outcome = max(
        (o for o in counted if not (noted and o is Outcome.INCONCLUSIVE)), key=_SEVERITY.index, default=Outcome.ERROR
    )
    if not guarded:
        outcome = Outcome.ERROR
    open_checks = sorted(
        (c for c in gating if c.outcome is not Outcome.PASS),
        key=lambda c: (c.excused, -_SEVERITY.index(c.outcome), list(CheckKind).index(c.kind)),
    )
    reasons = tuple(f"{c.id}: {c.reason}" + _waived_by(c) for c in open_checks)
    waived = sum(c.excused for c in open_checks)
    if not guarded and not any(c.outcome is Outcome.ERROR for c in open_checks):
        reasons = ("nothing was checked: no guarded slice could be evaluated", *reasons)
    return Verdict(
        outcome=outcome,
        exit_code=_exit_code(outcome, open_checks),
        line=" · ".join([verdict_text(outcome, waived), *_line(checks, scope, noted=noted)]),
        reasons=reasons,
        waived=waived,
    )


def verdict_text(outcome: Outcome, waived: int) -> str:
    """The outcome, or `PASS (2 waived)` where a PASS rests on waivers."""
    return f"{outcome} ({waived:,} waived)" if waived and outcome is Outcome.PASS else str(outcome)


def worst_exit(codes: Iterable[int]) -> int:
    """The exit code of several runs: the worst of 4, 2, 1, 3, 0, in this order; 4 where there was none."""
    return max(codes, key=_EXIT_ORDER.index, default=4)


def _waived_by(check: CheckResult) -> str:
    return f" (waived by {listing(check.waived)})" if check.excused else ""


def _exit_code(outcome: Outcome, open_checks: Sequence[CheckResult]) -> int:
    if outcome is not Outcome.ERROR:
        return {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.INCONCLUSIVE: 3}[outcome]
    errors = [c for c in open_checks if c.outcome is Outcome.ERROR]
    return worst_exit(2 if c.kind is CheckKind.POLICY else 4 for c in errors)


def _line(checks: Sequence[CheckResult], scope: Scope, *, noted: bool) -> list[str]:
    """What the verdict rests on, in parts."""
    guarded = [c for c in checks if c.kind is CheckKind.NON_INFERIORITY and c.gates]
    parts = [f"{plural(len(guarded), 'guarded check')}" + _troubles(guarded, noted=noted)]
    parts.append(f"{plural(scope.screened, 'slice')} screened" + _flagged(checks, CheckKind.SCREEN))
    disparity = _flagged(checks, CheckKind.DISPARITY)
    if disparity:
        parts.append(f"disparity{disparity}")
    edges = [c for c in checks if c.kind is CheckKind.EDGE_CASES and c.gates]
    if edges:
        parts.append(f"{plural(len(edges), 'edge-case check')}" + _troubles(edges, noted=noted))
    claimed = [c for c in checks if c.kind is CheckKind.CLAIM]
    if claimed:
        broken = sum(c.outcome is not Outcome.PASS for c in claimed)
        parts.append(f"{plural(len(claimed), 'claim')}{f' ({broken} not shown)' if broken else ''}")
    if scope.blind:
        unpooled = scope.blind_unpooled
        tail = f"{unpooled} of them not judged together either" if unpooled else "judged together"
        parts.append(f"{scope.blind} ({share(scope.blind_share)} of examples) too small to judge alone, {tail}")
    errors = [c for c in checks if c.outcome is Outcome.ERROR and c.kind in {CheckKind.INTEGRITY, CheckKind.POLICY}]
    parts.extend(c.id for c in errors)
    return parts


def _troubles(checks: Sequence[CheckResult], *, noted: bool) -> str:
    """How many of the checks did not pass, and how."""
    words = {Outcome.FAIL: "failed", Outcome.INCONCLUSIVE: "inconclusive", Outcome.ERROR: "in error"}
    counted = [(sum(c.outcome is o and not c.excused for c in checks), word) for o, word in words.items()]
    found = [f"{count} {word}" for count, word in counted if count]
    found += ["noted"] * bool(found and noted)
    excused = sum(c.excused for c in checks)
    found += [f"{excused} waived"] * bool(excused)
    return f" ({', '.join(found)})" if found else ""


def _flagged(checks: Sequence[CheckResult], kind: CheckKind) -> str:
    of_kind = [c for c in checks if c.kind is kind]
    flagged = sum(int(c.numbers.get("flagged", 0)) for c in of_kind)
    waived = ", waived" if any(c.excused for c in of_kind) else ""
    return f" ({flagged} flagged{waived})" if flagged else ""
