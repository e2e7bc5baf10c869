import dataclasses
import tomllib

import numpy as np
import pandas as pd
import pytest

from tests.planted import people, plant
from tests.strategies import HOSTILE, dataset, suite
from validate.counts import outcomes
from validate.damage import AIMS, Damage, Lens, damage_of_outcomes, fisher, lenses
from validate.discovery import discover
from validate.predicates import evaluate, parse
from validate.searchable import CONFIDENCE, MOST_LEVELS, confidence_bands, searchable
from validate.suite import Family

SUITE = suite()


def found_in(data, dense, compressed, **options):
    return discover(data, SUITE, damage_of_outcomes(outcomes(dense, compressed)), seed=1, **options)


def planted(where, *, damage=0.15, churn=0.02, compensate=False, seed=2):
    data, dense = people()
    inside = evaluate(parse(where, "planted"), data.frame)
    rng = np.random.default_rng(seed)
    return data, dense, inside, plant(rng, dense, inside=inside, damage=damage, churn=churn, compensate=compensate)


@pytest.mark.parametrize("aim", list(AIMS))
@pytest.mark.parametrize("compensate", [False, True])
def test_damage_in_an_intersection_is_found_there_and_nowhere_else(aim, compensate):
    data, dense, inside, compressed = planted("race == 'r1' and sex == 's1'", compensate=compensate)
    result = found_in(data, dense, compressed, aim=aim)
    assert len(result.findings) >= 1
    best = result.findings[0]
    selected = evaluate(parse(best.where, "found"), data.frame)
    assert (selected & inside).sum() / (selected | inside).sum() > 0.6, best.name
    assert best.change.high < 0
    assert best.p_adjusted <= 0.05
    for other in result.findings[1:]:  # only what is left of the same cause
        assert (evaluate(parse(other.where, "found"), data.frame) & inside).any()


def test_two_causes_read_as_two():
    data, dense, _, compressed = planted("education == 'e3'")
    inside = evaluate(parse("country == 'c4'", "planted"), data.frame)
    compressed = plant(np.random.default_rng(5), dense, inside=inside, damage=0.2, churn=0.0) & compressed
    result = found_in(data, dense, compressed)
    assert {f.where for f in result.findings} == {"education == 'e3'", "country == 'c4'"}
    assert all(f.versions for f in result.findings)


def test_without_damage_nothing_is_found_and_it_says_so():
    data, dense, _, compressed = planted("sex == 's0'", damage=0.0, churn=0.04)
    result = found_in(data, dense, compressed)
    assert result.findings == ()
    assert result.summary.startswith("nothing found")
    same = found_in(data, dense, dense)
    assert (same.findings, same.candidates) == ((), 0)
    assert same.summary == "nothing found: no slice has enough damaged examples to show a larger loss than the rest"
    assert sum(same.halves) == len(data)


def test_churn_where_the_dense_model_is_unsure_is_no_damage():
    data, _ = people()
    rng = np.random.default_rng(3)
    sure = np.where(data.frame["race"] == "r0", 0.99, 0.7)
    dense = rng.random(len(data)) < sure
    flips = np.where(dense, 1 - sure, sure) * 0.3  # as often right to wrong as back, in every slice
    assert found_in(data, dense, dense ^ (rng.random(len(data)) < flips)).findings == ()


def test_random_flips_are_no_damage_where_the_dense_model_is_better():
    data, _ = people()
    rng = np.random.default_rng(4)
    dense = rng.random(len(data)) < np.where(data.frame["race"] == "r0", 0.99, 0.7)
    compressed = plant(rng, dense, inside=np.zeros(len(data), dtype=bool), damage=0.0, churn=0.05)
    assert found_in(data, dense, compressed).findings == ()


def test_a_finding_can_be_pasted_into_the_suite():
    data, dense = people()
    names = np.array(HOSTILE)[np.random.default_rng(0).integers(0, len(HOSTILE), len(data))]
    frame = data.frame.assign(**{"odd `name`": names})
    inside = names == "line\nbreak"
    compressed = plant(np.random.default_rng(1), dense, inside=inside, damage=0.2, churn=0.01)
    result = discover(dataset(frame), SUITE, damage_of_outcomes(outcomes(dense, compressed)), seed=1)
    (entry,) = tomllib.loads(result.findings[0].suggestion)["slices"]
    np.testing.assert_array_equal(evaluate(parse(entry["where"], "pasted"), frame), inside)
    lost = {str(i) for i in np.flatnonzero(inside & dense & ~compressed)}
    assert set(result.findings[0].ids) <= lost


def test_the_same_seed_finds_the_same():
    data, dense, _, compressed = planted("race == 'r1' and sex == 's1'")
    assert found_in(data, dense, compressed) == found_in(data, dense, compressed)


def test_a_score_may_fall_instead_of_answers_turning_wrong():
    data, _ = people()
    rng = np.random.default_rng(6)
    inside = (data.frame["education"] == "e2").to_numpy()
    values = rng.normal(0, 0.1, len(data)) + 0.05 * inside
    result = discover(data, SUITE, Damage(values=values, right=None), seed=0)
    assert [f.where for f in result.findings] == ["education == 'e2'"]
    assert result.findings[0].change.estimate == pytest.approx(-0.05, abs=0.02)


def test_a_band_of_confidence_joins_as_an_attribute():
    data, dense = people()
    rng = np.random.default_rng(7)
    highest = rng.uniform(0.5, 1, len(data))
    inside = highest < 0.6
    compressed = plant(rng, dense, inside=inside, damage=0.15, churn=0.01)
    bands = confidence_bands(np.stack([highest, 1 - highest], axis=1))
    result = found_in(data, dense, compressed, extra=[bands])
    best = result.findings[0]
    assert best.name.startswith(CONFIDENCE)
    assert best.where == ""
    assert tomllib.loads(best.suggestion) == {}


def test_examples_of_one_source_count_once():
    data, dense = people(2_000)
    data = dataclasses.replace(data, clusters=np.arange(2_000, dtype=np.int64) // 40)
    compressed = dense & ~np.isin(data.clusters, [3, 4])  # two sources lost all: no evidence about any slice
    assert found_in(data, dense, compressed).findings == ()
    with_damage = plant(
        np.random.default_rng(0), dense, inside=(data.frame["sex"] == "s1").to_numpy(), damage=0.3, churn=0.01
    )
    assert found_in(data, dense, with_damage).findings[0].where == "sex == 's1'"


def test_columns_that_cannot_be_searched_are_named():
    data, _ = people(3_000)
    frame = data.frame.assign(
        id=[f"p{i}" for i in range(3_000)],
        empty=None,
        constant="x",
        tags=pd.Series([["a"], ["b"]] * 1_500, dtype=object),
        amount=np.r_[np.zeros(2_000), np.arange(1_000)],
    )
    attributes, limits = searchable(dataset(frame), SUITE)
    assert limits == (
        f"column 'id': all but the {MOST_LEVELS} most frequent of 3,000 values",
        "column 'tags': its values are neither text, numbers, booleans nor times",
    )
    names = {a.name: a for a in attributes}
    assert {"empty", "constant", "tags"}.isdisjoint(names)
    assert names["amount"].levels[0] == "below 1"
    declared, _ = searchable(dataset(frame), suite(Family(by=("age",), bins={"age": (30.0, 60.0)})))
    assert [a.levels for a in declared if a.name == "age"] == [("below 30", "30–60", "60 and over")]


def test_very_wide_and_very_short_tables_are_searched():
    rng = np.random.default_rng(0)
    wide = pd.DataFrame({f"c{i}": rng.integers(0, 3, 40) for i in range(210)}).assign(label="no")
    result = discover(dataset(wide), SUITE, damage_of_outcomes(rng.integers(0, 4, 40).astype(np.uint8)), seed=0)
    assert result.findings == ()
    assert sum("beyond the first 200" in limit for limit in result.limits) == 10
    for rows in (1, 2, 5):
        data, dense = people(rows)
        assert found_in(data, dense, ~dense).findings == ()


def test_damage_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="finite"):
        Damage(values=np.array([0.0, np.nan]), right=None)


@pytest.mark.parametrize("table", [(3, 10, 5, 90), (0, 10, 5, 90), (7, 7, 0, 5), (2, 400, 3, 100_000)])
def test_fisher_agrees_with_scipy(table):
    from scipy.stats import fisher_exact

    losses, n, rest, n_rest = table
    expected = fisher_exact([[losses, n - losses], [rest, n_rest - rest]], alternative="greater").pvalue
    assert fisher(*table) == pytest.approx(expected, rel=1e-9)


def test_an_excess_is_seen_through_two_lenses():
    _, dense = people(500)
    damage = damage_of_outcomes(outcomes(dense, np.roll(dense, 1)))
    net, lost = lenses("excess", damage, np.arange(500), None)
    assert isinstance(net, Lens)
    assert len(net.rows) == 500
    assert len(lost.rows) == dense.sum()
    nobody = np.zeros(500, dtype=bool)
    assert (net.strength(nobody), net.p(nobody), lost.p(nobody)) == (0.0, 1.0, 1.0)
