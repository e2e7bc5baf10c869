import os
import subprocess
import sys

import pandas as pd
import pytest

from validate.contract import check_contract
from validate.errors import SuiteError
from validate.outcome import Outcome

FRAME = pd.DataFrame(
    {
        "age": [1.0, 2.0, 3.0, None],
        "country": ["NO", "SE", "NA", "x\x1b[31m"],
        "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]),
    }
)


def check(tmp_path, *expectations, frame=FRAME):
    path = tmp_path / "contract.toml"
    path.write_text("\n".join(f"[[expectations]]\n{expectation}\n" for expectation in expectations))
    return check_contract(frame, path)


MANY = (
    'type = "expect_column_values_to_be_between"\ncolumn = "age"\nmin_value = 2',
    'type = "expect_column_mean_to_be_between"\ncolumn = "age"\nmax_value = 1.5',
    'type = "expect_column_values_to_not_be_null"\ncolumn = "aeg"',
    'type = "expect_column_to_exist"\ncolumn = "aeg"',
    'type = "expect_column_values_to_be_in_set"\ncolumn = "country"\nvalue_set = ["NO", "SE"]',
    'type = "expect_column_values_to_be_in_set"\ncolumn = "country"\nvalue_set = ["NO", "SE"]',
    'type = "expect_table_row_count_to_be_between"\nmin_value = 1',
    'type = "expect_compound_columns_to_be_unique"\ncolumn_list = ["age", "country"]',
    'type = "expect_column_distinct_values_to_equal_set"\ncolumn = "country"\nvalue_set = ["NO", "SE", "NA", "DK"]',
    'type = "expect_column_mean_to_be_between"\ncolumn = "country"\nmin_value = 1',
)


def test_results_come_in_the_order_of_the_file_with_reasons(tmp_path):
    results = check(tmp_path, *MANY)
    assert [(result.subject, result.outcome) for result in results] == [
        ("age", Outcome.FAIL),
        ("age", Outcome.FAIL),
        ("aeg", Outcome.ERROR),
        ("aeg", Outcome.FAIL),
        ("country", Outcome.FAIL),
        ("country", Outcome.FAIL),
        ("", Outcome.PASS),
        ("age, country", Outcome.PASS),
        ("country", Outcome.FAIL),
        ("country", Outcome.ERROR),
    ]
    assert [result.expectation for result in results] == [entry.split('"')[1] for entry in MANY]
    reasons = [result.reason for result in results]
    assert reasons[0] == "does not hold: 1 of 4 values, such as 1.0; asked was min_value = 2"
    assert reasons[1] == "does not hold: observed 2.0; asked was max_value = 1.5"
    assert reasons[2] == "there is no column 'aeg'; did you mean 'age'?"
    assert reasons[9] == "could not be evaluated: Cannot perform reduction 'mean' with string dtype"
    assert reasons[3] == "does not hold"
    assert reasons[6] == "holds"
    assert "unexpected 'x\\x1b[31m', missing 'DK'" in reasons[8]
    assert all(reason.isprintable() for reason in reasons)


def test_a_date_is_the_midnight_that_it_begins_with(tmp_path):
    held, broken = check(
        tmp_path,
        'type = "expect_column_values_to_be_between"\ncolumn = "day"\nmin_value = 2024-01-01',
        'type = "expect_column_values_to_be_between"\ncolumn = "day"\nmax_value = 2024-01-03',
    )
    assert held.outcome is Outcome.PASS
    assert broken.outcome is Outcome.FAIL
    assert "asked was max_value = 2024-01-03" in broken.reason


def test_mostly_tolerates_some(tmp_path):
    (result,) = check(tmp_path, 'type = "expect_column_values_to_not_be_null"\ncolumn = "age"\nmostly = 0.7')
    assert result.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "contract.toml: a contract needs at least one [[expectations]]"),
        ("expectations = []", "contract.toml: a contract needs at least one [[expectations]]"),
        ("[[expectation", "contract.toml: is not TOML: Expected ']]'"),
        ("[[expectation]]", "contract.toml: a contract holds [[expectations]] and nothing else (found 'expectation')"),
        ("[[expectations]]", 'contract.toml: expectations[0]: must be a table with type = "expect_…" (found {})'),
        (
            '[[expectations]]\ntype = "expect_column_value_to_be_between"',
            "contract.toml: expectations[0]: there is no such expectation; "
            "did you mean 'expect_column_values_to_be_between'? (found 'expect_column_value_to_be_between')",
        ),
        (
            '[[expectations]]\ntype = "expect_column_values_to_be_between"\ncolumn = "age"\nmin_values = 2',
            "contract.toml: expectations[0]: expect_column_values_to_be_between takes no argument 'min_values'; "
            "did you mean 'min_value'?",
        ),
        (
            '[[expectations]]\ntype = "expect_column_values_to_not_be_null"\ncolumn = 3',
            "contract.toml: expectations[0]: expect_column_values_to_not_be_null: column: str type expected",
        ),
        (
            '[[expectations]]\ntype = "expect_column_values_to_not_be_null"\ncolumn = "age"\ncatch_exceptions = true',
            "contract.toml: expectations[0]: expect_column_values_to_not_be_null takes no argument 'catch_exceptions'",
        ),
        (
            '[[expectations]]\ntype = "expect_column_values_to_be_between"\ncolumn = "age"\nmin_value.$PARAMETER = "x"',
            "contract.toml: is not TOML",
        ),
        (
            '[[expectations]]\ntype = "expect_column_values_to_be_between"\ncolumn = "age"\nmin_value."$PARAMETER" = "x"',
            "contract.toml: could not be run: No value found for $PARAMETER x",
        ),
    ],
)
def test_a_contract_that_is_wrong_is_the_suite_s_mistake(tmp_path, content, message):
    path = tmp_path / "contract.toml"
    path.write_text(content)
    with pytest.raises(SuiteError) as caught:
        check_contract(FRAME, path)
    assert str(caught.value).startswith(message)


def test_a_missing_contract(tmp_path):
    with pytest.raises(SuiteError, match=r"^contract\.toml: could not be read: No such file or directory$"):
        check_contract(FRAME, tmp_path / "contract.toml")


def test_a_condition_never_runs(tmp_path):
    proof = tmp_path / "ran"
    condition = f"@pd.io.common.os.mkdir('{proof}')"
    with pytest.raises(SuiteError, match="conditions that run as code are not allowed"):
        check(
            tmp_path,
            f'type = "expect_column_values_to_not_be_null"\ncolumn = "age"\nrow_condition = "{condition}"\n'
            'condition_parser = "pandas"',
        )
    assert not proof.exists()


QUIET = """
import socket, sys

class Offline(socket.socket):
    def connect(self, *address): raise AssertionError(f"network: {address}")
    connect_ex = connect

socket.socket = Offline
import pandas as pd
from pathlib import Path
from validate.contract import check_contract

print(len(check_contract(pd.DataFrame({"age": [1]}), Path(sys.argv[1]))))
"""


def test_nothing_is_printed_written_or_sent(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    contract = tmp_path / "contract.toml"
    contract.write_text('[[expectations]]\ntype = "expect_column_values_to_not_be_null"\ncolumn = "nope"\n')
    environment = os.environ | {"HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", QUIET, str(contract)],
        check=False,
        capture_output=True,
        text=True,
        cwd=home,
        env=environment,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)
    assert list(home.rglob("*")) == []
