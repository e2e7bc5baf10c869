"""What does not fit is told through the command line: place, rule and value, an exit code, no traceback, no report."""

import pandas as pd
import pytest
from PIL import Image

from tests.edge_cases.folder import photos, tiny
from tests.test_images import MODELS, SUITE
from validate import cli

CURATED = '[[edge_cases]]\ncurated = "cases.csv"\n'
CASES = "source,income,truth,why,from\np3,5,no,nearly no income,me\n"
TYPOS = '[[edge_cases]]\nkind = "typos"\nexamples = 40\nseverity = [5]\n'


def told(folder, capsys, command, code) -> str:
    """What the command says on standard error, with this exit code; nothing is written."""
    out = folder / "out"
    extra = ["--out", str(out)] if command == "run" else []
    assert cli.main([command, str(folder), *extra]) == code
    assert not out.exists()
    message = capsys.readouterr().err
    assert "Traceback" not in message
    return message


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "typos"', "edge_cases[0].kind: is a kind for text: name the column in data.text"),
        ('kind = "fog"', "edge_cases[0].kind: is a kind for images: name the column in data.image"),
        ('kind = "noise"\nseverity = [0]', "edge_cases[0].severity[0]: must be at least 1 (found 0)"),
        ('kind = "noise"\nseverity = [1, 6]', "edge_cases[0].severity[1]: must be at most 5 (found 6)"),
        ('attack = "pgd"\nepsilon = -1', "edge_cases[0].epsilon: must be more than 0 (found -1"),
    ],
)
def test_a_suite_that_says_something_else_is_refused_before_the_data_are_read(tmp_path, capsys, command, text, message):
    tiny(tmp_path, "")
    with (tmp_path / "suite.toml").open("a") as suite:
        suite.write(f"[[edge_cases]]\n{text}\n")
    (tmp_path / "data.csv").unlink()
    assert message in told(tmp_path, capsys, command, 2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("no,nearly", "never,nearly", "cases.csv: column 'truth', row 1: must be among data.classes ['no', 'yes']"),
        ("p3,", "p999999,", "cases.csv: column 'source', row 1: is no id of the data (found 'p999999')"),
        (CASES, "", "cases.csv: the file is empty"),
    ],
)
def test_curated_cases_that_do_not_fit_are_refused(tmp_path, capsys, old, new, message):
    (tmp_path / "cases.csv").write_text(CASES.replace(old, new))
    tiny(tmp_path, CURATED)
    assert message in told(tmp_path, capsys, "run", 4)


def test_a_missing_table_of_cases_is_named(tmp_path, capsys):
    tiny(tmp_path, CURATED)
    assert "cases.csv: there is no such file" in told(tmp_path, capsys, "run", 4)


def texts(folder, edge_cases):
    """The tiny suite, whose models read a text: one of them is empty, one is missing, one has a megabyte."""
    tiny(folder, "")
    frame = pd.read_csv(folder / "data.csv").astype({"word": object})
    frame.loc[:2, "word"] = ["", None, "word " * 200_000]
    frame.to_parquet(folder / "data.parquet")
    file = folder / "suite.toml"
    named = file.read_text().replace('path = "data.csv"', 'path = "data.parquet"\ntext = "word"', 1)
    file.write_text(named.replace('[[slices]]\nby = ["word"]\n', "", 1) + edge_cases)


def test_texts_that_are_empty_missing_or_a_megabyte_are_judged_and_shown(tmp_path, capsys):
    texts(tmp_path, TYPOS.replace("examples = 40\n", "examples = 3\nwhere = \"id in ['p0', 'p1', 'p2']\"\n"))
    out = tmp_path / "out"
    assert cli.main(["run", str(tmp_path), "--out", str(out), "--report-only"]) == 0
    rows = pd.read_parquet(out / "small" / "edge_rows.parquet")
    assert set(rows["source"]) == {"p0", "p1", "p2"}
    assert (out / "report.html").stat().st_size < 2_000_000
    sheet = tmp_path / "sheet.html"
    assert cli.main(["edge-cases", str(tmp_path), "--out", str(sheet)]) == 0
    page = sheet.read_text(encoding="utf-8")
    assert len(page) < 100_000
    assert "(empty)" in page
    assert "(missing)" in page
    capsys.readouterr()


@pytest.mark.parametrize(
    ("image", "content", "message"),
    [
        (("L", (4, 4)), None, "light/7.png: must be 10 × 8 grey, as the first image is (found '4 × 4 grey')"),
        (("RGB", (10, 8)), None, "light/7.png: must be 10 × 8 grey, as the first image is (found '10 × 8 colour')"),
        (("RGBA", (10, 8)), None, "light/7.png: must be grey or colour of eight bits"),
        (("L", (10, 8)), b"\x89PNG\r\n\x1a\n", "light/7.png: could not be read as an image"),
    ],
)
def test_an_image_of_the_data_that_does_not_fit_is_named(tmp_path, capsys, image, content, message):
    photos(tmp_path)
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "suite.toml").write_text(SUITE)
    bad = tmp_path / "photos" / "light" / "7.png"
    Image.new(*image).save(bad)
    if content is not None:
        bad.write_bytes(content)
    assert message in told(tmp_path, capsys, "run", 4)
