import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from validate import cli
from validate.places import suites_dir
from validate.stats.rates import wilson_interval

STARTER = suites_dir() / "starter"
DUSK = """
[[slices]]
name = "photos at dusk"
where = "light == 'dusk'"
guard = true
margin = 0.05
"""


def edit(suite: Path, old: str, new: str) -> None:
    file = suite / "suite.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_bare_command_shows_the_help(capsys):
    assert cli.main([]) == 2
    assert "Usage: paritygate" in capsys.readouterr().out


def test_help_names_every_command_in_one_whole_line_each(capsys):
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.split("Commands:")[1].splitlines() if line] == [
        "run", "plan", "discover", "sweep", "forecast", "edge-cases", "report", "verify", "sign", "decide", "history", "verdict", "check", "suites",
        "init", "schema", "demo",
    ]  # fmt: skip
    assert "..." not in out.split("Commands:")[1]


def test_version(capsys):
    from importlib.metadata import version

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"paritygate {version('paritygate')}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["judge"], "No such command 'judge'"),
        (["run"], "Missing argument 'SUITE'"),
        (["run", "starter", "--quick"], "No such option: --quick"),
        (["run", "nowhere"], "SUITE: must be a suite file"),
        (["run", "starter", "--compressed", "int4"], "--compressed: must be one of int8"),
        (["plan", "nowhere"], "SUITE: must be a suite file"),
    ],
)
def test_wrong_usage_exits_2_with_one_message(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_run_passes_and_writes_its_evidence(mine, capsys):
    assert cli.main(["run", "mine"]) == 0
    out = capsys.readouterr().out
    assert "int8: PASS" in out
    assert "Report: paritygate-out/mine/report.html" in out
    written = {path.name for path in Path("paritygate-out/mine").rglob("*") if path.is_file()}
    assert {"report.html", "summary.md", "junit.xml", "results.json", "slices.parquet", "rows.parquet"} <= written


def test_a_guarded_slice_that_loses_too_much_fails_the_run(mine, capsys):
    with (mine / "suite.toml").open("a", encoding="utf-8") as file:
        file.write(DUSK)
    assert cli.main(["run", "mine"]) == 1
    assert "photos at dusk" in capsys.readouterr().out
    assert Path("paritygate-out/mine/int8/results.json").is_file()


def test_a_guarded_slice_that_is_too_small_is_inconclusive(mine):
    with (mine / "suite.toml").open("a", encoding="utf-8") as file:
        file.write("\n[[slices]]\nname = 'maize'\nwhere = \"crop == 'maize'\"\nguard = true\n")
    assert cli.main(["run", "mine"]) == 3


def test_report_only_writes_the_same_evidence_and_exits_0(mine, capsys):
    with (mine / "suite.toml").open("a", encoding="utf-8") as file:
        file.write(DUSK)
    assert cli.main(["run", "mine", "--report-only", "--out", "evidence"]) == 0
    assert "int8: FAIL" in capsys.readouterr().out
    record = json.loads(Path("evidence/int8/results.json").read_bytes())
    assert record["run"]["report_only"] is True
    assert record["verdict"]["exit_code"] == 1


def test_json_is_one_object_and_nothing_else(mine, capsys):
    assert cli.main(["run", "mine", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == 0
    assert told["out"] == "paritygate-out/mine"
    assert [(model["name"], model["verdict"], model["reasons"]) for model in told["compressed"]] == [
        ("int8", "PASS", [])
    ]


def test_the_record_holds_the_command(mine):
    assert cli.main(["run", "mine", "--compressed", "int8", "--out", "x"]) == 0
    record = json.loads(Path("x/int8/results.json").read_bytes())
    assert record["run"]["command"] == "paritygate run mine --compressed int8"


def test_a_report_is_made_again_from_the_evidence_alone(mine):
    assert cli.main(["run", "mine"]) == 0
    out = Path("paritygate-out/mine")
    before = {name: (out / name).read_bytes() for name in ("report.html", "summary.md", "junit.xml")}
    for name in before:
        (out / name).unlink()
    for file in mine.iterdir():
        file.unlink()
    assert cli.main(["report", str(out)]) == 0
    assert {name: (out / name).read_bytes() for name in before} == before


def test_a_report_needs_evidence(tmp_path, capsys):
    assert cli.main(["report", str(tmp_path)]) == 4
    assert "must hold the evidence of a run" in capsys.readouterr().err
    (tmp_path / "int8").mkdir()
    (tmp_path / "int8" / "results.json").write_text("{")
    assert cli.main(["report", str(tmp_path)]) == 4
    assert "is not an evidence record" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_data_that_cannot_be_read_exits_4_and_leaves_nothing(mine, capsys):
    (mine / "photos.csv").unlink()
    assert cli.main(["run", "mine"]) == 4
    assert "photos.csv" in capsys.readouterr().err
    assert not Path("paritygate-out").exists()


def test_predictions_that_do_not_pair_exit_4_with_the_evidence(mine, capsys):
    (mine / "int8.csv").write_text("photo,prediction\nnobody,rust\n", encoding="utf-8")
    assert cli.main(["run", "mine"]) == 4
    assert "int8: ERROR" in capsys.readouterr().out
    assert Path("paritygate-out/mine/report.html").is_file()


def test_a_folder_that_cannot_be_written_is_found_before_the_models_run(mine, capsys):
    Path("taken").write_text("a file", encoding="utf-8")
    assert cli.main(["run", "mine", "--out", "taken/below"]) == 4
    assert "--out: must be a folder that can be written" in capsys.readouterr().err


def test_a_bad_policy_exits_2(mine, capsys):
    edit(mine, "margin = 0.02 ", "margin = 0.0 ")
    assert cli.main(["run", "mine"]) == 2
    assert "gate.margin" in capsys.readouterr().err


def test_the_plan_runs_no_model(mine, capsys):
    (mine / "int8.csv").unlink()
    (mine / "dense.csv").unlink()
    assert cli.main(["plan", "mine"]) == 0
    assert "label: rust" in capsys.readouterr().out
    assert cli.main(["plan", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["slice"]["name"] == "all"


def test_the_shipped_suites_are_listed(capsys):
    assert cli.main(["suites"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "census_income",
        "fashion_images",
        "news_topics",
        "starter",
    ]


@pytest.mark.parametrize("which", [[], ["--results"]])
def test_a_schema_is_valid_and_fits(which, capsys):
    import tomllib

    import jsonschema

    assert cli.main(["schema", *which]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    if not which:
        suite = tomllib.loads((STARTER / "suite.toml").read_text(encoding="utf-8"))
        jsonschema.validate(suite, schema)


def test_init_writes_a_suite_under_its_own_name(mine):
    assert 'suite = "mine"' in (mine / "suite.toml").read_text(encoding="utf-8")
    assert sorted(path.name for path in mine.iterdir()) == [
        "README.md", "dense.csv", "int8.csv", "photos.csv", "suite.toml",
    ]  # fmt: skip


def test_init_leaves_what_is_there_alone(mine, capsys):
    (mine / "suite.toml").write_text("mine", encoding="utf-8")
    assert cli.main(["init", "mine"]) == 2
    assert "must not exist yet" in capsys.readouterr().err
    assert (mine / "suite.toml").read_text(encoding="utf-8") == "mine"
    Path("empty").mkdir()
    assert cli.main(["init", "empty"]) == 0
    assert cli.main(["init", "mine/suite.toml/below"]) == 4


def test_a_crash_is_one_line_with_a_file_and_never_a_verdict(mine, capsys, monkeypatch):
    import validate.pipeline

    def crash(*_args, **_options):
        raise ZeroDivisionError("by nobody")

    monkeypatch.setattr(validate.pipeline, "evaluate", crash)
    assert cli.main(["run", "mine"]) == 4
    err = capsys.readouterr().err
    assert err.startswith("paritygate: unexpected: ZeroDivisionError: by nobody (traceback: ")
    assert len(err.splitlines()) == 1
    kept = Path(err.strip().removesuffix(")").rsplit(" ", 1)[1])
    assert "by nobody" in kept.read_text(encoding="utf-8")
    kept.unlink()


@pytest.mark.parametrize("left", [SystemExit(0), SystemExit("done")])
def test_code_that_exits_by_itself_is_no_pass(mine, capsys, monkeypatch, left):
    import validate.pipeline

    def leave(*_args, **_options):
        raise left

    monkeypatch.setattr(validate.pipeline, "evaluate", leave)
    assert cli.main(["run", "mine"]) == 4
    Path(capsys.readouterr().err.strip().removesuffix(")").rsplit(" ", 1)[1]).unlink()


def test_an_interrupted_import_that_surfaces_as_another_error_is_an_interruption(mine, monkeypatch):
    import validate.pipeline

    def interrupted(*_args, **_options):
        raise ImportError("numpy._core failed") from KeyboardInterrupt()

    monkeypatch.setattr(validate.pipeline, "evaluate", interrupted)
    assert cli.main(["run", "mine"]) == 130


def _interrupted(process):
    """Press Ctrl-C, and again as a person would: a package that is being imported may take the first for its own."""
    for _ in range(6):
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=10)[1]
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("it went on after six interruptions")


@pytest.mark.parametrize("wait", [0.3, 1.0, 2.0])
def test_ctrl_c_exits_130_and_leaves_nothing_half_written(tmp_path, wait):
    script = "import sys; from validate import cli; print('ready', flush=True); cli.command()"
    command = [sys.executable, "-c", script, "run", "census_income", "--out", str(tmp_path / "out")]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout.readline().strip() == b"ready"  # Python itself cannot be interrupted with grace
        time.sleep(wait)
        err = _interrupted(process)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_pipe_with_few_letters_loses_no_verdict(mine):
    done = subprocess.run(
        [sys.executable, "-m", "validate.cli", "run", str(mine.absolute())],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    assert b"int8: PASS" in done.stdout


def test_the_demo_exits_0_and_tells_each_exit_code(mine, monkeypatch, capsys):
    """The real demo is `make demo`; here the starter stands in for the census."""
    from validate import commands

    with (mine / "suite.toml").open("a", encoding="utf-8") as file:
        file.write(DUSK)
    monkeypatch.setattr(commands, "DEMO", "mine")
    assert cli.main(["demo"]) == 0
    assert capsys.readouterr().out.endswith("exits with:\n  1  int8\n")
    (mine / "int8.csv").write_text("photo,prediction\nnobody,rust\n", encoding="utf-8")
    assert cli.main(["demo"]) == 4


def test_the_plan_takes_churn_as_given_or_from_an_earlier_run(mine, capsys):
    def planned(*options):
        assert cli.main(["plan", "mine", "--json", *options]) == 0
        return json.loads(capsys.readouterr().out)

    assert (planned()["churn"], planned()["churn_source"]) == (0.02, "assumed")
    assert planned("--churn", "0.1")["churn"] == 0.1
    assert planned("--churn", "0.1")["power"] < planned()["power"]
    cli.main(["run", "mine", "--report-only", "--out", "earlier"])
    capsys.readouterr()
    record = json.loads(next(Path("earlier").glob("*/results.json")).read_text(encoding="utf-8"))
    counts = record["comparisons"][0]["counts"]
    seen = planned("--from", "earlier")
    assert seen["churn"] == wilson_interval(counts["gains"] + counts["losses"], sum(counts.values())).high[0]
    assert "earlier" in seen["churn_source"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--churn", "0"], "--churn: must be more than 0 and less than 1"),
        (["--churn", "1.5"], "--churn: must be more than 0"),
        (["--churn", "nan"], "--churn: must be more than 0"),
        (["--churn", "0.1", "--from", "x"], "--churn: is either given or taken from an earlier run"),
        (["--from", "nowhere"], "must hold the evidence of a run"),
    ],
)
def test_churn_that_cannot_be_is_refused(mine, capsys, options, message):
    assert cli.main(["plan", "mine", *options]) != 0
    assert message in capsys.readouterr().err
