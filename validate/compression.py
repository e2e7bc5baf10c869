"""Beside answers: what a run's models store and cost, and whether the claims about them hold."""

from validate.artifact_profile.cost import Cost
from validate.artifact_profile.stored import Artifact
from validate.claims import Known, claim_checks, claims_of, retained
from validate.data import Dataset
from validate.gate import CheckResult
from validate.predictions import PairedPredictions
from validate.progress import Progress
from validate.recording import Found, Occasion
from validate.runners import Runner, describe


def looked_into(runner: Runner, occasion: Occasion, dataset: Dataset) -> Artifact:
    """What the model stores."""
    with occasion.clock.stage("profile"):
        return describe(runner, dataset)


def claims_held(name: str, occasion: Occasion, found: Found, paired: PairedPredictions) -> tuple[CheckResult, ...]:
    """The claims about this compressed model as checks; none where the suite makes none."""
    suite = occasion.loaded.suite
    known = Known(profile=found.profile, cost=found.cost, retained=retained(paired, level=suite.gate.confidence))
    return claim_checks(claims_of(suite.claims, name), known)


def measured_cost(name: str, occasion: Occasion, dataset: Dataset, progress: Progress) -> Cost | None:
    """What answers cost here, both models opened anew and measured in turn; None where the suite does not ask."""
    plan = occasion.loaded.suite.cost
    if plan is None:
        return None
    from validate.runners.costing import cost

    with occasion.clock.stage("cost"), progress.stage(f"{name}, cost", 1) as advance:
        found = cost(name, occasion.loaded, dataset, plan)
        advance(1)
    return found
