"""One pair of models judged: comparisons, disparities, checks and verdict, without files, clocks or progress."""

from collections.abc import Sequence
from dataclasses import dataclass

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
from validate.gate import NOTHING_SEEN, CheckKind, CheckResult, Verdict, decide
from validate.metrics import METRICS, MetricKind, Needs
from validate.outcome import Outcome
from validate.predictions import PairedPredictions, constants
from validate.slices import Membership, only, without_intersections
from validate.suite import Gate
from validate.wording import plural


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What one compressed model's predictions amount to."""

    comparisons: tuple[Comparison, ...]
    disparities: tuple[Disparity, ...]
    checks: tuple[CheckResult, ...]  # those given, then policy, non-inferiority, screen, disparity
    verdict: Verdict
    blind_spots: tuple[BlindSpot, ...]
    notes: tuple[Note, ...]


def judge_pair(
    paired: PairedPredictions, membership: Membership, gate: Gate, *, seed: int, integrity: Sequence[CheckResult] = ()
) -> Judgement:
    """Compare, check and decide; `integrity` are the checks that were made on the way here."""
    kind = METRICS[gate.metric].kind
    rate = kind is MetricKind.BINARY
    if kind is MetricKind.AGGREGATE:  # every slice is bootstrapped: too slow, and too coarse, for small intersections
        membership = without_intersections(membership)
    comparisons = compare(paired, membership, gate, np.random.default_rng(seed))
    disparities = compare_complements(paired, membership, gate, np.random.default_rng(seed))
    checks = (
        *integrity,
        policy_check(paired, membership, gate, seed=seed),
        *non_inferiority_checks(comparisons),
        *screen_check(comparisons),
        *disparity_check(disparities, rate=rate),
    )
    spots = blind_spots(comparisons)
    return Judgement(
        comparisons=comparisons,
        disparities=disparities,
        checks=checks,
        verdict=decide(checks, scope(comparisons, spots, membership), inconclusive=gate.inconclusive),
        blind_spots=spots,
        notes=notes(comparisons, disparities, missing=paired.missing, rate=rate),
    )


def policy_check(paired: PairedPredictions, membership: Membership, gate: Gate, *, seed: int) -> CheckResult:
    """Whether a constant prediction in the compressed model's place would pass: then the policy asks for nothing."""
    tried = constants(paired, shares=METRICS[gate.metric].needs is Needs.PROBABILITIES)
    passed = [name for name, constant in tried if _passes(constant, membership, gate, seed=seed)]
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


def _passes(paired: PairedPredictions, membership: Membership, gate: Gate, *, seed: int) -> bool:
    """Whether these predictions would be released; most constants fail at the guarded slices already."""
    guarded = only(membership, [i for i, entry in enumerate(membership.slices) if entry.guard])
    rng = np.random.default_rng(seed)
    if any(outcome is not Outcome.PASS for outcome in outcomes_alone(paired, guarded, gate, rng)):
        return gate.inconclusive == "note" and _verdict(paired, membership, gate, seed=seed) is Outcome.PASS
    return _verdict(paired, membership, gate, seed=seed) is Outcome.PASS


def _verdict(paired: PairedPredictions, membership: Membership, gate: Gate, *, seed: int) -> Outcome:
    comparisons = compare(paired, membership, gate, np.random.default_rng(seed))
    checks = (
        *non_inferiority_checks(comparisons),
        *screen_check(comparisons),
        *disparity_check(compare_complements(paired, membership, gate, np.random.default_rng(seed)), rate=True),
    )
    return decide(checks, NOTHING_SEEN, inconclusive=gate.inconclusive).outcome
