"""Images that people collected: in a folder by class or named in a table, read strictly, never lost in silence."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.edge_cases.folder import photos
from tests.test_images import MODELS, SUITE
from validate import cli
from validate.data import load_dataset
from validate.edge_cases.build import build_edge_cases
from validate.errors import DataError
from validate.outcome import Outcome
from validate.pipeline import run
from validate.suite_file import load_suite

BASE = SUITE.partition("[[edge_cases]]")[0]
FOLDER = '[[edge_cases]]\ncurated = "hard"\nwhy = "complaints of spring"\n'
TABLE = '[[edge_cases]]\ncurated = "cases.csv"\n'
CASES = (
    "file,image,label,why,from\na,hard/light/dim.png,light,dim but light,ticket 4\nb,hard/dark/b.png,dark,plain,me\n"
)


def saved(path, level, size=(10, 8), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level).save(path)


@pytest.fixture
def folder(tmp_path):
    photos(tmp_path)
    saved(tmp_path / "hard" / "light" / "dim.png", 134)  # between the two models' thresholds
    saved(tmp_path / "hard" / "light" / "bright.png", 250)
    saved(tmp_path / "hard" / "dark" / "b.png", 3)
    (tmp_path / "hard" / "README.md").write_text("Collected by hand.")
    (tmp_path / "models.py").write_text(MODELS)
    return tmp_path


def suite(folder, edge_cases):
    (folder / "suite.toml").write_text(BASE + edge_cases)
    return load_suite(folder)


def built(folder, edge_cases):
    loaded = suite(folder, edge_cases)
    edge = build_edge_cases(loaded, load_dataset(loaded))
    assert edge is not None
    return edge


def test_a_folder_is_a_set_whose_labels_are_its_sub_folders(folder):
    edge = built(folder, FOLDER)
    assert edge.dataset.ids.tolist() == ["hard/dark/b.png", "hard/light/bright.png", "hard/light/dim.png"]
    assert edge.dataset.labels.tolist() == [0, 1, 1]
    assert edge.remarks[0] == "complaints of spring (hard: dark/b.png)"
    assert [image.max() for image in edge.dataset.rows(0, 3)["image"]] == [3, 250, 134]


def test_a_table_names_images_with_the_reason_for_each(folder):
    (folder / "cases.csv").write_text(CASES)
    edge = built(folder, TABLE)
    assert edge.dataset.ids.tolist() == ["cases.csv/a", "cases.csv/b"]
    assert edge.remarks[0] == "dim but light (ticket 4)"
    assert [image.max() for image in edge.dataset.rows(0, 2)["image"]] == [134, 3]


@pytest.mark.parametrize("edge_cases", [FOLDER, TABLE])
def test_an_image_that_must_not_be_lost_fails_the_release(folder, edge_cases):
    (folder / "cases.csv").write_text(CASES)
    (record,) = run(suite(folder, edge_cases + "must_not_lose = true\n"))
    check = next(check for check in record.checks if "must not lose" in check.id)
    assert check.outcome is record.verdict.outcome is Outcome.FAIL
    assert check.numbers["lost"] == 1


@pytest.mark.parametrize("edge_cases", [FOLDER, TABLE])
def test_another_image_in_its_place_is_another_set(folder, edge_cases):
    (folder / "cases.csv").write_text(CASES)
    before = built(folder, edge_cases).dataset.fingerprint
    saved(folder / "hard" / "light" / "dim.png", 135)
    assert built(folder, edge_cases).dataset.fingerprint != before


def truncated(file):
    held = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (8, 10), dtype=np.uint8)).save(held, "PNG")
    file.write_bytes(held.getvalue()[:60])


def broken(folder, how):
    """Break the folder in one way."""
    dim, base = folder / "hard" / "light" / "dim.png", folder / "hard"
    match how:
        case "size":
            saved(dim, 134, size=(9, 8))
        case "colour":
            saved(dim, (1, 2, 3), mode="RGB")
        case "mode":
            saved(dim, 0, mode="1")
        case "truncated":
            truncated(dim)
        case "label":
            saved(base / "grey" / "g.png", 7)
        case "no image":
            (base / "light" / "c.heic").write_text("no image")
        case "no class":
            saved(base / "loose.png", 7)
        case "twice":
            saved(base / "light" / "again.png", 134)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("size", "hard: light/dim.png: must be 10 × 8 grey, as the first image is (found '9 × 8 grey')"),
        ("colour", "hard: light/dim.png: must be 10 × 8 grey, as the first image is (found '10 × 8 colour')"),
        ("mode", 'hard: light/dim.png: must be grey or colour of eight bits (mode "L" or "RGB")'),
        ("truncated", "hard: light/dim.png: could not be read as an image"),
        ("label", "hard: column 'label', row 2: must be among data.classes ['dark', 'light'] (found 'grey')"),
        ("no image", "hard: each file is an image in the sub-folder of its class"),
        ("no class", "(found 'loose.png')"),
        ("twice", "repeats an earlier case"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused_through_the_command_line(folder, capsys, how, message):
    broken(folder, how)
    suite(folder, FOLDER)
    assert cli.main(["run", str(folder), "--out", str(folder / "out")]) == 4
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hard/light/dim.png", "../secret.png", "../secret.png: an image that a table names must lie in the table's"),
        ("hard/light/dim.png", "/etc/passwd", "/etc/passwd: an image that a table names must lie in"),
        ("hard/light/dim.png", "hard/none.png", "cases.csv: hard/none.png: there is no such file"),
        ("a,hard/light/dim.png,light", "a,hard/light/dim.png,lite", "row 1: must be among data.classes"),
        ("file,image,label,why,from\na", "source,image,label,why,from\na", "row 1: is no id of the data (found 'a')"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_through_the_command_line(folder, capsys, old, new, message):
    saved(folder.parent / "secret.png", 9)
    (folder / "cases.csv").write_text(CASES.replace(old, new))
    suite(folder, TABLE)
    assert cli.main(["run", str(folder), "--out", str(folder / "out")]) == 4
    assert message in capsys.readouterr().err


def test_data_may_not_name_images_elsewhere_either(folder):
    saved(folder / "secret.png", 9)
    (folder / "inner").mkdir()
    (folder / "inner" / "data.csv").write_text("file,label,image\na,dark,../../secret.png\n")
    loaded = suite(folder, "")
    (folder / "suite.toml").write_text(BASE.replace('path = "photos"', 'path = "inner/data.csv"'))
    loaded = load_suite(folder)
    with pytest.raises(DataError, match="must lie in the table's folder, or below it"):
        load_dataset(loaded)


def test_a_folder_says_why_once_and_a_table_for_each(folder):
    with pytest.raises(DataError, match="does not say why they matter: add why"):
        built(folder, '[[edge_cases]]\ncurated = "hard"\n')
    (folder / "cases.csv").write_text(CASES)
    with pytest.raises(DataError, match="has a column 'why', so that the set has no why of its own"):
        built(folder, TABLE + 'why = "complaints"\n')
    (folder / "cases.csv").write_text(CASES.replace("why,", "").replace("dim but light,", "").replace("plain,", ""))
    assert built(folder, TABLE + 'why = "complaints"\n').remarks[1] == "complaints (me)"
