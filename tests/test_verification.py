"""Evidence is verified from its own files: nothing but what the run wrote passes, and each change is named."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from tests.small_runs import small_run
from tests.test_architecture import loaded_by
from validate import cli
from validate.errors import OutputError
from validate.evidence import FORMAT_VERSION, as_json, read_record, to_json
from validate.exports.checksums import NAME, checksums, read_checksums
from validate.exports.files import write_together
from validate.gate import NOTHING_SEEN, decide
from validate.outcome import Outcome
from validate.verification import verify


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    small_run(folder / "suite", folder / "out")
    return folder / "out"


@pytest.fixture
def out(run, tmp_path):
    return shutil.copytree(run, tmp_path / "out")


def sums_again(out):
    """What somebody does who changes a file and covers it up: new sums, and whatever is made from the records."""
    for folder in sorted(path.parent for path in out.glob(f"*/{NAME}")):
        (folder / NAME).write_bytes(checksums(folder, read_checksums(folder)))
    write_together([read_record(path) for path in sorted(out.glob("*/results.json"), reverse=True)], out)


def change(out, name, changed):
    path = out / name / "results.json"
    path.write_bytes(to_json(changed(read_record(path))))
    sums_again(out)
    return verify(out)


def test_what_a_run_wrote_is_verified(out):
    found = verify(out)
    assert (found.wrong, found.unreadable, found.exit_code) == ((), (), 0)
    assert found.checked == len([path for path in out.rglob("*") if path.is_file()])
    assert "good: PASS, recomputed from 3,000 rows" in found.held
    assert "bad: FAIL, recomputed from 3,000 rows" in found.held
    assert any("guarded, and their margins" in text for text in found.not_shown)
    assert any("integrity: pairing" in text for text in found.not_shown)


@pytest.mark.parametrize(
    "options",
    [
        {"outputs": "logits"},
        {"outputs": "logits", "gate": 'metric = "brier"\nmargin = 0.05'},
        {"outputs": "logits", "gate": 'metric = "log_loss"\nmargin = 0.2', "data": 'cluster = "house"'},
        {"outputs": "value", "gate": 'metric = "mae"\nmargin = 0.2'},
        {"outputs": "value", "gate": 'metric = "rmse"\nmargin = 0.2', "n": 600},
        {"gate": 'screen = "westfall-young"\nflips = 200', "data": 'cluster = "house"'},
        {"gate": 'margin_ratio = 1.2\ninconclusive = "note"\nattempts = 3'},
    ],
)
def test_every_kind_of_metric_is_recomputed(tmp_path, options):
    small_run(tmp_path / "suite", tmp_path / "out", **options)
    found = verify(tmp_path / "out")
    assert (found.wrong, found.unreadable) == ((), ())
    assert sum("recomputed from" in text for text in found.held) == 2


def test_a_changed_byte_of_any_file_is_found_and_the_file_named(out):
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        content, name = path.read_bytes(), path.relative_to(out).as_posix()
        at = len(content) // 2
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        found = verify(out)
        assert found.exit_code == 1, name
        assert any(name in text for text in found.wrong), (name, found.wrong)
        path.write_bytes(content)


def test_files_that_are_missing_or_extra_are_named(out):
    (out / "good" / "rows.parquet").unlink()
    (out / "report.html").unlink()
    (out / "good" / "notes.txt").write_text("mine")
    (out / ".report.html.x1").write_text("half")
    shutil.copytree(out / "bad", out / "other")
    found = verify(out)
    assert found.exit_code == 1
    for text in (
        "good/rows.parquet: is missing",
        "report.html: is missing",
        "good/notes.txt: is not listed in SHA256SUMS",
        ".report.html.x1: is not listed in SHA256SUMS",
        "other/SHA256SUMS: is not listed in SHA256SUMS: not of this run",
        "other/results.json: is the record of 'bad', in another model's folder",
    ):
        assert text in found.wrong


PASSED = {"outcome": Outcome.PASS, "exit_code": 0}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda r: replace(r, verdict=replace(r.verdict, **PASSED)), "verdict.outcome: recorded PASS, recomputed FAIL"),
        (lambda r: replace(r, checks=r.checks[:-1]), "checks["),
        (
            lambda r: replace(r, policy=replace(r.policy, margin=0.9)),
            "slice all: its margin 0.02 is not the policy's 0.9",
        ),
        (lambda r: replace(r, missing_answers=4), "missing_answers: recorded 4, recomputed 0"),
        (lambda r: replace(r, suite=replace(r.suite, seed=4)), None),
        (lambda r: replace(r, data=replace(r.data, n=9)), "data.n: recorded 9, recomputed 3000"),
        (lambda r: replace(r, notes=()), "notes["),
        (
            lambda r: replace(r, comparisons=(replace(r.comparisons[0], dense=0.99), *r.comparisons[1:])),
            "comparisons[all].dense: recorded 0.99",
        ),
        (
            lambda r: replace(
                r,
                comparisons=(
                    replace(r.comparisons[0], slice=replace(r.comparisons[0].slice, n=7)),
                    *r.comparisons[1:],
                ),
            ),
            "slice all: recorded 7 of 3,000 examples, counted 3,000",
        ),
    ],
)
def test_a_record_that_does_not_follow_from_its_rows_is_found(out, changed, told):
    found = change(out, "bad", changed)
    if told is None:  # accuracy draws nothing: another seed gives the same
        assert found.wrong == ()
    else:
        assert any(text.startswith("bad/results.json: ") and told in text for text in found.wrong), found.wrong


def of_slice(record, name, **changed):
    comparisons = [
        replace(c, slice=replace(c.slice, **changed)) if c.slice.name == name else c for c in record.comparisons
    ]
    assert comparisons != list(record.comparisons)
    return replace(record, comparisons=tuple(comparisons))


@pytest.mark.parametrize(
    ("name", "changed", "told"),
    [
        ("group: b", {"screened": False}, "slice.screened: recorded False, recomputed True"),
        ("label: no", {"guard": False}, "slice.guard: recorded False, recomputed True"),
        ("group: c <b>", {"disparity": False}, "slice.disparity: recorded False, recomputed True"),
        ("group: c <b>", {"under_represented": False}, "slice.under_represented: recorded False, recomputed True"),
        ("large a", {"screened": False}, "slice.screened: recorded False, recomputed True"),
    ],
)
def test_a_slice_that_was_taken_out_of_a_check_is_found(out, name, changed, told):
    found = change(out, "bad", lambda record: of_slice(record, name, **changed))
    assert any(f"comparisons[{name}].{told}" in text for text in found.wrong), found.wrong


def test_a_slice_that_the_record_is_silent_about_is_found(out):
    """As somebody would do it: the flagged slice goes, and with it whatever told of it."""
    found = change(out, "bad", lambda r: replace(r, comparisons=tuple(c for c in r.comparisons if not c.flagged)))
    assert any("slice group: b: its examples are in the rows, and it is not in the record" in t for t in found.wrong)


def test_rows_that_were_made_kinder_are_found(out):
    path = out / "bad" / "rows.parquet"
    table = pd.read_parquet(path)
    attrs = table.attrs
    table["compressed"] = table["dense"]
    table["outcome"] = table["outcome"].replace({1: 0, 2: 0}).where(table["dense"] == table["truth"], 3).astype("uint8")
    table.attrs = attrs
    table.to_parquet(path, index=False)
    sums_again(out)
    assert any("verdict.outcome: recorded FAIL" in text for text in verify(out).wrong)


def test_a_table_of_slices_that_says_something_else_is_found(out):
    path = out / "good" / "slices.parquet"
    table = pd.read_parquet(path)
    table.loc[0, "low"] += 1e-9
    table.to_parquet(path, index=False)
    sums_again(out)
    assert verify(out).wrong == ("good/slices.parquet: does not say what results.json says",)


def test_a_report_that_says_something_else_is_found(out):
    path = out / "report.html"
    path.write_text(path.read_text(encoding="utf-8").replace("FAIL", "PASS"), encoding="utf-8")
    (out / NAME).write_bytes(checksums(out, read_checksums(out)))
    assert verify(out).wrong == ("report.html: is not what the records give",)


def test_records_of_two_runs_are_not_one_run(out):
    found = change(out, "bad", lambda record: replace(record, run=replace(record.run, id="another")))
    assert "results.json: the models' records are not of one run" in found.wrong


def test_a_record_that_is_not_canonical_is_found(out):
    path = out / "bad" / "results.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))
    sums_again(out)
    assert any("canonical form" in text for text in verify(out).wrong)


def test_left_out_rows_are_told_and_lost_ones_are_found(out, tmp_path):
    small_run(tmp_path / "suite", tmp_path / "private", rows="false")
    found = verify(tmp_path / "private")
    assert found.exit_code == 0
    assert "all models: the verdict was not recomputed: the suite leaves rows.parquet out" in found.not_shown
    (out / "bad" / "rows.parquet").unlink()
    folder = out / "bad"
    (folder / NAME).write_bytes(checksums(folder, ["results.json", "slices.parquet"]))
    write_together([read_record(out / name / "results.json") for name in ("good", "bad")], out)
    found = verify(out)
    assert (found.wrong, found.exit_code) == ((), 4)
    assert "rows.parquet: cannot be read" in found.unreadable[0]


def test_a_pass_that_the_record_does_not_give_is_found(out):
    (out / "bad" / "svr.intoto.json").write_text('{"predicate": {"properties": ["PARITYGATE_PASSED"]}}')
    for folder, names in ((out / "bad", ["svr.intoto.json"]), (out, [])):
        (folder / NAME).write_bytes(checksums(folder, [*read_checksums(folder), *names]))
    assert verify(out).wrong == ("bad/svr.intoto.json: is not what the records give",)


def test_what_another_version_rendered_is_not_compared(out):
    for name in ("good", "bad"):
        found = change(out, name, lambda record: replace(record, tool={"name": "paritygate", "version": "0.0.1"}))
    (out / "summary.md").write_text("older words")
    (out / NAME).write_bytes(checksums(out, read_checksums(out)))
    found = verify(out)
    assert found.exit_code == 0
    assert any("was not compared: written by paritygate 0.0.1" in text for text in found.not_shown)


def test_a_newer_or_truncated_record_cannot_be_read(out):
    path = out / "good" / "results.json"
    whole = path.read_bytes()
    path.write_bytes(json.dumps({"format_version": FORMAT_VERSION + 1}).encode())
    (path.parent / NAME).write_bytes(checksums(path.parent, read_checksums(path.parent)))
    (out / NAME).write_bytes(checksums(out, read_checksums(out)))
    found = verify(out)
    assert (found.exit_code, found.wrong) == (4, ())
    assert f"reads versions 1 to {FORMAT_VERSION}" in found.unreadable[0]
    path.write_bytes(whole[: len(whole) // 2])
    found = verify(out)
    assert found.exit_code == 1
    assert any(text.startswith("good/results.json: was changed") for text in found.wrong)


def test_what_holds_no_evidence_is_refused(tmp_path):
    for folder in (tmp_path / "nothing", tmp_path):
        with pytest.raises(OutputError, match=r"must (be the folder|hold the evidence) of a run"):
            verify(folder)


def test_the_same_inputs_give_the_same_bytes_but_for_the_run(tmp_path):
    for name in ("one", "two"):
        small_run(tmp_path / "suite", tmp_path / name)
    for model in ("good", "bad"):
        one, two = (as_json(read_record(tmp_path / name / model / "results.json")) for name in ("one", "two"))
        assert one.pop("run") != two.pop("run")
        assert one == two
        for table in ("rows.parquet", "slices.parquet"):
            assert (tmp_path / "one" / model / table).read_bytes() == (tmp_path / "two" / model / table).read_bytes()


def test_verifying_loads_no_framework(out):
    code = f"from validate.cli import main; assert main(['verify', {str(out)!r}]) == 0"
    assert loaded_by(code) & {"torch", "sklearn", "great_expectations", "safetensors", "onnxruntime"} == set()


def test_the_command_tells_what_differs(out, capsys):
    assert cli.main(["verify", str(out)]) == 0
    assert "verified · 16 files checked" in capsys.readouterr().out
    (out / "summary.md").write_text("kinder")
    assert cli.main(["verify", str(out), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == 1
    assert told["wrong"][0].startswith("summary.md: was changed")
    assert cli.main(["verify", str(out / "nowhere")]) == 4
    assert "must be the folder of a run" in capsys.readouterr().err
    assert cli.main(["verify"]) == 2


def emptied(record):
    """As if nothing had been compared, and everything had passed."""
    kept = tuple(check for check in record.checks if check.outcome is Outcome.PASS)
    verdict = decide(kept, NOTHING_SEEN)
    assert verdict.outcome is Outcome.PASS
    return replace(record, comparisons=(), disparities=(), blind_spots=(), notes=(), checks=kept, verdict=verdict)


def test_a_record_of_nothing_compared_cannot_pass(out):
    for name in ("rows.parquet", "slices.parquet"):
        (out / "good" / name).unlink()
        drop(out / "good", name)
    found = change(out, "good", emptied)
    assert "good/results.json: nothing was compared, and the verdict is PASS" in found.wrong


def drop(folder, name):
    (folder / NAME).write_bytes(checksums(folder, [file for file in read_checksums(folder) if file != name]))


def test_without_rows_the_verdict_is_at_least_that_of_its_checks(tmp_path):
    small_run(tmp_path / "suite", tmp_path / "out", rows="false")
    passed = read_record(tmp_path / "out" / "good" / "results.json").verdict
    found = change(tmp_path / "out", "bad", lambda r: replace(r, verdict=passed))
    assert found.exit_code == 1
    assert any(text.startswith("bad/results.json: verdict.outcome: recorded PASS") for text in found.wrong)


def test_a_run_that_began_at_no_time_is_named(out):
    path = out / "good" / "results.json"
    path.write_bytes(path.read_bytes().replace(b'"started":"20', b'"started":"soon 20'))
    found = verify(out)
    assert any("run.started: must be a date and a time (found 'soon 20" in text for text in found.unreadable)


def test_rows_with_an_id_twice_are_named(out):
    path = out / "good" / "rows.parquet"
    table = pd.read_parquet(path)
    table.loc[1, "id"] = table.loc[0, "id"]
    table.to_parquet(path)
    sums_again(out)
    assert any("good/rows.parquet" in text and "ids repeat" in text for text in verify(out).unreadable)
