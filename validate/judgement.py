"""One pair of models judged: comparisons, disparities, checks and verdict, without files, clocks or progress."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from validate.checks import (
    BlindSpot,
    Note,
    blind_spots,
    disparity_check,
    non_inferiority_checks,
    notes,
    scope,
    screen_check,
)
from validate.comparison import Comparison, compare, outcomes_alone
from validate.disparity import Disparity, compare_complements
from validate.gate import NOTHING_SEEN, CheckKind, CheckResult, Scope, Verdict, decide
from validate.guards import able, blind_share
from validate.metrics import METRICS, MetricKind
from validate.outcome import Outcome
from validate.predictions import PairedPredictions
from validate.slices import Membership, without_intersections
from validate.suite import Gate
from validate.totals import Totals, add_up, constant_totals, some_slices
from validate.waiver_file import Waiver
from validate.waivers import Assessed, Case, Findings, excuse
from validate.wording import plural


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What one compressed model's predictions amount to."""

    comparisons: tuple[Comparison, ...]
    disparities: tuple[Disparity, ...]
    checks: tuple[CheckResult, ...]  # those given, then policy, non-inferiority, screen, disparity
    verdict: Verdict
    scope: Scope  # how much the verdict speaks for
    blind_spots: tuple[BlindSpot, ...]
    notes: tuple[Note, ...]
    waivers: tuple[Assessed, ...] = ()  # of this model, with what became of each


def judge_pair(
    paired: PairedPredictions, membership: Membership, gate: Gate, *, seed: int, integrity: Sequence[CheckResult] = ()
) -> Judgement:
    """Compare, check and decide; `integrity` are the checks that were made on the way here."""
    if METRICS[gate.metric].kind is MetricKind.AGGREGATE:
        membership = without_intersections(membership)  # a bootstrap of each is too slow, and too coarse for the small
    return judge_totals(add_up(paired, membership, gate), gate, seed=seed, integrity=integrity)


def judge_totals(totals: Totals, gate: Gate, *, seed: int, integrity: Sequence[CheckResult] = ()) -> Judgement:
    """The same from what the rows add up to, however many there were."""
    totals = able(totals, gate)
    rate = METRICS[gate.metric].kind is MetricKind.BINARY
    comparisons = compare(totals, gate, np.random.default_rng(seed))
    disparities = compare_complements(totals, gate, np.random.default_rng(seed))
    checks = (
        *integrity,
        policy_check(totals, gate, seed=seed),
        *non_inferiority_checks(comparisons),
        *screen_check(comparisons),
        *disparity_check(disparities, rate=rate),
    )
    spots = blind_spots(comparisons)
    seen = scope(comparisons, spots, blind_share(totals, spots, gate))
    return Judgement(
        comparisons=comparisons,
        disparities=disparities,
        checks=checks,
        verdict=decide(checks, seen, inconclusive=gate.inconclusive),
        scope=seen,
        blind_spots=spots,
        notes=notes(comparisons, disparities, missing=totals.missing, rate=rate),
    )


def waive(
    judgement: Judgement, waivers: Sequence[Waiver], gate: Gate, case: Case, edge: Sequence[Comparison] = ()
) -> Judgement:
    """The judgement with the checks that a waiver excuses marked, and its verdict decided again.

    Nothing changes where nothing was compared; a policy without waivers has none, whatever is given or was marked.
    `edge` are the edge-case sets.
    """
    if not judgement.comparisons:
        return judgement
    findings = Findings(
        checks=judgement.checks,
        comparisons=judgement.comparisons,
        disparities=judgement.disparities,
        edge=tuple(edge),
    )
    checks, assessed = excuse(() if gate.waivers is None else waivers, findings, gate, case)
    verdict = decide(checks, judgement.scope, inconclusive=gate.inconclusive)
    return replace(judgement, checks=checks, verdict=verdict, waivers=assessed)


def policy_check(totals: Totals, gate: Gate, *, seed: int) -> CheckResult:
    """Whether a constant prediction in the compressed model's place would pass: then the policy asks for nothing."""
    tried = [(name, _passes(constant, gate, seed=seed)) for name, constant in constant_totals(totals, gate)]
    passed = [name for name, passes in tried if passes]
    return CheckResult(
        id=str(CheckKind.POLICY),
        kind=CheckKind.POLICY,
        slice=None,
        outcome=Outcome.ERROR if passed else Outcome.PASS,
        reason=f"vacuous: a model that always answers {passed[0]!r} would pass; guard more slices or lower the margins"
        if passed
        else f"none of {plural(len(tried), 'constant prediction')} would pass",
        numbers={"constants": len(tried), "passed": len(passed)},
    )


def _passes(totals: Totals, gate: Gate, *, seed: int) -> bool:
    """Whether these predictions would be released; most constants fail at the guarded slices already."""
    guarded = some_slices(totals, [i for i, entry in enumerate(totals.slices) if entry.guard])
    rng = np.random.default_rng(seed)
    if any(outcome is not Outcome.PASS for outcome in outcomes_alone(guarded, gate, rng)):
        return gate.inconclusive == "note" and _verdict(totals, gate, seed=seed) is Outcome.PASS
    return _verdict(totals, gate, seed=seed) is Outcome.PASS


def _verdict(totals: Totals, gate: Gate, *, seed: int) -> Outcome:
    comparisons = compare(totals, gate, np.random.default_rng(seed))
    checks = (
        *non_inferiority_checks(comparisons),
        *screen_check(comparisons),
        *disparity_check(compare_complements(totals, gate, np.random.default_rng(seed)), rate=True),
    )
    return decide(checks, NOTHING_SEEN, inconclusive=gate.inconclusive).outcome
