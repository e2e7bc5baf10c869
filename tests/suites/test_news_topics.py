"""The news suite from the fetch to the verdict: its topics are those it names, and the rarest are hit hardest."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from validate.pipeline import run
from validate.suite_file import load_suite

FOLDER = Path(__file__).parents[2] / "suites" / "news_topics"
LOADED = load_suite(FOLDER)


def test_topics_json_counts_the_classes_of_the_suite():
    topics = json.loads((FOLDER / "topics.json").read_text(encoding="utf-8"))
    assert tuple(sorted(topics)) == LOADED.suite.data.classes
    assert sum(topics.values()) == 4547


def test_no_text_lies_in_the_repository():
    assert {path.name for path in FOLDER.iterdir() if path.is_file()} == {
        "suite.toml", "README.md", "build.json", "build.py", "columns.py", "fetch.py", "models.py", "statements.toml",
        "topics.json",
    }  # fmt: skip


@pytest.mark.slow
def test_half_of_the_encoder_pruned_costs_the_rarest_topics_most():
    done = subprocess.run(
        [sys.executable, str(FOLDER / "build.py"), "pruned-50"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    clean = replace(LOADED, suite=replace(LOADED.suite, edge_cases=()))
    (record,) = run(clean, compressed=["pruned-50"])
    assert record.verdict.outcome == "FAIL"
    change = {c.slice.name: c.change.estimate for c in record.comparisons}
    outcome = {c.slice.name: c.outcome for c in record.comparisons}
    assert change["support: at most 10"] < -0.08 < change["support: more than 100"] < 0
    assert outcome["support: at most 10"] == "FAIL"
