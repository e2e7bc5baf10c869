"""The record has one form, one hash and one schema, and comes back as it went."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests import samples
from validate.errors import OutputError
from validate.evidence import FORMAT_VERSION, json_schema, read_record, sha256, to_json

SCHEMA = Path(__file__).parents[1] / "reports" / "schema" / "results.schema.json"


@pytest.fixture(params=[samples.passing, samples.failing, samples.inconclusive])
def record(request):
    return request.param()


def written(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    return path


def test_a_record_comes_back_as_it_went(record, tmp_path):
    assert to_json(read_record(written(tmp_path, to_json(record)))) == to_json(record)


def test_the_same_record_has_one_hash_and_another_has_another(record):
    assert sha256(record) == sha256(replace(record))
    assert sha256(record) != sha256(replace(record, missing_answers=record.missing_answers + 1))


def test_an_open_interval_is_written_and_read(record, tmp_path):
    first = record.comparisons[0]
    open_ended = replace(first, change=replace(first.change, low=-math.inf, high=math.inf))
    found = read_record(written(tmp_path, to_json(replace(record, comparisons=(open_ended,)))))
    assert (found.comparisons[0].change.low, found.comparisons[0].change.high) == (-math.inf, math.inf)


def test_open_limits_of_a_check_are_written_and_read(record, tmp_path):
    check = replace(record.checks[0], numbers={"low": -math.inf, "high": math.inf, "n": 3})
    content = to_json(replace(record, checks=(check,)))
    read = read_record(written(tmp_path, content))
    assert read.checks[0].numbers == {"low": "-Infinity", "high": "Infinity", "n": 3}
    assert to_json(read) == content


def test_the_record_fits_the_schema_and_a_changed_one_does_not(record):
    validator = Draft202012Validator(json_schema())
    document = json.loads(to_json(record))
    validator.validate(document)
    document["verdict"]["exit_code"] = "none"
    assert not validator.is_valid(document)


def test_the_shipped_schema_is_the_current_one():
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "is not an evidence record"),
        (b'{"format_version":1,', "is not an evidence record"),
        (b"[]", "is not an evidence record"),
        (b'{"format_version":1}', "does not fit the record's schema"),
        (json.dumps({"format_version": FORMAT_VERSION + 1}).encode(), f"reads versions 1 to {FORMAT_VERSION}"),
    ],
)
def test_a_damaged_or_newer_record_is_refused(content, rule, tmp_path):
    with pytest.raises(OutputError, match=rule):
        read_record(written(tmp_path, content))


def test_a_record_of_the_first_format_is_still_read(record, tmp_path):
    document = json.loads(to_json(record)) | {"format_version": 1}
    assert read_record(written(tmp_path, json.dumps(document).encode())).format_version == 1


def test_a_missing_record_is_refused(tmp_path):
    with pytest.raises(OutputError, match="cannot be read"):
        read_record(tmp_path / "results.json")
