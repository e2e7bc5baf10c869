"""What the README shows is what happens: its commands run, its output is theirs, its Python works."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from validate import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STARTER = (ROOT / "suites" / "starter" / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str = "") -> list[str]:
    fences = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    return [inside for kind, inside in fences if kind == language]


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """Give a folder in which the README's second section was followed, and what each run printed."""
    folder = tmp_path_factory.mktemp("readme")
    section = README.split("## Add a slice in five minutes")[1].split("\n## ")[0]
    commands = blocks(section)[0].splitlines()
    printed: list[tuple[int, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "80")
        printed += [_command(command) for command in commands]
        with Path("mysuite/suite.toml").open("a", encoding="utf-8") as file:
            file.write("\n" + blocks(section, "toml")[0])
        printed += [_command("paritygate plan mysuite"), _command("paritygate run mysuite")]
    return folder, printed


def _command(line: str) -> tuple[int, str]:
    name, *arguments = shlex.split(line)
    assert name == "paritygate"
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from validate.cli import main; sys.exit(main(sys.argv[1:]))", *arguments],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_the_second_section_is_what_a_newcomer_sees(workshop):
    _, (init, first, plan, second) = workshop
    assert init[0] == 0
    assert first[0] == 0
    assert plan[0] == 0
    assert second[0] == 1
    section = README.split("## Add a slice in five minutes")[1].split("\n## ")[0]
    _, passes, fails = blocks(section)
    assert words(passes) in words(first[1])
    assert words(fails) in words(second[1])
    assert "photos at dusk" in plan[1]


def test_the_starter_s_readme_adds_the_same_slice():
    section = README.split("## Add a slice in five minutes")[1]
    (starter,) = blocks(STARTER, "toml")
    readme = blocks(section, "toml")[0]
    assert [line.split("#")[0].split() for line in starter.splitlines()] == [
        line.split("#")[0].split() for line in readme.splitlines()
    ]


def test_the_predicates_of_the_starter_s_readme_can_be_read():
    from validate.predicates import parse

    shown = re.findall(r"`([^`]*(?:>|!=|startswith|is None)[^`]*)`", STARTER)
    assert len(shown) == 4
    for text in shown:
        parse(text, "README.md")


@pytest.mark.parametrize("code", blocks(README, "python"))
def test_the_python_blocks_run(workshop, code, monkeypatch, capsys):
    monkeypatch.chdir(workshop[0])
    exec(compile(code, "README.md", "exec"), {})
    assert "FAIL" in capsys.readouterr().out


def test_python_takes_at_most_five_lines_beside_imports():
    for code in blocks(README, "python"):
        assert len([line for line in code.splitlines() if line and not line.startswith(("from", "import"))]) <= 5


def test_the_commands_for_machines_without_make_are_those_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    plain = blocks(README.split("## Two commands")[1])[1]
    assert "install -q -c constraints.txt -e '.[dev]'" in makefile
    assert "install -c constraints.txt -e '.[dev]'" in plain
    for command in ("paritygate demo", 'python -m pytest -n auto --dist worksteal -m "not slow"'):
        assert f"$(BIN)/{command}" in makefile
        assert f".venv/bin/{command}" in plain


def test_links_lead_somewhere():
    for file in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
            assert "://" in target or (file.parent / target).exists(), f"{file.name}: {target}"


def test_the_exit_codes_are_those_of_the_code():
    from validate.errors import DataError, SuiteError

    told = dict(re.findall(r"^\| (\d+) \| (.*?) \|$", README, flags=re.MULTILINE))
    assert list(told) == ["0", "1", "2", "3", "4", "130"]
    assert told[str(SuiteError.exit_code)] == "wrong usage, suite or policy"
    assert told[str(DataError.exit_code)] == "could not be evaluated"
    assert told[str(cli.INTERRUPTED)] == "interrupted"
