"""How much planted damage the discovery finds on the census, and how often it finds what is not there."""

import numpy as np
import pytest

from tests.planted import cases, census, damaged, plant
from validate.counts import outcomes
from validate.damage import damage_of_outcomes
from validate.discovery import discover
from validate.predicates import evaluate, parse
from validate.slices import build_membership, members

PLANTED, NULLS = 12, 6


@pytest.mark.slow
def test_planted_damage_is_found_where_it_is():
    """At 24 cases and 12 without damage it found 21 (of those with 20 damaged examples or more, 21 of 22), none falsely."""
    data, suite, dense = census()
    membership = build_membership(data, suite)
    rng = np.random.default_rng(1)
    found = elsewhere = 0
    for seed, case in enumerate(cases(rng, membership, PLANTED)):
        inside = members(membership, case.slice)
        compressed = damaged(rng, dense, membership, case)
        result = discover(data, suite, damage_of_outcomes(outcomes(dense, compressed)), seed=seed)
        selected = [evaluate(parse(f.where, f.name), data.frame) for f in result.findings]
        found += any((s & inside).sum() >= 0.5 * (s | inside).sum() for s in selected)
        elsewhere += any(not (s & inside).any() for s in selected)
    assert found >= 0.7 * PLANTED
    assert elsewhere <= 1  # each with probability 0.05


@pytest.mark.slow
def test_churn_alone_is_seldom_taken_for_damage():
    """Each run may be wrong with probability 0.05: two of six would be so once in thirty."""
    data, suite, dense = census()
    rng = np.random.default_rng(2)
    nobody = np.zeros(len(data), dtype=bool)
    wrong = 0
    for seed in range(NULLS):
        compressed = plant(rng, dense, inside=nobody, damage=0.0, churn=float(rng.uniform(0.01, 0.05)))
        wrong += bool(discover(data, suite, damage_of_outcomes(outcomes(dense, compressed)), seed=seed).findings)
    assert wrong <= 1
