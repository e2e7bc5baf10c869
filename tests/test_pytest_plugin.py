"""The fixture for pytest: a slice that fails is a failed test with its numbers, and a pass is a pass."""

from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

# an installed paritygate brings it along by its entry point; a checkout that is only on the path does not
INSTALLED = any(found.name == "paritygate" for found in entry_points(group="pytest11"))
PLUGIN = () if INSTALLED else ("-p", "validate.pytest_plugin")

TEST = """
import pandas as pd

def answers(lost):
    frame = pd.DataFrame({
        "kind": ["oak", "fir"] * 400,
        "light": (["day"] * 3 + ["dusk"]) * 200,
    })
    dense = frame["kind"]
    wrong = (frame["light"] == "dusk") & (frame.index % 4 == 3) & (frame.index < lost)
    return frame, dense, dense.where(~wrong, "oak")

def test_parity(paritygate):
    frame, dense, compressed = answers(LOST)
    paritygate.judge(frame, label="kind", dense=dense, compressed=compressed, slices=["light"])
"""


@pytest.fixture
def outcome(pytester):
    def outcome(lost, *options):
        pytester.makepyfile(TEST.replace("LOST", str(lost)))
        return pytester.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider", *options)

    return outcome


def test_the_same_answers_pass(outcome):
    outcome(0).assert_outcomes(passed=1)


def test_a_slice_that_fails_is_a_failed_test_with_its_numbers_and_each_check_a_subtest(outcome):
    result = outcome(600, "-rA")
    assert result.ret == 1
    result.stdout.re_match_lines([r".*screen: FAIL: .*light: dusk \(−\d+\.\d\d points.*n = 200\).*"])
    result.stdout.fnmatch_lines(["*FAIL · * guarded checks*"])
    failed = result.stdout.str()
    assert failed.count("SUBFAILED") >= 2
    assert "non-inferiority: label: fir: FAIL" in failed


def test_without_subtests_one_failure_lists_them_all(outcome):
    result = outcome(600, "-p", "no:subtests")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*non-inferiority: label: fir: FAIL: *", "*screen: FAIL: *"])


def test_a_suite_is_run_and_its_failing_model_named(pytester, monkeypatch):
    pytester.makepyfile(
        """
        from validate.cli import main

        def test_starter(paritygate):
            assert main(["init", "mine"]) == 0
            (record,) = paritygate.run("mine")
            assert record.verdict.outcome == "PASS"
            with open("mine/suite.toml", "a") as file:
                file.write('[[slices]]\\nname = "dusk"\\nwhere = "light == \\'dusk\\'"\\nguard = true\\nmargin = 0.05\\n')
            paritygate.run("mine")
        """
    )
    result = pytester.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*int8: FAIL · *", "*int8: non-inferiority: dusk: FAIL: *beyond the margin of 5 points*"]
    )
