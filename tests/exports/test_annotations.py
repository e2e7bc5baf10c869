"""GitHub's annotations: the right level, at most ten of each, and no command that the data wrote."""

import re
from dataclasses import replace

import pytest

from tests import samples
from validate.exports.annotations import MOST, annotations
from validate.outcome import Outcome

STATUSES = samples.of_every_status()
COMMAND = re.compile(r"^::(error|warning) (file=[^,:\s]+,line=\d+,)?title=[^,:]+::[^\r\n]+$")


@pytest.mark.parametrize("name", STATUSES)
def test_every_line_is_one_command(name):
    for line in annotations([STATUSES[name]]):
        assert COMMAND.match(line), line


def test_what_blocks_is_an_error_and_a_pass_says_nothing():
    assert annotations([samples.passing()]) == ()
    (first, *_) = annotations([samples.failing()])
    assert first.startswith("::error file=suite.toml,line=1,title=")
    assert "non-inferiority: " in first


def test_what_does_not_gate_is_a_warning():
    record = samples.failing()
    record = replace(record, run=replace(record.run, report_only=True))
    assert {line.split()[0] for line in annotations([record])} == {"::warning"}


def test_at_most_ten_of_a_kind_and_the_last_says_how_many_more():
    record = samples.failing()
    many = tuple(replace(record.checks[-1], outcome=Outcome.FAIL, id=f"check {i}") for i in range(25))
    lines = annotations([replace(record, checks=many)])
    assert len(lines) == MOST
    assert lines[-1].endswith("::and 16 more: the summary and the report have them all")


def test_the_data_cannot_write_a_command_or_a_property():
    record = samples.failing()
    hostile = replace(
        record.checks[-1], id="x\n::set-output name=a::b", outcome=Outcome.FAIL, reason="100%0A\r\n::error::x"
    )
    run = replace(record.run, suite_path="a,b:c.toml")
    (line,) = annotations([replace(record, run=run, checks=(hostile,), compressed_name="a,b:c\n")])
    assert (
        line
        == "::error file=a%2Cb%3Ac.toml,line=1,title=a%2Cb%3Ac %3A FAIL::x ::set-output name=a::b: 100%250A ::error::x"
    )
