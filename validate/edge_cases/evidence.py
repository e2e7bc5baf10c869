"""What a run found out about edge cases: the part of the evidence record that is theirs."""

from dataclasses import dataclass, replace

import numpy as np

from validate.comparison import Comparison
from validate.data import Dataset
from validate.edge_cases.attacked import Struck, Transfer
from validate.edge_cases.checks import MustNotLose, edge_case_checks, must_not_lose, spared_check
from validate.edge_cases.comparison import EdgeResult, compare_edge_cases
from validate.edge_cases.sets import NO_SOURCE, EdgeCases, EdgeSets, assemble
from validate.gate import CheckResult
from validate.predictions import PairedPredictions, Predictions, pair
from validate.suite import Gate, Suite


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
    transfers: tuple[Transfer, ...] = ()  # both models on inputs that were changed to fool one of them, or by chance
    spared: str = ""  # which attacks were not made on the compressed model itself, and why


@dataclass(frozen=True, kw_only=True, eq=False)
class EdgeAnswers:
    """Both models' answers to the edge cases that a compressed model is judged by."""

    edge: EdgeCases | None  # None where all that there is are attacks, and none is made on this model
    variants: PairedPredictions | None
    struck: Struck  # what the attacks did, and what carried over


def all_answers(
    plain: tuple[EdgeCases, Predictions, Predictions] | None, struck: Struck, dataset: Dataset, gate: Gate
) -> EdgeAnswers | None:
    """Attacks beside all other sets as one family, so that there is one screen; None without any edge case.

    `plain` are the sets that are no attacks, with the dense and the compressed model's answers.
    """
    if not struck.cells and plain:
        return EdgeAnswers(edge=plain[0], variants=pair(plain[0].dataset, *plain[1:]), struck=struck)
    edge = assemble([*(plain[0].cells if plain else ()), *struck.cells], dataset, gate)
    if edge is None:
        return EdgeAnswers(edge=None, variants=None, struck=struck) if struck.transfers or struck.spared else None
    sides = []
    for before, more in zip(plain[1:] if plain else (None, None), (struck.dense, struck.compressed), strict=True):
        parts = [part for part in (before, more) if part is not None]
        scores = np.concatenate([part.scores for part in parts])
        sides.append(replace(parts[0], ids=edge.dataset.ids, scores=scores))
    return EdgeAnswers(edge=edge, variants=pair(edge.dataset, *sides), struck=struck)


def judge_with_attacks(
    asked: EdgeAnswers, clean: PairedPredictions, suite: Suite
) -> tuple[EdgeEvidence, tuple[CheckResult, ...]]:
    """All edge cases of a model, with what carries over of attacks beside them."""
    if asked.edge is None or asked.variants is None:
        evidence = EdgeEvidence(
            sha256=asked.struck.sha256, n=0, sources=0, missing_answers=0, comparisons=(), results=()
        )
        checks: tuple[CheckResult, ...] = ()
    else:
        evidence, checks = judge_edge_cases(asked.edge, asked.variants, clean, suite.gate, seed=suite.seed)
    spared = asked.struck.spared
    return replace(evidence, transfers=asked.struck.transfers, spared=spared), (*checks, *spared_check(spared))


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
