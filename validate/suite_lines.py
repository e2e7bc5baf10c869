"""Where the tables of a suite file begin: `tomllib` tells no lines, and findings are shown beside the file's text."""

import re
import tomllib
from collections.abc import Iterator, Mapping

from validate.mistakes import key_path

# what can hold a bracket or a line's end without meaning one, then those; the text is known to be valid TOML
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # up to two quotes may stand before the three that close it
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'"
    r"|\#[^\n]*"
    r"|[\[\]{}\n]",
    re.DOTALL,
)


def table_lines(text: str) -> Mapping[str, int]:
    """The line of each table's header, from 1, by its key path: {"gate": 12, "slices[0]": 20}; `text` is valid TOML."""
    lines = text.split("\n")
    known: dict[tuple[str | int, ...], int] = {}  # arrays of tables, and the number of their last one
    return {key_path(*_path(lines[at], known)): at + 1 for at in _headers(text)}


def _headers(text: str) -> Iterator[int]:
    """The lines, from 0, that begin with a bracket outside of every string, comment, array and table in a line."""
    line, begin, depth = 0, 0, 0
    for token in _TOKEN.finditer(text):
        found = token[0]
        if found == "[" and not depth and not text[begin : token.start()].strip():
            yield line
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found, 0)
        line += found.count("\n")
        if found == "\n":
            begin = token.end()


def _path(header: str, known: dict[tuple[str | int, ...], int]) -> tuple[str | int, ...]:
    """The way to the table of this header; in an array of tables it is the next one, or a part of the last."""
    path: list[str | int] = []
    here = tomllib.loads(header.strip())
    while here:
        ((name, inner),) = here.items()
        path.append(name)
        if isinstance(inner, list):
            known[tuple(path)] = known.get(tuple(path), -1) + 1
        if tuple(path) in known:
            path.append(known[tuple(path)])
        here = inner[0] if isinstance(inner, list) else inner
    return tuple(path)
