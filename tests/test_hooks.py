import hashlib
import re
import sys

import pytest

from validate.errors import DataError, SuiteError
from validate.hooks import hook_files, load_hook, user_code

PLACE = "suite.toml: data.columns[0].python"


def test_a_function_of_a_file(tmp_path):
    (tmp_path / "columns.py").write_text("def double(x):\n    return 2 * x\n")
    assert load_hook(tmp_path, "columns.py:double", PLACE)(21) == 42


def test_a_file_may_import_its_neighbours(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "__init__.py").write_text("")
    (tmp_path / "net" / "layers.py").write_text("from ..units import ONE\nTWO = 2 * ONE\n")
    (tmp_path / "units.py").write_text("ONE = 1\n")
    (tmp_path / "late.py").write_text("THREE = 3\n")
    (tmp_path / "models.py").write_text(
        "from .net.layers import TWO\n\ndef build():\n    from .late import THREE\n    return TWO + THREE\n"
    )
    assert load_hook(tmp_path, "models.py:build", PLACE)() == 5
    assert [name for name, _ in hook_files(tmp_path, ["models.py:build"])] == [
        "late.py",
        "models.py",
        "net/__init__.py",
        "net/layers.py",
        "units.py",
    ]


def test_dataclasses_with_deferred_annotations_work(tmp_path):
    (tmp_path / "models.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Size:\n    width: int\n\ndef build():\n    return Size(3).width\n"
    )
    assert load_hook(tmp_path, "models.py:build", PLACE)() == 3


def test_what_the_file_says_now_is_what_runs(tmp_path):
    file = tmp_path / "columns.py"
    file.write_text("def f():\n    return 1\n")
    assert load_hook(tmp_path, "columns.py:f", PLACE)() == 1
    file.write_text("def f():\n    return 2\n")
    assert load_hook(tmp_path, "columns.py:f", PLACE)() == 2
    assert not list(tmp_path.rglob("*.pyc"))


def test_no_module_is_left_under_a_name_that_others_use(tmp_path):
    (tmp_path / "columns.py").write_text("def f():\n    return 1\n")
    load_hook(tmp_path, "columns.py:f", PLACE)
    assert "columns" not in sys.modules
    assert not any(str(tmp_path) in entry for entry in sys.path)


def test_hashes_are_of_the_bytes(tmp_path):
    (tmp_path / "columns.py").write_bytes(b"def f():\n    return 1\n")
    digest = hashlib.sha256(b"def f():\n    return 1\n").hexdigest()
    assert hook_files(tmp_path, ["columns.py:f", "columns.py:f"]) == [("columns.py", digest)]


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("columns.py", 'must read "file.py:function"'),
        ("columns:f", 'must read "file.py:function"'),
        ("../columns.py:f", 'must read "file.py:function"'),
        ("/etc/columns.py:f", 'must read "file.py:function"'),
        ("columns.py:f()", 'must read "file.py:function"'),
        ("other.py:f", "there is no file other.py in the suite's folder"),
        ("columns.py:g", "columns.py must define the function g"),
        ("columns.py:NUMBER", "columns.py must define the function NUMBER"),
        ("broken.py:f", "broken.py, line 2: SyntaxError"),
        ("failing.py:f", "failing.py, line 1: ZeroDivisionError: division by zero"),
        ("leaving.py:f", "leaving.py, line 2: SystemExit: 3"),
        ("outside.py:f", "code is read only from the suite's own folder"),
    ],
)
def test_what_cannot_be_loaded_is_the_suite_s_mistake(tmp_path, spec, rule):
    suite = tmp_path / "suite"
    suite.mkdir()
    (tmp_path / "outside.py").write_text("def f():\n    return 1\n")
    (suite / "outside.py").symlink_to(tmp_path / "outside.py")
    (suite / "columns.py").write_text("NUMBER = 1\n\ndef f():\n    return 1\n")
    (suite / "broken.py").write_text("x = 1\ndef f(:\n")
    (suite / "failing.py").write_text("1 / 0\n")
    (suite / "leaving.py").write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(SuiteError, match=re.escape(rule)) as caught:
        load_hook(suite, spec, PLACE)
    assert caught.value.place == PLACE
    assert caught.value.exit_code == 2


def test_a_neighbour_outside_the_folder_is_not_found(tmp_path):
    suite = tmp_path / "suite"
    suite.mkdir()
    (tmp_path / "secret.py").write_text("X = 1\n")
    (suite / "secret.py").symlink_to(tmp_path / "secret.py")
    (suite / "columns.py").write_text("from .secret import X\n\ndef f():\n    return X\n")
    with pytest.raises(SuiteError, match="ModuleNotFoundError"):
        load_hook(suite, "columns.py:f", PLACE)


def test_what_a_hook_raises_names_its_own_line(tmp_path):
    (tmp_path / "columns.py").write_text("import json\n\ndef f(text):\n    return json.loads(text)\n")
    hook = load_hook(tmp_path, "columns.py:f", PLACE)
    with pytest.raises(DataError) as caught, user_code(DataError, "derived column 'f'", tmp_path):
        hook("[1, \x1b[31m\n2")
    assert str(caught.value).startswith("derived column 'f': columns.py, line 4: JSONDecodeError: ")
    assert str(caught.value).isprintable()


def test_our_own_errors_pass_through_user_code(tmp_path):
    with pytest.raises(SuiteError, match="mine"), user_code(DataError, "place", tmp_path):
        raise SuiteError("mine", "rule")
