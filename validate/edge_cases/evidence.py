"""What a run found out about edge cases: the part of the evidence record that is theirs."""

from dataclasses import dataclass

import numpy as np

from validate.comparison import Comparison
from validate.edge_cases.checks import MustNotLose, edge_case_checks, must_not_lose
from validate.edge_cases.comparison import EdgeResult, compare_edge_cases
from validate.edge_cases.sets import NO_SOURCE, EdgeSets
from validate.gate import CheckResult
from validate.predictions import PairedPredictions
from validate.suite import Gate


@dataclass(frozen=True, kw_only=True)
class EdgeEvidence:
    """All edge-case sets against one compressed model."""

    sha256: str  # of what decides the variants: data, sets, hooks and files, the sources drawn
    n: int  # variants and cases
    sources: int  # distinct examples of the data that they came from
    missing_answers: int  # of the compressed model, counted as wrong
    comparisons: tuple[Comparison, ...]  # every set and every severity, on the gate's metric; guarded ones first
    results: tuple[EdgeResult, ...]  # the same slices against their clean sources
    must_not_lose: tuple[MustNotLose, ...] = ()
    about: tuple[tuple[str, str], ...] = ()  # of each set's slices: what was done to the sources


def judge_edge_cases(
    edge: EdgeSets, variants: PairedPredictions, clean: PairedPredictions, gate: Gate, *, seed: int
) -> tuple[EdgeEvidence, tuple[CheckResult, ...]]:
    """Both models' answers to the edge cases, compared and turned into checks."""
    comparisons, results = compare_edge_cases(edge, variants, clean, gate, seed=seed)
    cases = must_not_lose(edge, variants, gate)
    evidence = EdgeEvidence(
        sha256=edge.sha256,
        n=len(variants.ids),
        sources=len(np.unique(edge.sources[edge.sources != NO_SOURCE])),
        missing_answers=variants.missing,
        comparisons=comparisons,
        results=results,
        must_not_lose=cases,
        about=tuple((entry.name, facts.about) for entry, facts in zip(edge.membership.slices, edge.facts, strict=True)),
    )
    return evidence, edge_case_checks(comparisons, cases)
