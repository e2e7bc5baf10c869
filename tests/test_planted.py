import numpy as np
import pytest

from tests.planted import cases, damaged, people, plant
from tests.strategies import suite
from validate.counts import count, outcomes
from validate.slices import members
from validate.slicing import build_membership
from validate.suite import Family

SUITE = suite(Family(by=("sex", "race", "class", "education", "country"), cross=2))


def test_damage_is_where_it_was_planted_and_churn_is_even():
    data, dense = people()
    membership = build_membership(data, SUITE)
    rng = np.random.default_rng(1)
    drawn = list(cases(rng, membership, 20))
    assert {case.compensate for case in drawn} == {True, False}
    for case in drawn:
        inside = members(membership, case.slice)
        compressed = damaged(rng, dense, membership, case)
        counts = count(membership, outcomes(dense, compressed))
        assert 0.002 <= inside.mean() <= 0.1
        change = (counts.gains - counts.losses) / counts.n
        noise = 4 * np.sqrt(case.churn / inside.sum())
        assert change[case.slice] == pytest.approx(-case.damage, abs=noise)
        overall = 0.0 if case.compensate else -case.damage * inside.mean()
        assert change[0] == pytest.approx(overall, abs=4 * np.sqrt(case.churn / len(data)))


def test_the_same_seed_plants_the_same():
    _, dense = people()
    inside = np.arange(len(dense)) < 500
    one, two = (plant(np.random.default_rng(3), dense, inside=inside, damage=0.1, churn=0.02) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert plant(np.random.default_rng(4), dense, inside=inside, damage=0.0, churn=0.0).tolist() == dense.tolist()


def test_more_damage_than_right_answers_is_refused():
    wrong = np.zeros(10, dtype=bool)
    with pytest.raises(ValueError, match="5 answers are to flip, and only 0 can"):
        plant(np.random.default_rng(0), wrong, inside=~wrong, damage=0.5, churn=0.0)
