"""Lines of a suite file's tables: tomllib itself says whether a header stands there, and which table it begins."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.mistakes import key_path
from validate.suite_lines import table_lines

MARK = "marked-by-this-test"
SUITES = sorted((Path(__file__).parents[1] / "suites").glob("*/suite.toml"))
# statements of one or more lines, with brackets wherever one may be that begins no table
STATEMENTS = (
    "a = 1",
    "# [comment]",
    "",
    'b = "[no] # table"',
    "c = '[no]'",
    'd = """\n[no]\n"""',
    "e = '''\n[[no]]\n'''",
    'f = """\\"""\n[no]\n"""""',
    "g = '''\n[no]'''''",
    'h = "\\\\" # "\n',
    "i = [\n[1, 2],\n[3], # ]\n]",
    'j = [\n"]",\n[\n"[no]"]\n]',
    "k = { x = [1], y = '}' }",
    "'[l]' = 1",
    '"m]" . n = [[1]]',
    "[t]",
    "[t.u] # [no]",
    " [ \"t\" . 'v.w' ] ",
    "[[s]]",
    "\t[[s]] # [[no]]",
    "[s.part]",
    "[[s.part]]",
    '[[ "a]b" ]]',
    "['#']",
)


def inserted(text: str, line: int) -> str | None:
    """The way to the table in which a key after this line is, as tomllib reads it; None if it is in none or not a key."""
    lines = text.split("\n")
    lines.insert(line, f"{MARK} = 1")
    try:
        return _way(tomllib.loads("\n".join(lines)), ())
    except tomllib.TOMLDecodeError:
        return None


def _way(node, path):
    if isinstance(node, dict) and MARK in node:
        return key_path(*path) if path else None
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return next((found for key, value in inner if (found := _way(value, (*path, key))) is not None), None)


def holds(text: str) -> None:
    found = table_lines(text)
    text = text.replace("\r\n", "\n")  # as tomllib does
    begins = [n for n, line in enumerate(text.split("\n"), start=1) if line.strip(" \t").startswith("[")]
    inside = {n: way for n in begins if (way := inserted(text, n)) is not None}
    starts = {n for n in inside if _is_header(text, n)}
    assert {line: key for key, line in found.items()} == {n: inside[n] for n in starts}


def _is_header(text: str, n: int) -> bool:
    """A header can be taken for a comment and all is still TOML; a line of a string or of an array cannot stand for one."""
    before = "\n".join(text.split("\n")[: n - 1])
    try:
        tomllib.loads(before)
    except tomllib.TOMLDecodeError:
        return False
    return True


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.parent.name)
def test_every_shipped_suite(path):
    text = path.read_text()
    assert table_lines(text)
    holds(text)


@given(st.lists(st.sampled_from(STATEMENTS), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_tomllib_agrees(statements, end):
    text = end.join(statement.replace("\n", end) for statement in statements)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # the same table twice
    holds(text)


def test_keys_are_written_as_in_messages_about_them():
    text = '[gate]\n[[slices]]\n[slices."bins of"]\n[[slices]]\n[models.compressed."int8.v2"]\nx = [\n[1]]\n'
    assert table_lines(text) == {
        "gate": 1,
        "slices[0]": 2,
        'slices[0]."bins of"': 3,
        "slices[1]": 4,
        'models.compressed."int8.v2"': 5,
    }


def test_a_large_file_takes_no_time():
    rows = "\n".join("[1, 2]," for _ in range(90_000))
    assert table_lines(f"a = [\n{rows}\n]\n[gate]\n") == {"gate": 90_003}
