"""A process that is killed while it writes evidence leaves the old or the new, whenever that happens."""

import multiprocessing
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.small_runs import small_run
from validate import cli
from validate.errors import OutputError
from validate.evidence import read_record
from validate.exports.checksums import NAME, SIGNATURE, broken, read_checksums
from validate.exports.files import write, write_together
from validate.exports.whole import READY, interrupted, settle, whole
from validate.verification import verify

CALLS = ("link", "rename", "replace", "unlink", "rmdir", "mkdir", "fsync")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    small_run(folder / "suite", folder / "out", n=300)
    (folder / "out" / "good" / SIGNATURE).write_text("on the old sums")
    (folder / "out" / "notes.txt").write_text("somebody's own")
    return folder / "out"


def records_of(out, run_id):
    """The records in a folder, as if another run had made them."""
    found = [read_record(out / name / "results.json") for name in ("good", "bad")]
    return [replace(record, run=replace(record.run, id=run_id)) for record in found]


def write_and_die(out: str, at: int, seen) -> None:
    """Write other evidence into the folder, and be killed at this call to the file system."""
    count = 0

    def counting(call):
        def counted(*arguments, **options):
            nonlocal count
            count += 1
            seen.value = count
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return counted

    records = records_of(Path(out), "new")
    for name in CALLS:
        setattr(os, name, counting(getattr(os, name)))
    write(records, [None, None], Path(out))


def run_of(out):
    """Which run's evidence the folder holds: all of it, with every file as its sums say."""
    for folder in (out, out / "good", out / "bad"):
        assert broken(folder, read_checksums(folder)) == ()
    ids = {read_record(out / name / "results.json").run.id for name in ("good", "bad")}
    assert len(ids) == 1
    assert (out / "good" / "rows.parquet").exists() == (ids != {"new"})
    assert (out / "good" / SIGNATURE).exists() == (ids != {"new"})
    assert (out / "notes.txt").read_text() == "somebody's own"
    return ids.pop()


@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_the_old_evidence_or_the_new(run, tmp_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["validate.exports.files", "tests.small_runs"])
    old, found = read_record(run / "good" / "results.json").run.id, []
    seen = context.Value("i", 0)

    def killed(at):
        out = shutil.copytree(run, tmp_path / f"out{at}")
        process = context.Process(target=write_and_die, args=(str(out), at, seen))
        process.start()
        process.join(120)
        return out, process.exitcode

    out, code = killed(0)  # never: how many calls there are
    assert (code, run_of(out)) == (0, "new")
    last = seen.value
    moments = sorted({*range(1, last, 9), *range(last - 24, last + 1)})  # the end is where files go to their places
    unsettled = 0
    for at in moments:
        out, code = killed(at)
        assert code == -signal.SIGKILL
        if interrupted(out):
            unsettled += 1
            with pytest.raises(OutputError, match="a command was killed while it wrote here"):
                verify(out)
            settle(out)
        assert verify(out, None).wrong == (f"notes.txt: is not listed in {NAME}",)  # whatever a killed writer left
        found.append(run_of(out))
        assert not interrupted(out)
        shutil.rmtree(out)
    assert found == sorted(found, key=lambda one: one == "new")  # old up to one moment, new from there on
    assert {*found} == {old, "new"}
    assert unsettled > 5


def test_a_killed_command_is_finished_by_the_next_one(run, tmp_path):
    out = shutil.copytree(run, tmp_path / "out")
    (out / "good" / SIGNATURE).unlink()
    (out / "notes.txt").unlink()
    records = [read_record(out / name / "results.json") for name in ("good", "bad")]
    for_nothing = whole(out, ["good", "bad"], [NAME])
    write_together(records, for_nothing.__enter__())
    for_nothing.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert verify(out).wrong == ()
    ready = out / READY
    ready.mkdir()
    (ready / "report.html").write_text("half")
    (ready / "removed.json").write_text('["summary.md", "../suite/suite.toml"]')
    assert cli.main(["verify", str(out)]) == 4
    assert cli.main(["report", str(out)]) == 0  # it settles, then makes again what was not right
    assert verify(out).wrong == ()
    assert (run.parent / "suite" / "suite.toml").exists()


def test_what_cannot_be_settled_is_told_and_kept(run, tmp_path, capsys):
    out = shutil.copytree(run, tmp_path / "out")
    (out / READY).mkdir()
    (out / READY / "removed.json").write_text("[")
    assert cli.main(["report", str(out)]) == 4
    assert "what an interrupted command had written cannot be brought to its place: damaged" in capsys.readouterr().err
    assert (out / READY).is_dir()


def test_what_another_process_stages_is_no_evidence(run, tmp_path):
    out = shutil.copytree(run, tmp_path / "out")
    (out / "good" / SIGNATURE).unlink()
    (out / "notes.txt").unlink()
    with whole(out, ["good"], [NAME]) as stage:
        (stage / "half.txt").write_text("not yet")
        assert verify(out).wrong == ()
        (stage / "half.txt").unlink()
    assert verify(out).wrong == ()


def refused(out):
    with whole(out, [], []) as stage:
        raise OutputError(str(stage / "bad" / "report.html"), "cannot be written")


def test_an_error_names_the_place_where_the_file_was_to_be(tmp_path):
    with pytest.raises(OutputError) as caught:
        refused(tmp_path / "out")
    assert caught.value.place == str(tmp_path / "out" / "bad" / "report.html")
    assert list((tmp_path / "out").iterdir()) == []
