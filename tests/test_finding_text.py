import json
import math
import tomllib
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.samples import HOSTILE, RTL, discovery
from validate import cli, finding_text
from validate.evidence import read_record
from validate.stats.results import Interval

SEARCH = "\n[discover]\ndepth = 2\n"


def test_a_finding_is_told_with_all_that_supports_it():
    shown = finding_text.text({"int8": discovery()}, suite="leaves")
    for part in (
        "leaves · int8: 1 found",
        "1. crop: maize",
        "n 1,204 (3.4 %), change −5.21 points (−8.00 to −3.10), adjusted p < 0.0001",
        "on the half that was searched: −6.00 points",
        "for example: p1, p9",
        "seen as: light: dusk; month: May; a: 1\n",
        "     [[slices]]  # n = 1,204",
        "– column 'id': too many values",
        "the half that was not searched",
    ):
        assert part in shown


def test_a_score_has_no_points():
    shown = finding_text.text({"int8": discovery(metric="brier", aim="brier")}, suite="leaves")
    assert "change −0.0521 (−0.0800 to −0.0310)" in shown


def test_names_cannot_steer_a_terminal_or_break_out_of_a_comment():
    found = {"int8\nx": discovery(name=HOSTILE + RTL, summary=HOSTILE)}
    shown = finding_text.text(found, suite="a\x1b[31m")
    assert all(line.isprintable() for line in shown.split("\n"))
    assert set(tomllib.loads(finding_text.toml(found, suite="a\nb = 1"))) == {"slices"}


def test_slices_of_two_models_are_declared_once():
    both = {"int8": discovery(), "pruned": discovery()}
    assert len(tomllib.loads(finding_text.toml(both, suite="leaves"))["slices"]) == 1


def test_open_limits_are_null_for_machines():
    change = Interval(estimate=-0.1, low=-math.inf, high=math.inf, level=0.95, method="t")
    one = discovery()
    made = finding_text.as_json({"int8": replace(one, findings=(replace(one.findings[0], change=change),))})
    assert json.loads(json.dumps(made, allow_nan=False))["int8"]["findings"][0]["change"]["low"] is None


def test_the_command_says_that_nothing_was_found(mine, capsys):
    (mine / "int8.csv").write_bytes((mine / "dense.csv").read_bytes())
    assert cli.main(["discover", "mine", "--out", "found.toml"]) == 0
    assert "mine · int8: nothing found" in capsys.readouterr().out
    assert tomllib.loads(Path("found.toml").read_text()) == {}
    assert cli.main(["discover", "mine", "--json", "--aim", "net", "--depth", "1"]) == 0
    found = json.loads(capsys.readouterr().out)["int8"]
    assert (found["aim"], found["depth"], found["findings"]) == ("net", 1, [])


def test_what_is_found_can_be_pasted_and_run(mine, capsys):
    """Every answer about photos at dusk is turned wrong: found, pasted, and then a slice that is flagged."""
    photos, recorded = (pd.read_csv(mine / name) for name in ("photos.csv", "int8.csv"))
    dusk = photos["light"] == "dusk"
    recorded.loc[dusk, "prediction"] = photos.loc[dusk, "leaf"].map({"healthy": "blight"}).fillna("healthy")
    recorded.to_csv(mine / "int8.csv", index=False)
    assert cli.main(["discover", "mine", "--out", "found.toml"]) == 0
    assert "1. light: dusk" in capsys.readouterr().out
    with (mine / "suite.toml").open("a", encoding="utf-8") as file:
        file.write("\n" + Path("found.toml").read_text() + SEARCH)
    assert cli.main(["run", "mine"]) == 1
    record = read_record(Path("paritygate-out/mine/int8/results.json"))
    assert {c.slice.where: c.flagged for c in record.comparisons}["light == 'dusk'"]
    assert record.discovery.findings[0].where == "light == 'dusk'"
    assert record.discovery.depth == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--aim", "harm"], "discover: aim: must be 'excess', 'net', 'losses'"),
        (["--aim", "mae"], "discover.aim: must be excess, net, losses, brier or log_loss for a classification"),
        (["--depth", "4"], "discover: depth: must be at most 3 (found 4)"),
        (["--compressed", "int4"], "--compressed: must be one of int8"),
        (["--out", "mine/suite.toml/f.toml"], "--out: must be a folder that can be written"),
        (["--out", "mine"], "--out: must be a file"),
    ],
)
def test_what_cannot_be_searched_is_one_message(mine, capsys, arguments, message):
    assert cli.main(["discover", "mine", *arguments]) in {2, 4}
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
