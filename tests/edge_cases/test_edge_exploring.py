"""Damage among edge cases is found by set, severity and the columns of their sources, and nothing where there is none."""

import dataclasses

import numpy as np
import pytest

from tests.edge_cases.folder import tiny, tiny_data
from tests.small import small_predictions
from validate import finding_text
from validate.edge_cases.build import build_edge_cases
from validate.edge_cases.exploring import explore_edge_cases
from validate.pipeline import discover
from validate.predictions import pair
from validate.suite import Discover

SETS = """
[[edge_cases]]
name = "louder"
python = "models.py:louder"
severity = [1, 5]
examples = 2000
[[edge_cases]]
kind = "missing-values"
columns = ["income"]
severity = [1, 5]
examples = 2000
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    loaded, data = tiny_data(tmp_path_factory.mktemp("explored"), SETS, rows=2_000)
    edge = build_edge_cases(loaded, data)
    assert edge is not None
    return dataclasses.replace(loaded.suite, discover=Discover()), data, edge


def explored(asked, wrong):
    """What is found where the compressed model gets these variants (n,) wrong, and one in a hundred by chance."""
    suite, data, edge = asked
    labels, rng = edge.dataset.labels, np.random.default_rng(4)
    noise = rng.random((2, len(labels))) < 0.01
    dense = np.where(noise[0], 1 - labels, labels)
    compressed = np.where(wrong | noise[1], 1 - labels, labels)
    made = (
        small_predictions(x, edge.dataset.ids, outputs="labels", name=n) for x, n in ((dense, "d"), (compressed, "c"))
    )
    return explore_edge_cases(edge, pair(edge.dataset, *made), data, suite)


def test_damage_in_one_set_at_one_severity_of_some_sources_is_found_there(asked):
    _, data, edge = asked
    told = edge.dataset.frame
    word = data.frame["word"].to_numpy()[edge.sources]
    inside = (told["set"] == "louder") & (told["severity"] == 5) & (word == "b")
    found = explored(asked, inside.to_numpy() & (np.random.default_rng(5).random(len(told)) < 0.3))
    assert found is not None
    (finding,) = found.findings
    assert set(finding.where.split(" and ")) == {"set == 'louder'", "severity == 5", "word == 'b'"}
    assert finding.change.high < -0.2
    assert all(case.startswith("louder/5/") for case in finding.ids)
    assert "[[slices]]" not in finding.suggestion  # the data have no such column
    assert finding.suggestion.startswith(f"# edge cases of {finding.name}: n = {finding.n:,}, change -0.")
    assert finding.suggestion in finding_text.toml({"c, edge cases": found}, suite="tiny")


def test_without_damage_nothing_is_found(asked):
    found = explored(asked, np.zeros(len(asked[2].dataset), dtype=np.bool_))
    assert found is not None
    assert found.findings == ()
    assert found.summary.startswith("nothing found")


def test_variants_of_one_source_stay_in_one_half(asked):
    """All variants of a hundred sources are lost: that is a hundred clusters of four, not four hundred examples."""
    _, data, edge = asked
    old = data.frame["age"].to_numpy() >= 80
    lost = (old & (np.random.default_rng(6).random(len(data)) < 0.5))[edge.sources]
    found = explored(asked, lost)
    assert found is not None
    assert found.findings
    assert all(f.suggestion.count(f.name) == 1 for f in found.findings)
    assert all("Student" not in f.change.method and "cluster" in f.change.method for f in found.findings)
    assert sum(found.halves) == len(edge.dataset)
    assert all(n % 4 == 0 for n in found.halves)


def test_nothing_is_searched_unless_it_is_asked(asked):
    suite, data, edge = asked
    assert explored((dataclasses.replace(suite, discover=None), data, edge), np.zeros(len(edge.dataset), bool)) is None


def test_discover_searches_the_edge_cases_of_a_suite_by_themselves(tmp_path):
    found = discover(tiny(tmp_path, SETS, rows=600))
    assert list(found) == ["small", "small, edge cases"]
    assert {"set", "severity", "word"} <= set(found["small, edge cases"].attributes)
    assert "set" not in found["small"].attributes
