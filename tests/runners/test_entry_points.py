"""Another package brings a kind of model: installed for real, found by its entry point, judged like any other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.runners.folders import open_in
from validate.errors import SuiteError
from validate.suite import OtherModel

SUITE = """
suite = "thresholds"
seed = 1
[data]
path = "data.csv"
label = "y"
classes = ["no", "yes"]
[models.dense]
kind = "threshold"
options = {file = "dense.txt", column = "x"}
[models.compressed.rounded]
kind = "threshold"
options = {file = "rounded.txt", column = "x"}
[models.compressed.broken]
kind = "threshold"
options = {file = "broken.txt", column = "x"}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the example package, built from its source without a network."""
    target = tmp_path_factory.mktemp("site")
    source = Path(__file__).with_name("example_runner")
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return target


def paritygate(installed, *arguments):
    paths = os.pathsep.join([str(installed), str(Path(__file__).parents[2])])
    command = [sys.executable, "-m", "validate.cli", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_kind_that_another_package_brings(installed, tmp_path):
    rng = np.random.default_rng(1)
    x = rng.normal(size=4000)
    truth = np.where(x + 0.3 * rng.normal(size=4000) > 0.5, "yes", "no")
    pd.DataFrame({"x": x, "y": truth}).to_csv(tmp_path / "data.csv", index=False)
    for name, text in (("dense", "0.5"), ("rounded", "0.502"), ("broken", "half")):
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "suite.toml").write_text(SUITE)
    done = paritygate(installed, "run", tmp_path, "--out", tmp_path / "out", "--json")
    rounded, broken = json.loads(done.stdout)["compressed"]
    assert (done.returncode, rounded["verdict"], broken["exit_code"]) == (4, "PASS", 4)
    assert "model 'broken' (broken.txt): holds no threshold" in broken["reasons"][0]
    record = json.loads((tmp_path / "out" / "rounded" / "results.json").read_text())
    assert (record["dense"]["kind"], record["dense"]["source"]) == ("threshold", "dense.txt")


def test_a_kind_that_nobody_brings_names_those_that_are(installed, tmp_path):
    (tmp_path / "suite.toml").write_text(SUITE.replace('"threshold"', '"treshold"'))
    (tmp_path / "data.csv").write_text("x,y\n1,yes\n0,no\n")
    done = paritygate(installed, "run", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "models.dense.kind: must be an installed kind of runner: threshold; did you mean 'threshold'?" in done.stderr


def test_without_any(tmp_path):
    with pytest.raises(SuiteError, match=r"models\.compressed\.small\.kind: must be an installed kind"):
        open_in(tmp_path, OtherModel(kind="treshold"), name="small")
