import dataclasses

import numpy as np
import pytest

from tests.pairs import paired_rights
from tests.planted import people, plant
from tests.small import small_predictions
from tests.strategies import suite
from validate.attributes import Attribute
from validate.exploring import explore
from validate.predictions import pair
from validate.searchable import CONFIDENCE
from validate.suite import Discover


def asking(**table):
    return dataclasses.replace(suite(), discover=Discover(**table))


def probabilities_of(data, sure, name="dense"):
    """Two-class probabilities with this much for the true class."""
    scores = np.where(np.arange(2) == data.labels[:, None], sure[:, None], 1 - sure[:, None])
    return dataclasses.replace(small_predictions(scores, outputs="probabilities", name=name), ids=data.ids)


def test_nothing_is_searched_unless_the_suite_asks():
    data, dense = people(500)
    assert explore(paired_rights(data, dense, dense), data, suite()) is None


def test_the_declared_aim_and_depth_are_used():
    data, dense = people()
    inside = ((data.frame["race"] == "r1") & (data.frame["sex"] == "s1")).to_numpy()
    compressed = plant(np.random.default_rng(0), dense, inside=inside, damage=0.2, churn=0.01)
    paired = paired_rights(data, dense, compressed)
    deep = explore(paired, data, asking())
    assert deep.findings[0].where == "sex == 's1' and race == 'r1'"
    flat = explore(paired, data, asking(aim="net", depth=1))
    assert (flat.aim, flat.depth, flat.metric) == ("net", 1, "accuracy")
    assert flat.findings
    assert all(" and " not in finding.where for finding in flat.findings)


@pytest.mark.parametrize("aim", ["brier", "log_loss"])
def test_the_fall_of_a_proper_score_is_found_where_no_answer_turns(aim):
    data, _ = people(8_000)
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.75, 0.95, len(data))
    inside = (data.frame["education"] == "e1").to_numpy()
    less = np.clip(sure - 0.1 * inside + rng.normal(0, 0.02, len(data)), 0.55, 0.999)
    paired = pair(data, probabilities_of(data, sure), probabilities_of(data, less, name="c"))
    found = explore(paired, data, asking(aim=aim))
    assert found.metric == aim
    assert found.findings[0].where == "education == 'e1'"
    assert found.findings[0].change.high < 0
    assert explore(paired, data, asking()).findings == ()


def test_the_dense_confidence_joins_where_it_is_known():
    data, _ = people(4_000)
    sure = np.random.default_rng(2).uniform(0.5, 1.0, len(data))
    same = probabilities_of(data, sure)
    assert CONFIDENCE in explore(pair(data, same, same), data, asking()).attributes
    dense = np.ones(len(data), dtype=bool)
    assert CONFIDENCE not in explore(paired_rights(data, dense, dense), data, asking()).attributes


def test_other_attributes_join_such_as_the_severity_of_an_edge_case():
    data, dense = people(6_000)
    severity = np.arange(len(data)) % 3
    compressed = plant(np.random.default_rng(3), dense, inside=severity == 2, damage=0.1, churn=0.01)
    extra = Attribute(
        name="severity", codes=severity.astype(np.uint8), levels=("1", "3", "5"), where=("severity == 1", "", "")
    )
    found = explore(paired_rights(data, dense, compressed), data, asking(), [extra])
    assert [f.name for f in found.findings] == ["severity: 5"]
