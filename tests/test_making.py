"""Models that a sweep makes itself: in order, in files that the suite's own factory takes, and never in the suite."""

import json
import tomllib

import pytest
import torch

from tests.small_torch import small_torch_suite
from validate import cli
from validate.compressors import recipes
from validate.runners import open_runner


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_torch_suite(tmp_path_factory.mktemp("tiny")).folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARITYGATE_CACHE", str(tmp_path / "cache"))


def swept(folder, *arguments, capsys):
    code = cli.main(["sweep", str(folder), "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_levels_and_schemes_are_made_and_judged_in_one_command(folder, capsys, tmp_path):
    before = sorted(path.name for path in folder.iterdir())
    code, found = swept(
        folder, "--method", "magnitude", "--levels", "60,30", "--scheme", "int8-dynamic, int4-weights", "--out", "out",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    rungs = [rung for one in found["series"] for rung in one["rungs"]]
    assert [rung["name"] for rung in rungs] == ["magnitude-30", "magnitude-60", "int8-dynamic", "int4-weights-g32"]
    assert [rung["level"] for rung in rungs] == [0.3, 0.6, None, None]
    assert rungs[0]["nonzeros"] == pytest.approx(34 + 192 * 0.7, abs=1)
    assert all(rung["everything"] for rung in rungs)
    assert sorted(path.name for path in folder.iterdir()) == before
    tables = tomllib.loads((tmp_path / "out" / "models.toml").read_text(encoding="utf-8"))["models"]["compressed"]
    assert list(tables) == [rung["name"] for rung in rungs]
    again = (folder / "suite.toml").read_text(encoding="utf-8") + (tmp_path / "out" / "models.toml").read_text()
    (folder.parent / "pasted").mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.is_file():
            (folder.parent / "pasted" / path.name).write_bytes(path.read_bytes())
    (folder.parent / "pasted" / "suite.toml").write_text(again, encoding="utf-8")
    assert cli.main(["run", str(folder.parent / "pasted"), "--compressed", "magnitude-30", "--report-only"]) == 0


def test_rounds_are_kept_and_tuned(folder, capsys, tmp_path):
    text = (folder / "suite.toml").read_text(encoding="utf-8")
    other = folder.parent / "tuned"
    other.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (other / path.name).write_bytes(path.read_bytes())
    (other / "suite.toml").write_text(f'{text}\n[sweep]\ntune = "models.py:tune"\n', encoding="utf-8")
    code, found = swept(other, "--method", "layer", "--levels", "75", "--rounds", "2", "--out", "out", capsys=capsys)
    assert code == 0
    (series,) = found["series"]
    names = [(rung["name"], rung["round"], rung["counted"]) for rung in series["rungs"]]
    assert names == [("layer-75-round-1", 1, False), ("layer-75", 2, True)]
    dense = open_runner_of(other)
    last = torch.load(tmp_path / "out" / "models" / "layer-75.pt", weights_only=True)
    assert torch.allclose(last["0.bias"], dense.state_dict()["0.bias"] + 0.002)
    assert (last["0.weight"] == 0).float().mean().item() == pytest.approx(0.75)


def open_runner_of(folder):
    from validate.suite_file import load_suite

    return open_runner(
        load_suite(folder).suite.models.dense, name="dense", loaded=load_suite(folder), classes=("no", "yes")
    ).model


def test_neurons_are_really_removed_and_kept_as_programs(folder, capsys):
    code, found = swept(folder, "--method", "neurons", "--levels", "50", "--rounds", "2", capsys=capsys)
    assert code == 0
    rungs = found["series"][0]["rungs"]
    assert [rung["nonzeros"] for rung in rungs] == [22 * 7 + 2, 16 * 7 + 2]


def test_random_is_decided_by_the_suites_seed(folder, capsys):
    found = [swept(folder, "--method", "random", "--levels", "40", capsys=capsys)[1]["series"] for _ in range(2)]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["--method", "magnitude"], "needs it"),
        (["--levels", "30"], "belongs to --method"),
        (["--method", "magnitud", "--levels", "30"], "did you mean 'magnitude'"),
        (["--method", "magnitude", "--levels", "30,x"], "must be percentages"),
        (["--method", "magnitude", "--levels", "100"], "must be percentages"),
        (["--rounds", "2", "--scheme", "int8-weights"], "belongs to --method"),
        (["--scheme", "int3"], "must be one of int8-dynamic"),
        (["--scheme", "int8-weights", "--group", "8"], "belongs to --scheme int4-weights"),
    ],
)
def test_options_that_do_not_fit_are_named(folder, arguments, rule, capsys, tmp_path):
    assert cli.main(["sweep", str(folder), *arguments]) == 2
    assert rule in capsys.readouterr().err
    assert not (tmp_path / "paritygate-out").exists()


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["--method", "heads", "--levels", "50"], "no attention"),
        (["--scheme", "int4-weights", "--group", "7"], "no linear"),
    ],
)
def test_methods_that_the_model_does_not_fit_exit_4(folder, arguments, rule, capsys):
    assert cli.main(["sweep", str(folder), *arguments]) == 4
    assert rule in capsys.readouterr().err


def test_only_a_torch_module_can_be_compressed(capsys, tmp_path):
    from tests.small_runs import small_suite_of

    small_suite_of(tmp_path / "small")
    assert cli.main(["sweep", str(tmp_path / "small"), "--scheme", "int8-weights"]) == 2
    assert "must be a torch module" in capsys.readouterr().err


def test_zero_heads_stay_zero_when_the_rest_is_trained_on():
    from tests.test_heads import bert
    from validate.compressors.heads import attentions, strengths

    def tune(model, _at):
        with torch.no_grad():
            for p in model.parameters():
                p.add_(0.01)

    made = recipes.METHODS["heads"](bert(), 0.5, 0, tune=tune)
    assert [(strengths(layer) == 0).sum().item() for layer in attentions(made)] == [2, 2]
