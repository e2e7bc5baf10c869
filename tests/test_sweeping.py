"""`paritygate sweep` from the command line: what it prints and writes, and that it gates nothing."""

import json

import pytest

from tests.small_runs import small_suite_of
from tests.sweeps import example
from validate import cli, sweeping
from validate.errors import ModelError
from validate.report.sweep import render_sweep


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARITYGATE_CACHE", str(tmp_path / "cache"))
    loaded = small_suite_of(tmp_path / "small")
    text = loaded.path.read_text(encoding="utf-8")
    for name, level in (("good", 0.3), ("bad", 0.6)):
        text = text.replace(f'recorded = "{name}.csv"', f'recorded = "{name}.csv"\nseries = "cut"\nlevel = {level}')
    loaded.path.write_text(text, encoding="utf-8")
    return loaded


def test_a_sweep_writes_its_page_and_numbers_and_gates_nothing(suite, capsys, tmp_path):
    assert cli.main(["sweep", str(suite.folder), "--out", "swept"]) == 0
    shown = capsys.readouterr().out
    assert "cut: passes nowhere" in shown or "cut: passes up to" in shown
    assert "Nothing was gated" in shown
    assert "rank correlation over 10 slices" in " ".join(shown.split())
    numbers = json.loads((tmp_path / "swept" / "sweep.json").read_text(encoding="utf-8"))
    (series,) = numbers["series"]
    assert [rung["name"] for rung in series["rungs"]] == ["good", "bad"]
    (hurt,) = [one for one in series["slices"] if one["slice"] == "group: b"]
    assert (hurt["highest"], hurt["stopped"], hurt["outcome"]) == ("good", "bad", "FAIL")
    foretold = {(one["compressed"], one["predictor"]): one for one in numbers["correlations"]}
    assert set(foretold) == {("good", "training share"), ("bad", "training share")}  # labels give no more
    assert sorted(path.name for path in (tmp_path / "swept").iterdir()) == ["sweep.html", "sweep.json"]
    assert not list(tmp_path.rglob("attempts.jsonl"))  # the attempts of a sweep do not count


def test_json_is_one_object_with_the_same_numbers(suite, capsys, tmp_path):
    assert cli.main(["sweep", str(suite.folder), "--json", "--compressed", "good", "--no-forecast"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["correlations"] == []
    assert found["exit_code"] == 0
    assert [rung["name"] for one in found["series"] for rung in one["rungs"]] == ["good"]
    assert (tmp_path / found["out"] / "sweep.html").is_file()


def test_a_forecast_that_fails_loses_no_sweep_and_claims_on_cost_are_not_held(suite, capsys, monkeypatch, tmp_path):
    def fails(*_arguments, **_options):
        raise ModelError("model 'dense'", "cannot be differentiated")

    monkeypatch.setattr(sweeping, "of_suite", fails)
    with suite.path.open("a", encoding="utf-8") as file:
        file.write('\n[cost]\nseconds = 1\n[[claims]]\nclaim = "latency_p50"\nat_most_ratio = 0.5\n')
    assert cli.main(["sweep", str(suite.folder), "--out", "swept"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Not held here: 1 claim about what answers cost; a run holds them." in told
    assert "No forecast to compare with: model 'dense': cannot be differentiated" in told
    assert json.loads((tmp_path / "swept" / "sweep.json").read_text(encoding="utf-8"))["series"]
    assert "Not held here: 1 claim" in (tmp_path / "swept" / "sweep.html").read_text(encoding="utf-8")


def test_a_model_that_cannot_be_evaluated_is_said_and_exits_4(suite, capsys):
    (suite.folder / "bad.csv").write_text("id,prediction\nnowhere,no\n", encoding="utf-8")
    assert cli.main(["sweep", str(suite.folder)]) == 4
    assert "ERROR" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('series = "cut"\nlevel = 0.3', "level = 0.3", "needs a series"),
        ("level = 0.6", "level = 0.3", "has the same level and round"),
        ('recorded = "dense.csv"', 'recorded = "dense.csv"\nseries = "cut"', "belongs to a model of"),
        ("level = 0.6", "level = 1.5", "must be less than 1"),
    ],
)
def test_mistakes_in_the_suite_are_named(suite, old, new, rule, capsys):
    suite.path.write_text(suite.path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert cli.main(["sweep", str(suite.folder)]) == 2
    assert rule in capsys.readouterr().err


def test_the_page_shows_every_model_with_a_mark_for_those_with_a_size():
    page = render_sweep(example())
    for name in ("m30", "m50-r1", "m50", "m70", "int8", "odd", "broken"):
        assert f"<bdi>{name}</bdi>" in page
    assert "a round on the way" in page
    assert "passes beyond it: m70" in page
    assert "Fewer than 10 slices" in page
    assert "Rank correlation of each predictor" in page
    assert page.count('<path class="mark') == 10  # five with a size, on all examples and on the worst slice
