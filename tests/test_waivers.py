"""Waivers: what they excuse and for how long, what nobody can waive, and that they are seen wherever a verdict is."""

import re
from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import samples
from tests.small_runs import small_run, small_suite_of
from validate import cli, pytest_plugin
from validate.edge_cases.checks import MustNotLose, edge_case_checks
from validate.errors import SuiteError
from validate.evidence import read_record
from validate.exports.files import write
from validate.exports.summary import summary
from validate.gate import NOTHING_SEEN, CheckKind, CheckResult, decide
from validate.judgement import Judgement, waive
from validate.outcome import Outcome
from validate.pipeline import evaluate
from validate.report import render
from validate.slices import Kind
from validate.suite import Gate
from validate.suite_file import load_suite
from validate.verification import verify
from validate.waiver_file import Waiver, load_waivers
from validate.waivers import Case, Findings, excuse

TODAY = date(2026, 11, 24)
WAIVER = Waiver(
    id="W-1",
    check="non-inferiority",
    slice="all",
    compressed="bad",
    reason="the rest is worth it",
    risk_owner="R. Owner",
    approved_by="A. Pprover",
    created="2026-11-01",
    expires="2026-12-31",
)
CASE = Case(compressed="bad", sha256="a" * 64, author="M. Aker", date=TODAY)


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    return small_run(folder / "suite", folder / "out")[1]


FOUND_NOTHING = Findings(checks=(), comparisons=(), disparities=(), edge=())


def findings(record):
    return Findings(checks=record.checks, comparisons=record.comparisons, disparities=record.disparities, edge=())


def failing(record):
    """A waiver for everything that the record's gate does not pass."""
    found = [
        ("non-inferiority", c.slice)
        for c in record.checks
        if c.kind is CheckKind.NON_INFERIORITY and c.outcome is not Outcome.PASS
    ]
    found += [("screen", c.slice.name) for c in record.comparisons if c.flagged]
    found += [("disparity", d.slice) for d in record.disparities if d.flagged]
    return tuple(replace(WAIVER, id=f"W-{i}", check=check, slice=name) for i, (check, name) in enumerate(found))


def verdict(record, waivers, gate=None, case=CASE):
    gate = replace(gate or Gate(), waivers="waivers.toml")
    checks, states = excuse(waivers, findings(record), gate, case)
    return decide(checks, NOTHING_SEEN), states


def test_waived_checks_count_as_pass_and_are_told(bad):
    waivers = failing(bad)
    found, states = verdict(bad, waivers)
    checks = {(w.check, w.slice if w.check == "non-inferiority" else "") for w in waivers}
    assert {state.state for state in states} == {"in force"}
    assert (found.outcome, found.exit_code, found.waived) == (Outcome.PASS, 0, len(checks))
    assert found.line.startswith(f"PASS ({len(checks)} waived) · ")
    assert len(found.reasons) == len(checks)
    assert all("waived by W-" in reason for reason in found.reasons)


def test_each_check_left_out_still_fails(bad):
    waivers = failing(bad)
    assert len(waivers) > 2
    for waiver in waivers:
        found, _ = verdict(bad, [w for w in waivers if w is not waiver])
        ids = (waiver.check, f"{waiver.check}: {waiver.slice}")
        (excused,) = [c for c in bad.checks if c.id in ids]
        assert found.outcome is excused.outcome
        assert found.exit_code == {Outcome.FAIL: 1, Outcome.INCONCLUSIVE: 3}[excused.outcome]
        assert "waived by" not in found.reasons[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"expires": "2026-11-23"}, "it expired on 2026-11-23"),
        ({"expires": "2026-10-01", "created": "2026-10-02"}, "before it was created"),
        ({"created": "2026-11-25"}, "it is not in force before 2026-11-25"),
        ({"expires": "2027-01-31"}, "it runs 91 days, and the policy allows 90"),
        ({"approved_by": "m.  AKER"}, "is the author of the compressed models"),
        ({"slice": "group: bb"}, "it matches nothing: the check 'non-inferiority' does not look at 'group: bb'"),
        ({"slice": "group: b"}, "it matches nothing"),
        ({"artifact": "b" * 64}, "it is for another artifact"),
    ],
)
def test_a_waiver_that_the_policy_does_not_allow_is_an_error_with_its_name(bad, change, told):
    waivers = [*failing(bad), replace(WAIVER, id="X", **change)]
    found, states = verdict(bad, waivers)
    assert (found.outcome, found.exit_code) == (Outcome.ERROR, 2)
    assert found.reasons[0].startswith("policy: waivers: X: ")
    assert told in found.reasons[0]
    assert states[-1].state == ("expired" if told.startswith("it expired") else "refused")


def test_the_last_day_is_its_last(bad):
    for last, left, soon in (("2026-11-24", 0, True), ("2026-12-08", 14, True), ("2026-12-09", 15, False)):
        _, (found,) = verdict(bad, [replace(WAIVER, expires=last)])
        assert (found.state, found.days_left, found.ends_soon) == ("in force", left, soon)


def test_nobody_can_waive_what_is_critical_or_in_error(bad):
    found, _ = verdict(bad, failing(bad), Gate(critical=("all",)))
    assert found.exit_code == 2
    assert "critical" in found.reasons[0]
    broken = CheckResult(
        id="integrity: contract", kind=CheckKind.INTEGRITY, slice=None, outcome=Outcome.ERROR, reason="no"
    )
    spoiled = replace(bad, checks=(broken, *bad.checks))
    assert verdict(spoiled, failing(bad))[0].exit_code == 4
    guarded = bad.checks[[c.slice for c in bad.checks].index("all")]
    missing = tuple(replace(c, outcome=Outcome.ERROR) if c is guarded else c for c in bad.checks)
    assert verdict(replace(bad, checks=missing), failing(bad))[0].exit_code == 4


def test_a_waiver_lapses_beyond_its_ceiling(bad):
    loss = -bad.comparisons[0].change.low
    for ceiling, state, code in ((loss * 1.01, "in force", 0), (loss * 0.99, "lapsed", 1)):
        waivers = [replace(w, ceiling=ceiling) if w.slice == "all" else w for w in failing(bad)]
        found, states = verdict(bad, waivers)
        assert found.exit_code == code
        assert states[0].state == state


def test_a_waiver_of_another_model_is_no_concern_and_one_that_nothing_needs_stays(bad):
    found, states = verdict(bad, [*failing(bad), replace(WAIVER, id="O", compressed="good")])
    assert found.exit_code == 0
    assert "O" not in {state.waiver.id for state in states}
    small = next(c.slice.name for c in bad.comparisons if c.slice.screened and not c.flagged)
    _, (state,) = verdict(bad, [replace(WAIVER, check="screen", slice=small)])
    assert state.state == "not needed"


def edge_findings():
    """Two guarded sets that fail, a case that must not be lost, and a flagged set without a guard."""
    sets = [
        samples.comparison("worn", 4_000, 5, 900, kind=Kind.WHERE, guard=True),
        samples.comparison("wet", 4_000, 5, 900, kind=Kind.WHERE, guard=True),
        samples.comparison("dark", 4_000, 5, 900, kind=Kind.WHERE, p_adjusted=1e-9),
    ]
    rate = samples.interval(0, 2, 9)
    lost = MustNotLose(set="worn", n=9, at_stake=9, lost=("w1", "w2"), units=9, rate=rate)
    checks = edge_case_checks(sets, [lost])
    return Findings(checks=checks, comparisons=(), disparities=(), edge=tuple(sets))


def test_edge_case_sets_can_be_waived_and_what_must_not_be_lost_cannot():
    waivers = [replace(WAIVER, id=f"E-{name}", check="edge cases", slice=name) for name in ("worn", "dark")]
    found = edge_findings()
    checks, states = excuse(waivers, found, Gate(waivers="waivers.toml"), CASE)
    assert {state.state for state in states} == {"in force"}
    assert {check.id: check.waived for check in checks if check.outcome is not Outcome.PASS} == {
        "edge cases: worn": ("E-worn",),
        "edge cases: wet": (),
        "edge cases: worn: must not lose": (),
        "edge cases": ("E-dark",),
    }


def test_a_critical_set_of_edge_cases_is_critical_at_every_severity():
    lost = samples.comparison("fog, severity 3", 400, 1, 60, kind=Kind.EDGE)
    found = replace(FOUND_NOTHING, edge=(replace(lost, slice=replace(lost.slice, screened=True)),))
    one = replace(WAIVER, check="edge cases", slice="fog, severity 3")
    (free,) = excuse((one,), found, Gate(waivers="w.toml"), CASE)[1]
    (refused,) = excuse((one,), found, Gate(waivers="w.toml", critical=("fog",)), CASE)[1]
    assert free.state != "refused"
    assert (refused.state, "is critical" in refused.text) == ("refused", True)


def test_what_is_called_critical_must_be_there():
    found = edge_findings()
    checks, _ = excuse((), found, Gate(critical=("worn", "wett")), CASE)
    assert checks[-1].outcome is Outcome.ERROR
    assert checks[-1].reason == "critical: no check looks at 'wett'; did you mean 'wet'?"
    checks, _ = excuse((), found, Gate(critical=("worn",)), CASE)
    assert checks[-1].outcome is Outcome.PASS


def test_a_policy_without_waivers_has_none_whatever_is_given(bad):
    judgement = Judgement(
        comparisons=bad.comparisons,
        disparities=bad.disparities,
        checks=tuple(replace(check, waived=("X",)) for check in bad.checks),
        verdict=bad.verdict,
        scope=NOTHING_SEEN,
        blind_spots=(),
        notes=(),
    )
    found = waive(judgement, failing(bad), Gate(), CASE)
    assert (found.checks, found.waivers) == (bad.checks, ())
    assert found.verdict.exit_code == 1


@given(days=st.integers(-400, 400), length=st.integers(0, 400), age=st.integers(-400, 400))
def test_a_waiver_holds_on_the_days_that_it_names_and_on_no_other(days, length, age):
    created = TODAY + timedelta(days=age)
    made = replace(WAIVER, check="edge cases", slice="worn", created=created.isoformat())
    made = replace(made, expires=(created + timedelta(days=length)).isoformat())
    on = TODAY + timedelta(days=days)
    policy = Gate(waivers="waivers.toml", waiver_days=90)
    _, (found,) = excuse([made], edge_findings(), policy, replace(CASE, date=on))
    assert (found.state == "in force") == (created <= on <= created + timedelta(days=length) and length <= 90)
    assert found.days_left == (created + timedelta(days=length) - on).days


@given(ceiling=st.floats(0.001, 0.9), more=st.floats(0, 0.5))
def test_a_higher_ceiling_never_makes_a_waiver_lapse(ceiling, more):
    made = replace(WAIVER, check="edge cases", slice="worn", ceiling=ceiling)
    higher = replace(made, ceiling=ceiling + more)
    _, (low, high) = excuse([made, higher], edge_findings(), Gate(waivers="waivers.toml"), CASE)
    assert (low.state, high.state) != ("in force", "lapsed")


def test_the_same_day_gives_the_same_and_only_the_day_changes_it(bad):
    assert verdict(bad, failing(bad)) == verdict(bad, failing(bad))
    assert verdict(bad, failing(bad), case=replace(CASE, date=date(2027, 6, 1)))[0].exit_code == 2


def toml(waivers):
    text = ""
    for waiver in waivers:
        text += "[[waivers]]\n" + "".join(
            f"{key} = {value if key in ('created', 'expires', 'ceiling') else repr(value)}\n"
            for key, value in vars(waiver).items()
            if value not in (None, "")
        )
    return text


def today(waiver, days=20):
    """The waiver as of the real clock, which a run reads."""
    now = date.today()
    return replace(waiver, created=now.isoformat(), expires=date.fromordinal(now.toordinal() + days).isoformat())


@pytest.fixture
def suite(tmp_path, bad):
    folder = tmp_path / "suite"
    small_suite_of(folder, release='author = "M. Aker"', gate='waivers = "waivers.toml"')
    (folder / "waivers.toml").write_text(toml([today(w, 5) for w in failing(bad)]), encoding="utf-8")
    return folder


def test_from_the_file_to_every_output_and_back(suite, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["run", str(suite), "--out", str(out)]) == 0
    assert "bad: PASS (" in capsys.readouterr().out
    record = read_record(out / "bad" / "results.json")
    assert record.verdict.outcome is Outcome.PASS
    names = [it.waiver.id for it in record.waivers]
    assert len(names) > 2
    for text in (render([record]), summary([record])):
        assert "waived)" in text
        assert all(name in text.replace("\\", "") for name in names)
        assert "5 days left" in text
    found = verify(out)
    assert (found.wrong, found.exit_code) == ((), 0)


def test_data_in_batches_are_waived_the_same(suite, tmp_path):
    at_once = evaluate(load_suite(suite))
    path = suite / "suite.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('path = "data.csv"', 'path = "data.csv"\nbatch_rows = 700'), encoding="utf-8")
    batched = evaluate(load_suite(suite))
    assert [one.record.waivers for one in batched] == [one.record.waivers for one in at_once]
    assert [one.record.verdict.waived for one in batched] == [one.record.verdict.waived for one in at_once]
    assert batched[1].record.verdict.line.startswith("PASS (")


def test_of_several_models_a_waiver_counts_for_the_one_it_names(suite):
    good, bad_one = (one.record for one in evaluate(load_suite(suite)))
    assert (good.waivers, good.verdict.waived, good.verdict.outcome) == ((), 0, Outcome.PASS)
    assert bad_one.verdict.waived > 2
    path = suite / "waivers.toml"
    text = path.read_text(encoding="utf-8")
    right = f"artifact = '{bad_one.compressed.sha256}'\nreason = "
    path.write_text(text.replace("reason = ", right, 1), encoding="utf-8")
    assert evaluate(load_suite(suite))[1].record.verdict.exit_code == 0
    path.write_text(text.replace("reason = ", f"artifact = '{'0' * 64}'\nreason = ", 1), encoding="utf-8")
    good, bad_one = (one.record for one in evaluate(load_suite(suite)))
    assert (good.verdict.exit_code, bad_one.verdict.exit_code) == (0, 2)
    assert "W-0: it is for another artifact" in bad_one.verdict.reasons[0]
    path.write_text(text.replace("compressed = 'bad'", "compressed = 'good'"), encoding="utf-8")
    good, bad_one = (one.record for one in evaluate(load_suite(suite)))
    assert bad_one.verdict.exit_code == 1


def test_in_a_test_what_is_waived_is_no_failure(suite):
    fixture = pytest_plugin.Gate(None)
    assert [record.verdict.exit_code for record in fixture.run(suite)] == [0, 0]
    path = suite / "waivers.toml"
    first, *others = path.read_text(encoding="utf-8").split("[[waivers]]\n")[1:]
    path.write_text("".join(f"[[waivers]]\n{other}" for other in others), encoding="utf-8")
    assert "slice = 'all'" in first
    with pytest.raises(pytest.fail.Exception) as caught:
        fixture.run(suite)
    line, *named = str(caught.value).splitlines()
    assert line.startswith("bad: ")
    assert [text.split(": ")[2] for text in named] == ["all"]


def test_verify_judges_as_of_the_day_of_the_run_and_finds_what_was_forged(suite, tmp_path):
    out = tmp_path / "out"
    first, *others = evaluate(load_suite(suite))
    old = others[0].record
    aged = replace(old, run=replace(old.run, started=old.run.started.replace("2", "1", 1)))  # a thousand years ago
    for record, wrong in ((old, False), (aged, True), (replace(old, waivers=old.waivers[1:]), True)):
        write([first.record, record], [first.rows, others[0].rows], out)
        found = verify(out)
        assert bool(found.wrong) == wrong
    assert any("verdict.outcome: recorded PASS" in text for text in found.wrong)


def test_an_expired_waiver_exits_2_with_the_evidence_written(suite, tmp_path, capsys):
    text = (suite / "waivers.toml").read_text(encoding="utf-8")
    first = text.replace("expires = ", "expires = 2020-01-31 # ", 1).replace("created = ", "created = 2020-01-01 # ", 1)
    (suite / "waivers.toml").write_text(first, encoding="utf-8")
    assert cli.main(["run", str(suite), "--out", str(tmp_path / "out")]) == 2
    assert "W-0: it expired on 2020-01-31" in " ".join(capsys.readouterr().out.split())
    assert verify(tmp_path / "out").exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("reason = 'the rest is worth it'", "reason = ' '", "waivers[0].reason: must not be empty"),
        ("reason = ", "ceiling = 0\nreason = ", "waivers[0].ceiling: must be more than 0"),
        ("risk_owner = 'R. Owner'\n", "", "waivers[0].risk_owner: is required"),
        ("check = 'non-inferiority'", "check = 'integrity'", "waivers[0].check: must be"),
        (
            "compressed = 'bad'",
            "compressed = 'bed'",
            "waivers[0].compressed: must be one of good, bad; did you mean 'bad'?",
        ),
        ("id = 'W-1'", "id = 'W-0'", "ids of waivers must differ"),
        ("created = ", "created = 'soon' # ", "waivers[0].created: must be a date as in 2026-03-31"),
        ("expires = ", "expires = '20261201' # ", "waivers[0].expires: must be a date as in 2026-03-31"),
        ("reason = ", "artifact = 'ABC'\nreason = ", "waivers[0].artifact: must be a SHA-256"),
        ("reason = ", "reasons = ", "waivers[0].reasons: unknown key"),
        ("id = 'W-0'", "id = 'W-0", "is not valid TOML"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_its_place(suite, old, new, rule):
    path = suite / "waivers.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SuiteError) as caught:
        load_waivers(load_suite(suite))
    assert rule in str(caught.value)
    assert "waivers.toml" in str(caught.value)
    assert caught.value.exit_code == 2


def test_waivers_need_an_author_whom_they_can_exclude(suite):
    path = suite / "suite.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('author = "M. Aker"', ""), encoding="utf-8")
    with pytest.raises(SuiteError, match="must name the author"):
        evaluate(load_suite(suite))
    (suite / "waivers.toml").unlink()
    with pytest.raises(SuiteError, match=r"waivers\.toml: cannot be read"):
        evaluate(load_suite(suite))


def test_the_documented_file_is_read_and_names_every_key(tmp_path):
    page = (Path(__file__).parents[1] / "docs" / "waivers.md").read_text(encoding="utf-8")
    policy, example = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    release, gate = policy.removeprefix("[release]\n").split("[gate]\n")
    loaded = small_suite_of(tmp_path / "suite", release=release, gate=gate)
    (loaded.folder / "waivers.toml").write_text(example.replace("pruned-90", "bad"), encoding="utf-8")
    (waiver,) = load_waivers(loaded)
    assert (waiver.id, waiver.check, waiver.expires, waiver.ceiling) == ("W-12", "non-inferiority", "2026-12-31", 0.08)
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))))
    assert named == {field.name for field in fields(Waiver)}


def test_check_reads_the_waivers_too(suite, capsys):
    assert cli.main(["check", str(suite)]) == 0
    path = suite / "waivers.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("expires = ", "expires = 2020-01-31 # ", 1), encoding="utf-8")
    assert cli.main(["check", str(suite)]) == 2
    told = capsys.readouterr().err
    assert "waivers.toml: waivers[0]: W-0: it expires on 2020-01-31, before it was created" in told
    path.write_text(text.replace("approved_by = 'A. Pprover'", "approved_by = 'm. aker'"), encoding="utf-8")
    assert cli.main(["check", str(suite)]) == 2
    told = capsys.readouterr().err
    assert "mistakes" in told
    assert "waivers[1]: W-1: 'm. aker' is the author" in told
