import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from tests import samples
from validate import planning, terminal
from validate.gate import verdict_text
from validate.places import suites_dir
from validate.suite_file import load_suite

REPORT = Path("out/report.html")


def shown(records, width=100, **options):
    screen = Console(width=width, file=io.StringIO(), highlight=False, markup=False, emoji=False, **options)
    screen.print(terminal.summary(records, report=REPORT, width=width))
    return screen.file.getvalue()


def test_each_model_has_its_verdict_change_and_worst_slice():
    text = shown([samples.passing(), samples.failing()])
    row = next(line for line in text.splitlines() if line.startswith(" pruned-95"))
    assert "FAIL" in row
    assert "−0.60" in row
    assert "label: 50000+." in row
    assert "2 slices" in row
    assert "−0.70 to −0.50" in text
    assert "Report: out/report.html" in text


@pytest.mark.parametrize("status", samples.of_every_status())
def test_every_status_says_its_verdict_in_words(status):
    record = samples.of_every_status()[status]
    assert f"{verdict_text(record.verdict.outcome, record.verdict.waived)} ·" in shown([record])


@pytest.mark.parametrize("width", [40, 60, 75, 76, 80, 88, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(width):
    text = shown(list(samples.of_every_status().values()), width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert text.count("INCONCLUSIVE") >= 2
    assert "too small" in text or "small" in text


def test_where_nothing_was_evaluated_no_number_is_shown():
    text = shown([samples.error()])
    row = next(line for line in text.splitlines() if "ERROR" in line)
    assert row.split() == ["int8", "ERROR", "–", "–", "–", "–"]


def test_a_pipe_gets_no_colour_and_a_terminal_does():
    assert "\x1b" not in shown([samples.failing()])
    assert "\x1b[1;31mFAIL" in shown([samples.failing()], force_terminal=True, color_system="standard")


def test_names_cannot_drive_the_terminal():
    text = shown([samples.hostile()])
    assert all(c.isprintable() or c == "\n" for c in text)
    assert terminal.printable("a\x1b[31m\r\u202eb") == "a�[31m��b"


def test_many_reasons_are_cut_and_counted():
    from dataclasses import replace

    record = samples.failing()
    verdict = replace(record.verdict, reasons=tuple(f"reason {i}" for i in range(9)))
    text = shown([replace(record, verdict=verdict)])
    assert "reason 3" in text
    assert "reason 4" not in text
    assert "and 5 more, in the report" in text


@pytest.fixture(scope="module")
def starter_plan():
    return planning.plan(load_suite(suites_dir() / "starter"))


@pytest.mark.parametrize("width", [80, 120])
def test_the_plan_says_what_is_too_small(starter_plan, width):
    screen = Console(width=width, file=io.StringIO(), highlight=False, markup=False, emoji=False)
    screen.print(terminal.plan(starter_plan, width=width))
    text = screen.file.getvalue()
    assert "no: needs 189" in text
    assert "And 8 intersections" in text
    assert "where = \"crop == 'maize'\"\nguard = true\nmargin = 0.049" in text
    assert ("leaf-0001" in text) == (width == 120)


def test_the_plan_s_offers_can_be_pasted(starter_plan, tmp_path):
    import shutil

    offer = next(row for row in starter_plan.rows if row.slice.name == "crop: maize").suggestion
    shutil.copytree(suites_dir() / "starter", tmp_path / "pasted")
    with (tmp_path / "pasted" / "suite.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{offer}")
    rows = planning.plan(load_suite(tmp_path / "pasted")).rows
    pasted = next(row for row in rows if row.slice.name == "guarded crop: maize")
    assert pasted.slice.guard
    assert pasted.slice.n >= pasted.n_smallest


def test_a_reader_that_goes_away_changes_nothing():
    code = "from validate.terminal import console; console().print('x\\n' * 100_000)"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "80"},
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_the_bar_counts_what_is_done():
    screen = Console(file=io.StringIO(), force_terminal=True, width=80)
    with terminal.Bar(screen).stage("int8", 10) as advance:
        advance(4)
        advance(6)
    assert "10/10" in screen.file.getvalue()


def test_the_plan_tells_what_all_guarded_slices_need_together(starter_plan):
    screen = terminal.console()
    with screen.capture() as shown:
        screen.print(terminal.plan(starter_plan, width=120))
    text = " ".join(shown.get().split())
    guarded = [row for row in starter_plan.rows if row.slice.guard]
    assert f"All {len(guarded)} guarded slices PASS together, if nothing changed" in text
    assert "2 % of the examples (assumed)" in text
    short = [row for row in guarded if row.n_together > row.slice.n]
    assert all(f"needs {row.n_together:,} (has {row.slice.n:,})" in text for row in short[:5])
    assert starter_plan.power <= min(row.power for row in guarded)
