import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from validate import search as module
from validate.attributes import Attribute
from validate.scores import Balance, Evidence, Excess, Net, Scan, SliceLine
from validate.search import search


def attributes_of(codes, sizes):
    return [
        Attribute(
            name=f"a{i}", codes=column.astype(np.uint8), levels=tuple(f"{v}" for v in range(size)), where=("",) * size
        )
        for i, (column, size) in enumerate(zip(codes.T, sizes, strict=True))
    ]


def exhaustive(codes, sizes, damage, score, *, k, support, damaged, penalty=(0.0, 0.0, 0.0)):
    """Every conjunction of one to three values, looked at one by one."""
    scores = []
    for depth in (1, 2, 3):
        for chosen in itertools.combinations(range(len(sizes)), depth):
            for levels in np.ndindex(*[sizes[a] for a in chosen]):
                inside = np.all(codes[:, list(chosen)] == levels, axis=1)
                part = damage[inside]
                if inside.sum() >= max(1, support) and (part > 0).sum() >= max(1, damaged):
                    sums = part[part > 0].sum(), -part[part < 0].sum()
                    value = score.value(*[np.array([v]) for v in (inside.sum(), *sums)])[0]
                    scores.append(float(value) - penalty[depth - 1])
    return sorted((s for s in scores if s > 0), reverse=True)[:k]


def scores_for(damage):
    n = len(damage)
    largest = max(damage.max(), 1e-9)
    total = max(damage[damage > 0].sum(), 1e-9)
    return {
        "sliceline": SliceLine(alpha=0.95, n=n, damage=total, largest=largest),
        "excess": Excess(n=n, mean=damage.mean(), variance=damage.var() + 1e-3, largest=largest),
        "net": Net(),
        "evidence": Evidence(errors=Excess(n=n, mean=damage.mean(), variance=damage.var() + 1e-3, largest=largest)),
        "balance": Balance(share=0.4),
    }


@st.composite
def tables(draw, values):
    rows = draw(st.integers(5, 120))
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    codes = np.stack([rng.integers(0, size + 1, rows) for size in sizes], axis=1)  # the last code is a missing value
    return codes, sizes, rng.choice(values, rows)


@pytest.fixture(params=["dense", "sparse"])
def storage(request, monkeypatch):
    if request.param == "sparse":
        monkeypatch.setattr(module, "DENSE_CELLS", 4)
        monkeypatch.setattr(module, "BATCH", 3)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=tables([-1.0, 0.0, 0.0, 1.0]),
    name=st.sampled_from(["sliceline", "excess", "net", "evidence", "balance"]),
    asked=st.fixed_dictionaries(
        {
            "k": st.integers(1, 30),
            "support": st.integers(1, 8),
            "damaged": st.integers(1, 3),
            "penalty": st.sampled_from([(0.0, 0.0, 0.0), (0.1, 0.4, 0.9)]),
        }
    ),
)
def test_the_search_finds_what_an_exhaustive_one_finds(storage, table, name, asked):
    codes, sizes, damage = table
    score = scores_for(damage)[name]
    result = search(attributes_of(codes, sizes), damage, score, **asked)
    expected = exhaustive(codes, sizes, damage, score, **asked)
    np.testing.assert_allclose([f.score for f in result.found], expected)
    assert result.skipped == 0
    for found in result.found:
        inside = np.all([codes[:, a] == level for a, level in found.cells], axis=0)
        assert found.n == inside.sum()
        assert found.positive - found.negative == pytest.approx(damage[inside].sum())


@settings(max_examples=30, deadline=None)
@given(tables([-0.7, -0.1, 0.0, 0.2, 0.9, 3.0]), st.sampled_from(["sliceline", "excess"]), st.integers(1, 10))
def test_damage_may_be_any_number(table, name, k):
    codes, sizes, damage = table
    score = scores_for(damage)[name]
    result = search(attributes_of(codes, sizes), damage, score, k=k)
    expected = exhaustive(codes, sizes, damage, score, k=k, support=1, damaged=1)
    np.testing.assert_allclose([f.score for f in result.found], expected, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(tables([0.0, 0.0, 0.0, 1.0]), st.integers(1, 10))
def test_frequent_losses_are_found_exactly(table, k):
    codes, sizes, damage = table
    score = Scan(rate=float(damage.mean()))
    result = search(attributes_of(codes, sizes), damage, score, k=k, penalty=(0.1, 0.4, 0.9))
    expected = exhaustive(codes, sizes, damage, score, k=k, support=1, damaged=1, penalty=(0.1, 0.4, 0.9))
    np.testing.assert_allclose([f.score for f in result.found], expected, atol=1e-12)


@pytest.mark.parametrize(("losses", "n", "rate"), [(3, 10, 0.1), (10, 10, 0.1), (1, 20, 0.1), (0, 5, 0.3), (2, 2, 0.5)])
def test_evidence_is_the_likelihood_ratio_of_scipys_binomial(losses, n, rate):
    from scipy.stats import binom

    expected = binom.logpmf(losses, n, losses / n) - binom.logpmf(losses, n, rate) if losses > n * rate else 0.0
    value = Scan(rate=rate).value(np.array([n]), np.array([float(losses)]), np.zeros(1))
    assert value[0] == pytest.approx(expected, abs=1e-12)
    flips = Balance(share=rate).value(np.array([50]), np.array([float(losses)]), np.array([float(n - losses)]))
    assert flips[0] == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_no_subset_scores_above_the_bound(rows, seed):
    rng = np.random.default_rng(seed)
    damage = rng.choice([-1.0, 0.0, 0.0, 1.0], rows)
    inside = rng.random(rows) < 0.7
    subset = inside & (rng.random(rows) < rng.random())
    if not subset.any():
        return
    sums = [np.array([v]) for v in ((damage[subset] > 0).sum(), (damage[subset] < 0).sum())]
    for score in scores_for(damage).values():
        value = score.value(np.array([subset.sum()]), *(s.astype(float) for s in sums))
        positive = np.array([float((damage[inside] > 0).sum())])
        assert value <= score.bound(np.array([1]), np.array([inside.sum()]), positive) + 1e-9


def test_without_damage_nothing_is_found():
    codes = np.zeros((50, 3), dtype=np.uint8)
    for damage in (np.zeros(50), -np.ones(50)):
        result = search(attributes_of(codes, [2, 2, 2]), damage, Net(), k=5)
        assert (result.found, result.sized, result.skipped) == ((), 0, 0)
    assert search([], np.ones(5), Net(), k=5).found == ()


def test_a_limit_that_is_hit_is_told():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, (400, 8))
    damage = (rng.random(400) < 0.3).astype(float)
    result = search(attributes_of(codes, [3] * 8), damage, scores_for(damage)["excess"], k=50, combinations=10)
    assert result.skipped == 8 * 7 * 6 // 6 - 10
    assert len(result.found) == 50
    assert result.alone == 0


def test_the_least_promising_attributes_are_not_combined(monkeypatch):
    monkeypatch.setattr(module, "COMBINED", 2)
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, (600, 5))
    damage = ((codes[:, 1] == 1) & (codes[:, 3] == 2) & (rng.random(600) < 0.7)).astype(float)
    result = search(attributes_of(codes, [3] * 5), damage, scores_for(damage)["excess"], k=50)
    assert result.alone == 3
    assert result.found[0].cells == ((1, 1), (3, 2))
    assert {tuple(a for a, _ in f.cells) for f in result.found if len(f.cells) > 1} == {(1, 3)}
