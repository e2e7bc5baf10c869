"""SHA256SUMS: what sha256sum says, written last, and broken by any changed byte."""

import hashlib
import shutil
import subprocess
from dataclasses import replace

import pandas as pd
import pytest

from tests import samples
from validate.errors import OutputError
from validate.exports.checksums import NAME, broken, checksums, read_checksums
from validate.exports.files import write, write_together

ROWS = pd.DataFrame({"id": ["a", "b"], "outcome": [0, 2]})

TESTS, PASSED, BOM = "test-result.intoto.json", "svr.intoto.json", "mlbom.cdx.json"


@pytest.fixture
def out(tmp_path):
    write([samples.passing(), samples.failing()], [ROWS, None], tmp_path)
    return tmp_path


def names(folder):
    return set(read_checksums(folder))


def test_every_file_of_a_run_is_named_once(out):
    assert names(out / "int8") == {"results.json", "slices.parquet", "rows.parquet", TESTS, PASSED, BOM}
    assert names(out / "pruned-95") == {"results.json", "slices.parquet", TESTS, BOM}
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    below = {f"{name}/{file}" for name in ("int8", "pruned-95") for file in names(out / name)}
    assert names(out) | below | {NAME} == files
    assert not names(out) & below


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs coreutils")
@pytest.mark.parametrize("name", [".", "int8", "pruned-95"])
def test_sha256sum_agrees(out, name):
    done = subprocess.run(["sha256sum", "--strict", "-c", NAME], cwd=out / name, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_any_changed_byte_is_found_and_named(out):
    for name in names(out):
        path, sums = out / name, read_checksums(out)
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert broken(out, sums) == (f"{name}: was changed: its SHA-256 is not the one in {NAME}",)
        path.write_bytes(content)
    (out / "report.html").unlink()
    assert broken(out, read_checksums(out)) == ("report.html: is missing",)


@pytest.mark.parametrize("step", ["slice_table", "checksums"])
def test_an_interrupted_run_leaves_the_evidence_of_the_one_before(out, monkeypatch, step):
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    monkeypatch.setattr(f"validate.exports.files.{step}", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write([replace(samples.passing(), missing_answers=1)], [ROWS], out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_table_of_an_earlier_run_goes_away(out):
    write([samples.passing()], [None], out)
    assert not (out / "int8" / "rows.parquet").exists()
    assert names(out / "int8") == {"results.json", "slices.parquet", TESTS, PASSED, BOM}


def test_the_pass_of_an_earlier_run_goes_away(out):
    failed = replace(samples.failing(), compressed_name="int8")
    write([failed], [ROWS], out)
    assert not (out / "int8" / PASSED).exists()
    assert names(out / "int8") == {"results.json", "slices.parquet", "rows.parquet", TESTS, BOM}
    before = (out / "int8" / NAME).read_bytes()
    write_together([failed], out)
    assert (out / "int8" / NAME).read_bytes() == before
    assert broken(out / "int8", read_checksums(out / "int8")) == ()


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "names no file"),
        (b"abc  results.json\n", "must be a SHA-256"),
        (b"%s  ../secret\n" % (b"0" * 64), "must be a SHA-256"),
        (b"%s  /etc/hostname\n" % (b"0" * 64), "must be a SHA-256"),
        (b"\xff\xfe", "is not text"),
    ],
)
def test_what_is_no_list_of_sums_is_refused(tmp_path, content, rule):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(OutputError, match=rule):
        read_checksums(tmp_path)


def test_a_missing_list_is_refused(tmp_path):
    with pytest.raises(OutputError, match="cannot be read: No such file"):
        read_checksums(tmp_path)


def test_the_form_is_that_of_coreutils(tmp_path):
    (tmp_path / "a b").write_bytes(b"x")
    assert checksums(tmp_path, ["a b"]).decode() == f"{hashlib.sha256(b'x').hexdigest()}  a b\n"
