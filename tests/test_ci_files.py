"""What CI systems take from here: their schemas hold, and the shell in them does what it promises."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from validate.cli import main

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
GITLAB = (ROOT / "templates" / "paritygate.yml").read_text(encoding="utf-8")
DUSK = '\n[[slices]]\nname = "dusk"\nwhere = "light == \'dusk\'"\nguard = true\nmargin = 0.05\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a folder with a suite, and a `paritygate` on the path that is this checkout's."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "mine"]) == 0
    command = tmp_path / "bin" / "paritygate"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m validate.cli "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def break_suite():
    with Path("mine/suite.toml").open("a", encoding="utf-8") as file:
        file.write(DUSK)


def shell(script, **variables):
    """Run a step as the platform would: bash, failing at the first error."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=os.environ | variables, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def gate_step(folder, **inputs):
    """Run the action's gate; return the finished process and what it wrote for the workflow."""
    step = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "gate")
    given = {name: str(about.get("default", "")) for name, about in ACTION["inputs"].items()} | inputs
    variables = {}
    for variable, expression in step["env"].items():
        name = re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", expression)[1]
        variables[variable] = given[name]
    outputs, summary = folder / "outputs", folder / "summary"
    done = shell(
        step["run"], **variables, GITHUB_OUTPUT=str(outputs), GITHUB_STEP_SUMMARY=str(summary), GITHUB_ACTIONS="true"
    )
    found = dict(line.split("=", 1) for line in outputs.read_text().splitlines()) if outputs.exists() else {}
    return done, found, summary.read_text(encoding="utf-8") if summary.exists() else ""


def test_the_action_fits_its_schema():
    valid("vendor.github-actions", ROOT / "action.yml")


def test_the_gitlab_component_fits_its_schema(tmp_path):
    header, job = GITLAB.split("\n---\n")
    inputs = yaml.safe_load(header)["spec"]["inputs"]
    used = set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", job))
    assert used == set(inputs)
    values = {name: str(about.get("default", "suites/mine")).lower() for name, about in inputs.items()}
    file = tmp_path / "job.yml"
    file.write_text(re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: values[found[1]], job), encoding="utf-8")
    valid("vendor.gitlab-ci", file, "--data-transform", "gitlab-ci")


def valid(schema, file, *options):
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *options, str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_input_is_pasted_into_a_shell():
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_the_action_passes_and_publishes(folder):
    done, outputs, summary = gate_step(folder, suite="mine")
    assert done.returncode == 0, done.stderr
    assert outputs == {"verdict": "PASS", "exit-code": "0"}
    assert summary.startswith("# paritygate: mine") or "PASS" in summary
    assert (folder / "paritygate-evidence" / "report.html").is_file()


def test_the_action_fails_with_the_gate_and_annotates(folder):
    break_suite()
    done, outputs, summary = gate_step(folder, suite="mine", compressed="int8")
    assert done.returncode == 1
    assert outputs == {"verdict": "FAIL", "exit-code": "1"}
    assert "dusk" in summary
    told = re.search(
        r"^::error file=mine/suite\.toml,line=(\d+),title=int8%3A FAIL::non-inferiority: dusk", done.stdout, re.M
    )
    lines = (folder / "mine" / "suite.toml").read_text(encoding="utf-8").splitlines()
    assert told
    assert lines[int(told[1]) - 1 : int(told[1]) + 1] == ["[[slices]]", 'name = "dusk"']


def test_report_only_publishes_the_verdict_and_does_not_fail(folder):
    break_suite()
    done, outputs, _ = gate_step(folder, suite="mine", **{"report-only": "true"})
    assert (done.returncode, outputs["verdict"]) == (0, "FAIL")


def test_a_suite_that_cannot_be_read_is_an_error_with_its_exit_code(folder):
    done, outputs, _ = gate_step(folder, suite="mine; touch pwned")
    assert done.returncode == 2
    assert outputs == {"verdict": "ERROR", "exit-code": "2"}
    assert not (folder / "pwned").exists()


def test_the_gitlab_job_gates_and_tells_its_verdict(folder):
    break_suite()
    job = yaml.safe_load(re.sub(r"\$\[\[ inputs\.\w+ \]\]", "x", GITLAB.split("\n---\n")[1]))["paritygate"]
    done = shell(job["script"][1], SUITE="mine", OUT="evidence", REPORT_ONLY="false")
    assert done.returncode == 1
    assert (folder / "paritygate.env").read_text() == "PARITYGATE_VERDICT=FAIL\n"
    assert (folder / "evidence" / "junit.xml").is_file()


def test_the_pre_commit_hook_checks_suites(folder, capsys):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {"id", "name", "entry", "language", "files"} <= set(hook)
    assert re.search(hook["files"], "suites/mine/suite.toml")
    assert not re.search(hook["files"], "suites/mine/waivers.toml")
    program, command = hook["entry"].split()
    assert program == "paritygate"
    assert main([command, "mine/suite.toml"]) == 0
    Path("mine/suite.toml").write_text('suite = "x"\nseeds = 3\n', encoding="utf-8")
    capsys.readouterr()
    assert main([command, "mine/suite.toml"]) == 2
    assert "unknown key; did you mean 'seed'?" in capsys.readouterr().err
