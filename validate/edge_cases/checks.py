"""Edge cases as checks: guarded sets, the screen of all others, and the cases that must not be lost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from validate.changes import policy_level
from validate.checks import non_inferiority_checks, screen_check
from validate.comparison import Comparison
from validate.edge_cases.sets import EdgeSets
from validate.gate import CheckKind, CheckResult
from validate.outcome import Outcome
from validate.predictions import PairedPredictions, right
from validate.slices import members
from validate.stats.rates import clopper_pearson_interval
from validate.stats.results import Interval
from validate.suite import Gate
from validate.wording import fixed, listing, plural


@dataclass(frozen=True, kw_only=True)
class MustNotLose:
    """The cases of one set that a release must not lose: dense right, compressed wrong."""

    set: str
    n: int  # cases
    at_stake: int  # those that the dense model gets right
    lost: tuple[str, ...]  # ids
    units: int  # sources, or groups of cases, of those at stake: each counts once
    rate: Interval  # of units with a loss; exact


def edge_case_checks(comparisons: Sequence[Comparison], cases: Sequence[MustNotLose]) -> tuple[CheckResult, ...]:
    """One check per guarded set, one for the cases of a set that must not be lost, one on all other sets together."""
    guarded = [
        replace(check, id=f"{CheckKind.EDGE_CASES}: {check.slice}", kind=CheckKind.EDGE_CASES)
        for check in non_inferiority_checks(comparisons)
    ]
    screened = [
        replace(check, id=str(CheckKind.EDGE_CASES), kind=CheckKind.EDGE_CASES) for check in screen_check(comparisons)
    ]
    return (*guarded, *(_must_not_lose(found) for found in cases), *screened)


def spared_check(spared: str) -> tuple[CheckResult, ...]:
    """That a model was not attacked itself, as a check without a say, so that no output is silent about it."""
    if not spared:
        return ()
    return (
        CheckResult(
            id=f"{CheckKind.EDGE_CASES}: attacks on this model",
            kind=CheckKind.EDGE_CASES,
            slice=None,
            outcome=Outcome.INCONCLUSIVE,
            reason=f"this model was {spared}",
            gates=False,
        ),
    )


def must_not_lose(edge: EdgeSets, paired: PairedPredictions, gate: Gate) -> tuple[MustNotLose, ...]:
    """The cases that must not be lost, set by set, with an exact interval for the share of losses."""
    if not edge.critical.any():
        return ()
    dense, compressed = right(paired, "dense"), right(paired, "compressed")
    clusters = paired.clusters
    assert clusters is not None
    found = []
    for i, facts in enumerate(edge.facts):
        critical = members(edge.membership, i) & edge.critical
        whole = edge.membership.slices[i].name == facts.set
        if not whole or not critical.any():
            continue
        at_stake = critical & dense
        lost = at_stake & ~compressed
        units = len(np.unique(clusters[at_stake]))
        rate = clopper_pearson_interval([len(np.unique(clusters[lost]))], [units], level=policy_level(gate))
        found.append(
            MustNotLose(
                set=facts.set,
                n=int(critical.sum()),
                at_stake=int(at_stake.sum()),
                lost=tuple(paired.ids[lost].tolist()),
                units=units,
                rate=rate[0],
            )
        )
    return tuple(found)


def _must_not_lose(found: MustNotLose) -> CheckResult:
    if not found.at_stake:
        outcome = Outcome.INCONCLUSIVE
        reason = f"the dense model gets none of {plural(found.n, 'case')} right, so that none can be lost"
    else:
        outcome = Outcome.FAIL if found.lost else Outcome.PASS
        many = f"{len(found.lost):,}" if found.lost else "none"
        reason = f"{many} of {plural(found.at_stake, 'case')} that must not be lost"
        reason += f" lost: {listing(found.lost)}" if found.lost else " lost"
        reason += f"; the rate of losses is at most {fixed(100 * found.rate.high, 1)} % (exact {found.rate.level:.0%})"
        wrong = found.n - found.at_stake
        reason += f"; the dense model has {plural(wrong, 'more', 'more')} wrong" if wrong else ""
    return CheckResult(
        id=f"{CheckKind.EDGE_CASES}: {found.set}: must not lose",
        kind=CheckKind.EDGE_CASES,
        slice=found.set,
        outcome=outcome,
        reason=reason,
        numbers={"cases": found.n, "at_stake": found.at_stake, "lost": len(found.lost), "rate_high": found.rate.high},
    )
