"""What claims and their measurement must observe beyond the type of each key."""

from collections.abc import Iterator
from itertools import pairwise

from validate.errors import did_you_mean
from validate.mistakes import Mistake
from validate.suite import Suite
from validate.suite_claims import TIMED, Claim

_MOST_RATIO = 10  # of at_most_ratio: more than ten times the dense model's is no claim, and likely meant in per cent


def claim_mistakes(suite: Suite) -> Iterator[Mistake]:
    """Every rule that [cost] and [[claims]] break."""
    yield from _cost(suite)
    yield from _claims(suite)


def _cost(suite: Suite) -> Iterator[Mistake]:
    plan = suite.cost
    if plan is None:
        return
    if any(a >= b for a, b in pairwise(plan.batches)):
        yield Mistake("cost.batches", "batch sizes must increase", list(plan.batches))
    if (plan.price_per_cpu_hour is None) != (plan.currency is None):
        yield Mistake("cost", "a price needs a currency, and a currency a price", plan.currency)


def _claims(suite: Suite) -> Iterator[Mistake]:
    seen: set[tuple[object, ...]] = set()
    for i, claim in enumerate(suite.claims):
        place = f"claims[{i}]"
        yield from _claim(claim, suite, place)
        for name in claim.models:
            if name not in suite.models.compressed:
                known = list(suite.models.compressed)
                yield Mistake(f"{place}.models", f"must be names of compressed models{did_you_mean(name, known)}", name)
        for name in claim.models or suite.models.compressed:
            told = (name, claim.claim, claim.value, claim.batch, *bounds(claim)[:1])
            if told in seen:
                yield Mistake(place, f"this is claimed of {name!r} twice", claim.claim)
            seen.add(told)


def bounds(claim: Claim) -> list[str]:
    """The keys that say how much is claimed; of a dtype or pattern, at least a share of the weights."""
    names = ("at_most_ratio", "at_least_ratio", "at_most", "at_least")
    return [name for name in names if getattr(claim, name) is not None]


def _claim(claim: Claim, suite: Suite, place: str) -> Iterator[Mistake]:
    """One claim: it bounds something that can be known, in one way."""
    given, named = bounds(claim), claim.claim in {"dtype", "pattern"}
    if named and (claim.value is None or given not in ([], ["at_least"])):
        yield Mistake(place, f"{claim.claim} takes a value, and at most at_least: the share of the weights", given)
    if not named and claim.value is not None:
        yield Mistake(f"{place}.value", "only dtype and pattern take one", claim.value)
    if not named and len(given) != 1:
        yield Mistake(place, "exactly one of at_most_ratio, at_least_ratio, at_most, at_least is needed", given)
    if claim.at_most_ratio is not None and claim.at_most_ratio > _MOST_RATIO:
        rule = f"is a fraction of the dense model's, not per cent, and at most {_MOST_RATIO}"
        yield Mistake(f"{place}.at_most_ratio", rule, claim.at_most_ratio)
    share = claim.at_least if claim.at_most is None else claim.at_most
    if claim.claim in {"sparsity", "dtype", "pattern"} and share is not None and share > 1:
        yield Mistake(f"{place}.{given[0]}", "is a share of the weights, at most 1", share)
    if claim.claim == "sparsity" and not set(given) <= {"at_most", "at_least"}:
        yield Mistake(place, "sparsity is a share of the compressed model's weights: at_least or at_most", given)
    if claim.claim == "accuracy" and (suite.task != "classification" or given != ["at_least_ratio"]):
        rule = "accuracy, of a classification, takes at_least_ratio: the share of the dense model's that is retained"
        yield Mistake(place, rule, given)
    elif claim.claim == "accuracy" and claim.at_least_ratio is not None and claim.at_least_ratio > 1:
        rule = "is a share of the dense model's accuracy that is retained, at most 1"
        yield Mistake(f"{place}.at_least_ratio", rule, claim.at_least_ratio)
    yield from _timed(claim, suite, place)


def _timed(claim: Claim, suite: Suite, place: str) -> Iterator[Mistake]:
    plan = suite.cost
    if claim.batch is not None and claim.claim not in {"throughput", "cpu_time", "cost"}:
        yield Mistake(f"{place}.batch", "belongs to throughput, cpu_time and cost", claim.batch)
    if claim.claim in TIMED and plan is None:
        yield Mistake(place, f"{claim.claim} is measured only where the suite has a table [cost]", claim.claim)
    elif claim.claim == "cost" and plan is not None and plan.price_per_cpu_hour is None:
        yield Mistake(place, "a cost needs price_per_cpu_hour in [cost]", claim.claim)
    elif claim.batch is not None and plan is not None and claim.batch not in plan.batches:
        yield Mistake(f"{place}.batch", f"must be one of [cost] batches, {list(plan.batches)}", claim.batch)
