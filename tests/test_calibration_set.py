"""A calibration set against the suite's slices: absent, rare, or of the test set itself; and it never gates."""

from dataclasses import replace

import pandas as pd
import pytest

from tests.small_runs import small_suite_of
from validate import cli
from validate.calibration_set import KIND, calibration_notes
from validate.data import load_dataset
from validate.errors import ModelError
from validate.exports.files import write
from validate.pipeline import evaluate
from validate.report.sweep import render_sweep
from validate.report.sweep_facts import calibration_lines
from validate.slicing import build_membership
from validate.suite_file import load_suite
from validate.sweep import sweep
from validate.verification import verify


def with_calibration(folder, frame, name="calibration.csv"):
    loaded = small_suite_of(folder)
    frame.to_csv(folder / name, index=False)
    text = loaded.path.read_text(encoding="utf-8")
    text = text.replace('recorded = "good.csv"', f'recorded = "good.csv"\ncalibration = "{name}"')
    loaded.path.write_text(
        text.replace('by = ["group", "size"]', 'by = ["group", "size"]\nguard = ["b"]'), encoding="utf-8"
    )
    return load_suite(folder)


def notes(loaded, name="good"):
    dataset = load_dataset(loaded)
    return calibration_notes(name, loaded, dataset, build_membership(dataset, loaded.suite))


def test_slices_absent_from_it_and_rare_in_it_are_named(tmp_path):
    frame = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 3, "size": [1] * 30 + [3] * 13})
    found = notes(with_calibration(tmp_path / "s", frame))
    assert [(note.kind, note.slice, note.text) for note in found] == [
        (KIND, "group: b", "rare in, with 3 examples, the 43 examples of calibration"),
        (KIND, None, "absent among the 43 examples of calibration: group: c <b> and size: 2"),
    ]  # "large a" has 10, by its predicate on both columns
    assert notes(load_suite(tmp_path / "s"), "bad") == ()


def test_a_guarded_slice_that_is_absent_is_said_by_itself(tmp_path):
    (note, *_) = notes(with_calibration(tmp_path / "s", pd.DataFrame({"group": ["a"] * 50})))
    assert (note.slice, note.text) == ("group: b", "absent from the 50 examples of calibration")


def test_ids_are_looked_up_in_the_data_and_that_is_said(tmp_path):
    loaded = with_calibration(tmp_path / "s", pd.DataFrame({"id": [f"x{i}" for i in range(600)]}))
    first, *others = notes(loaded)
    assert "its 600 examples are of this test set" in first.text
    assert [note.text for note in others] == ["each of 10 slices has at least 10 of the 600 examples"]


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        (pd.DataFrame({"id": ["x1", "nobody"]}), "ids must be those of the data"),
        (pd.DataFrame({"weather": ["fine"]}), "must have the columns of at least one slice"),
    ],
)
def test_a_set_that_tells_nothing_is_refused(tmp_path, frame, rule):
    with pytest.raises(ModelError, match=rule):
        notes(with_calibration(tmp_path / "s", frame))


def test_a_set_with_ids_and_columns_says_what_the_columns_leave_open(tmp_path):
    loaded = with_calibration(tmp_path / "s", pd.DataFrame({"id": ["x1", "x2"], "group": ["a", "b"]}))
    texts = [note.text for note in notes(loaded) if note.slice is None]
    assert texts[-1] == "told by its columns, and not by its ids; they say nothing of 7 other slices"


def test_values_that_the_predicates_cannot_compare_tell_nothing(tmp_path):
    (note,) = notes(with_calibration(tmp_path / "s", pd.DataFrame({"size": ["small", "large"]})))
    assert "tell nothing" in note.text


def test_a_run_lists_it_verifies_it_and_is_judged_the_same(tmp_path):
    loaded = with_calibration(tmp_path / "s", pd.DataFrame({"group": ["a"] * 50}))
    judged = evaluate(loaded, command="paritygate run s")
    (good, bad) = [one.record for one in judged]
    assert [note.slice for note in good.notes if note.kind == KIND] == ["group: b", None]
    assert not [note for note in bad.notes if note.kind == KIND]
    bare = replace(loaded.suite.models.compressed["good"], calibration=None)
    models = replace(loaded.suite.models, compressed={"good": bare})
    (without,) = evaluate(replace(loaded, suite=replace(loaded.suite, models=models)))
    assert without.record.verdict == good.verdict
    write([good, bad], [one.rows for one in judged], tmp_path / "out")
    assert verify(tmp_path / "out").wrong == ()
    found = sweep([good, bad], loaded.suite.models.compressed)
    text = "group: b: absent from the 50 examples of calibration"
    assert found.series[0].rungs[0].calibration[0] == text
    assert f"<bdi>Calibration set of good: {text}.</bdi>" in render_sweep(found)
    assert next(calibration_lines(found)) == f"Calibration set of good: {text}."


def test_a_missing_file_is_an_error_of_that_model_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARITYGATE_CACHE", str(tmp_path / "cache"))
    loaded = with_calibration(tmp_path / "s", pd.DataFrame({"group": ["a"]}))
    (loaded.folder / "calibration.csv").unlink()
    assert cli.main(["run", str(loaded.folder)]) == 4
    out = " ".join(capsys.readouterr().out.split())
    assert "models.compressed.good.calibration" in out
    assert "bad: FAIL" in out


def test_batches_cannot_look_it_up(tmp_path, capsys):
    loaded = with_calibration(tmp_path / "s", pd.DataFrame({"group": ["a"]}))
    text = loaded.path.read_text(encoding="utf-8").replace('id = "id"\n', 'id = "id"\nbatch_rows = 500\n', 1)
    loaded.path.write_text(text, encoding="utf-8")
    assert cli.main(["check", str(loaded.folder)]) == 2
    assert "models.compressed.good.calibration" in capsys.readouterr().err
