"""Claims become checks: what a compressed model is said to be or to save, against what was found."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from validate.artifact_profile.cost import Cost, Measured, measured
from validate.artifact_profile.stored import Artifact, CompressionProfile, totals
from validate.counts import GAIN, LOSS, outcomes
from validate.gate import CheckKind, CheckResult
from validate.outcome import Outcome
from validate.predictions import PairedPredictions, right
from validate.stats.clusters import FEWEST, cluster_sums_of, deff_tango_interval
from validate.stats.ratios import retained_interval
from validate.stats.results import Interval
from validate.suite_claims import TIMED, Claim

WORDS = {
    "bytes": "bytes on disk",
    "memory": "bytes in memory",
    "parameters": "parameters",
    "nonzeros": "non-zero parameters",
    "flops": "floating-point operations",
    "sparsity": "share of zeros among the weights",
    "latency_p50": "latency p50",
    "latency_p95": "latency p95",
    "latency_p99": "latency p99",
    "throughput": "throughput",
    "cpu_time": "processor time",
    "cost": "cost",
    "accuracy": "accuracy retained",
}
_BOUNDS = {
    "at_most_ratio": "at most {:g} of dense",
    "at_least_ratio": "at least {:g} of dense",
    "at_most": "at most {:g}",
    "at_least": "at least {:g}",
}


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a claim can be held against; None where it was not found out."""

    profile: CompressionProfile | None
    cost: Cost | None
    retained: Interval | None  # right answers, compressed / dense, of a classification


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim's number: exact, or an interval; or the reason why there is none."""

    value: float | None = None
    interval: Interval | None = None
    detail: str = ""  # behind the number, in words
    absent: str = ""


def claims_of(claims: Sequence[Claim], name: str) -> tuple[Claim, ...]:
    """Those that are about this compressed model."""
    return tuple(claim for claim in claims if not claim.models or name in claim.models)


def retained(paired: PairedPredictions, *, level: float) -> Interval | None:
    """The compressed model's accuracy over the dense one's, on all examples; None for a regression.

    Examples in clusters count for as many as they are worth, by the design effect of the change (Rao & Scott 1992);
    with fewer than 10 clusters nothing is known.
    """
    if not paired.classes:
        return None
    found = outcomes(right(paired, "dense"), right(paired, "compressed"))
    both_right, gains, losses, both_wrong = np.bincount(found, minlength=4).tolist()
    n = both_right + gains + losses + both_wrong
    worth = 1.0
    if paired.clusters is not None:
        sums = cluster_sums_of(paired.clusters, found == GAIN, found == LOSS, [np.ones(n, dtype=np.bool_)])
        worth = float(deff_tango_interval(sums, level=level).n[0]) / n
        if 0 < sums.clusters[0] < min(FEWEST, n):
            worth = 0.0
    return retained_interval(both_right * worth, gains * worth, losses * worth, n * worth, level=level)[0]


def claim_checks(claims: Sequence[Claim], known: Known) -> tuple[CheckResult, ...]:
    """One gating check for each claim; what could not be found out is an ERROR, for nothing unchecked passes."""
    return tuple(_check(claim, known) for claim in claims)


def title(claim: Claim) -> str:
    """The claim in words: "bytes on disk at most 0.3 of dense"."""
    if claim.value is not None:
        what = f"weights in {claim.value}" if claim.claim == "dtype" else f"weights with the pattern {claim.value}"
        return f"{what} at least {_least(claim):g}"
    at = f" at batch {claim.batch}" if claim.batch is not None else ""
    return f"{WORDS[claim.claim]}{at} {_BOUNDS[_bound(claim)[0]].format(_bound(claim)[1])}"


def _check(claim: Claim, known: Known) -> CheckResult:
    found, (key, bound) = _found(claim, known), _bound(claim)
    numbers: dict[str, float | int | str] = {"bound": bound}
    if found.interval is not None:
        it = found.interval
        numbers |= {"estimate": it.estimate, "low": it.low, "high": it.high}
        numbers |= {"recorded": "run.cost"} if claim.claim in TIMED else {}
        outcome = _decided(key, it, bound)
        shown = f"{_apart(it.estimate, bound)} ({_apart(it.low, bound)} to {_apart(it.high, bound)})"
    elif found.value is not None:
        numbers["value"] = found.value
        outcome = _exact(key, found.value, bound)
        shown = _apart(found.value, bound)
    else:
        outcome, shown = Outcome.ERROR, ""
    relation = {Outcome.PASS: "as claimed", Outcome.FAIL: "not as claimed"}.get(outcome, "not decided")
    return CheckResult(
        id=f"{CheckKind.CLAIM}: {title(claim)}",
        kind=CheckKind.CLAIM,
        slice=None,
        outcome=outcome,
        reason=f"{shown}{found.detail}, {relation}" if shown else f"cannot be checked: {found.absent}",
        numbers=numbers,
    )


def _exact(key: str, value: float, bound: float) -> Outcome:
    """A number without uncertainty: one that equals the bound holds."""
    held = value <= bound if key.startswith("at_most") else value >= bound
    return Outcome.PASS if held else Outcome.FAIL


def _decided(key: str, it: Interval, bound: float) -> Outcome:
    """Three-way: the whole interval is on one side of the bound; a limit that equals it decides nothing."""
    below, above = it.high < bound, it.low > bound
    passed, failed = (below, above) if key.startswith("at_most") else (above, below)
    return Outcome.PASS if passed else Outcome.FAIL if failed else Outcome.INCONCLUSIVE


def _found(claim: Claim, known: Known) -> Finding:
    if claim.claim == "accuracy":
        return _retained(known)
    if claim.claim in TIMED:
        return _timed(claim, known.cost)
    if known.profile is None:
        return Finding(absent="the models were not looked into")
    for which, model in (("dense", known.profile.dense), ("compressed", known.profile.compressed)):
        if model.reason and not (claim.claim == "bytes" and model.disk is not None):
            return Finding(absent=f"the {which} model: {model.reason}")
    if claim.claim in {"sparsity", "dtype", "pattern"}:
        return _share(claim, known.profile.compressed)
    return _size(claim, known.profile)


def _retained(known: Known) -> Finding:
    if known.retained is None:
        return Finding(absent="right and wrong answers were not counted")
    return Finding(interval=known.retained, detail=" times the dense model's accuracy")


def _timed(claim: Claim, cost: Cost | None) -> Finding:
    if cost is None or cost.reason:
        return Finding(absent="not measured" if cost is None else f"not measured: {cost.reason}")
    it = measured(cost, claim.claim, claim.batch)
    if it is None:
        return Finding(absent=f"not measured: {'; '.join(cost.notes) or 'the clock is too coarse for it'}")
    where = "" if cost.deployment else ", not the deployment machine"
    return Finding(interval=_asked(claim, it), detail=f"{_unit(claim, it)} at batch {it.batch}{where}")


def _asked(claim: Claim, it: Measured) -> Interval:
    return it.ratio if _bound(claim)[0].endswith("ratio") else it.compressed


def _unit(claim: Claim, it: Measured) -> str:
    return " times dense" if _bound(claim)[0].endswith("ratio") else f" {it.unit}"


def _share(claim: Claim, model: Artifact) -> Finding:
    """A share of all numbers in tensors of two or more dimensions."""
    sums = totals(model)
    if not sums.weights:
        return Finding(absent="the compressed model holds no matrix")
    if claim.claim == "sparsity":
        if sums.weight_zeros is None:
            return Finding(absent="zeros cannot be counted in this format")
        count = sums.weight_zeros
    else:
        count = (sums.formats if claim.claim == "dtype" else sums.patterns).get(claim.value or "", 0)
    return Finding(value=count / sums.weights, detail=f" of {sums.weights:,} weights")


def _size(claim: Claim, profile: CompressionProfile) -> Finding:
    before, after = (_sizes(model).get(claim.claim) for model in (profile.dense, profile.compressed))
    if after is None:
        note = profile.compressed.flops_note if claim.claim == "flops" else "not known of the compressed model"
        return Finding(absent=note)
    if not _bound(claim)[0].endswith("ratio"):
        return Finding(value=float(after))
    if not before:
        note = profile.dense.flops_note if claim.claim == "flops" else "nothing to compare with in the dense model"
        return Finding(absent=note)
    return Finding(value=after / before, detail=f" times dense ({after:,} against {before:,})")


def _sizes(model: Artifact) -> dict[str, int | None]:
    sums = totals(model)
    return {
        "bytes": model.disk,
        "memory": sums.memory,
        "parameters": sums.parameters,
        "nonzeros": sums.nonzeros,
        "flops": model.flops,
    }


def _bound(claim: Claim) -> tuple[str, float]:
    """Which key bounds it, and by how much."""
    for key in _BOUNDS:
        value: float | None = getattr(claim, key)
        if value is not None:
            return key, value
    return "at_least", _least(claim)


def _least(claim: Claim) -> float:
    return 1.0 if claim.at_least is None else claim.at_least


def _apart(value: float, bound: float) -> str:
    """Four significant digits, or as many as it takes to stay on its own side of the bound."""
    for digits in range(4, 18):
        text = f"{value:,.{digits}g}"
        rounded = float(text.replace(",", ""))
        if (rounded < bound, rounded > bound) == (value < bound, value > bound):
            return text.replace("-", "−")
    return repr(value)
