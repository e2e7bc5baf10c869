"""Slices that the policy guards must be able to pass, whatever the data turn out to hold."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from tests.pairs import by_group, grouped, paired_rights
from tests.strategies import dataset
from tests.strategies import suite as suite_of
from validate.guards import able
from validate.judgement import judge_pair
from validate.slicing import build_membership
from validate.suite import Family
from validate.totals import add_up

TABLES = {"large": (9_000, 0, 0, 1_000), "a": (200, 0, 0, 24), "b": (201, 0, 0, 25), "c": (150, 0, 0, 24)}


def guarded(data, paired, name, **gate):
    suite = suite_of(Family(by=("group",)), **gate)
    totals = able(add_up(paired, build_membership(data, suite), suite.gate), suite.gate)
    return next(entry for entry in totals.slices if entry.name == name).guard


def test_a_pool_is_guarded_by_its_errors_where_errors_are_what_is_judged():
    """49 errors are the fewest that can pass a factor of 1.1; the number of examples says nothing about that."""
    together = "group: rare together"
    enough, short = ({name: TABLES[name] for name in ("large", *rest)} for rest in ("ab", "ac"))
    assert guarded(*grouped(enough), together, margin_ratio=1.1)
    assert not guarded(*grouped(short), together, margin_ratio=1.1)
    assert guarded(*grouped(short), together)  # by a difference of two points
    one = by_group(TABLES, margin_ratio=1.1)["group: a"]
    assert one.n_smallest == math.ceil(49 * 224 / 24)


def test_copies_of_one_example_do_not_make_a_class_large_enough_to_pass():
    """Ten copies of 400 people, 32 of whom say yes: enough as rows, too few as people."""
    frame = pd.DataFrame({"group": "g", "label": np.where(np.arange(400) % 100 < 8, "yes", "no")})
    data = dataset(pd.concat([frame] * 10, ignore_index=True))
    copies = dataclasses.replace(data, clusters=np.tile(np.arange(400), 10))
    right = np.ones(len(data), dtype=bool)
    for chosen, expected in ((data, True), (copies, False)):
        assert guarded(chosen, paired_rights(chosen, right, right), "label: yes", class_margin=0.05) is expected
    suite = suite_of(Family(by=("group",)))
    found = judge_pair(paired_rights(copies, right, right), build_membership(copies, suite), suite.gate, seed=1)
    assert [spot.slice for spot in found.blind_spots] == ["label: yes"]
    assert "1 (8.0 % of examples) too small to judge alone" in found.verdict.line


def test_clusters_need_as_many_examples_as_they_are_worth_fewer():
    data, paired = grouped({"a": (980, 5, 5, 10)})
    clusters = np.arange(1000) // 5
    data, paired = (dataclasses.replace(it, clusters=clusters) for it in (data, paired))
    suite = suite_of()
    everything = judge_pair(paired, build_membership(data, suite), suite.gate, seed=1).comparisons[0]
    assert everything.n_smallest == pytest.approx(5 * 189, rel=0.01)
    assert "200 clusters" in everything.note
