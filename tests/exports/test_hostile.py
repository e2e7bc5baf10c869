"""Hostile text in every text of a record, found by its types: a new field is covered by itself, in every output."""

import dataclasses
import io
import json
import re
import types
import typing
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from tests import samples
from validate import terminal
from validate.errors import OutputError
from validate.evidence import EvidenceRecord, as_json, to_json
from validate.exports.annotations import annotations
from validate.exports.files import read_records, rendered, write

TEXT = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(2)>]]><!--&amp; </td></style></title>\x00\x07\x9b31m"
    "\x1b[31m\x1b]0;x\x07 \r\n::error::x\n\n# h\n- `| **b** ![i](http://e.example/p) [l](javascript:alert(3)) @all"
    " \u202e\u2066\ud7ff\ufffe {0} {{x}} ${{ x }} %0A" + "long " * 2_000
)
# Words of the engine's own in fields of text: read back strictly, or looked up; another word is not evidence at all.
WORDS = {
    ("Gate", "metric"): "accuracy",
    ("Comparison", "metric"): "accuracy",
    ("Waiver", "created"): "2026-01-01",
    ("Waiver", "expires"): "2026-03-01",
    ("Transfer", "made_on"): "dense",
    ("Measured", "quantity"): "throughput",
    ("EvidenceRecord", "compressed_name"): "pruned-95",  # the name of its folder, or the record is refused
    ("RunFacts", "started"): "2026-01-02T03:04:05Z",  # the day on which waivers are judged
    ("RunFacts", "finished"): "2026-01-02T03:04:05Z",
}
# Names of the same thing: a record whose parts do not name each other is not evidence.
SAME = {
    ("EdgeResult", "slice"): ("Slice", "name"),
    ("Transfer", "slice"): ("Slice", "name"),
}
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
COMMAND = re.compile(r"::(error|warning) (file=[^,:\r\n]+,line=\d+,)?title=[^,:]+::[^\r\n]+")


@cache
def hints(kind: type) -> Mapping[str, object]:
    return {name: hint for name, hint in typing.get_type_hints(kind).items() if name in _fields(kind)}


def _fields(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def classes(hint: object) -> Iterator[type]:
    """Every dataclass that a type reaches, once for each way to it."""
    if dataclasses.is_dataclass(hint):
        yield hint
    for inner in typing.get_args(hint):
        yield from classes(inner)


@cache
def reachable() -> tuple[type, ...]:
    found: dict[type, None] = {}
    waiting = [EvidenceRecord]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found[kind] = None
            waiting += [inner for hint in hints(kind).values() for inner in classes(hint)]
    return tuple(found)


def made(hint: object, value: object, wanted: type, place: str) -> object:  # noqa: PLR0911 - one return for each kind of type
    """The value with hostile text wherever `wanted` has text, and something wherever it had nothing."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return made(inner[0], value, wanted, place)
    if origin in (typing.Union, types.UnionType):
        some = [it for it in inner if it is not type(None)]
        text = str in some and (value is None or isinstance(value, str))
        fitting = [it for it in some if isinstance(it, type) and isinstance(value, it)]
        return made(str if text else (fitting or some)[0], value, wanted, place)
    if origin is typing.Literal:
        return inner[0] if value is None else value
    if origin is tuple:
        many = len(inner) == 2 and inner[1] is Ellipsis
        values = (value or (None,)) if many else (value or [None] * len(inner))
        kinds = [inner[0]] * len(values) if many else inner
        return tuple(made(kind, it, wanted, place) for kind, it in zip(kinds, values, strict=True))
    if origin is not None and issubclass(origin, Mapping | dict):
        pairs = value.items() if value else [(None, None)]
        named = [(made(inner[0], key, wanted, f"{place}, key"), made(inner[1], it, wanted, place)) for key, it in pairs]
        return {
            f"{i} {key}" if key != old[0] else key: it
            for i, ((key, it), old) in enumerate(zip(named, pairs, strict=True))
        }
    if dataclasses.is_dataclass(hint):
        return hint(
            **{
                name: made(
                    inner, getattr(value, name, WORDS.get((hint.__name__, name))), wanted, _place(hint, name, wanted)
                )
                for name, inner in hints(hint).items()
            }
        )
    if hint is str:
        return f"{place}: {TEXT}" if place else "word" if value is None else value
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint)) if value is None else value
    return {bool: True, int: 2, float: 0.5}.get(hint, 1) if value is None else value


def _place(kind: type, name: str, wanted: type) -> str:
    """The name under which a field's text is known in what is rendered; nothing for what stays as it is."""
    place = SAME.get((kind.__name__, name), (kind.__name__, name))
    return ".".join(place) if place[0] == wanted.__name__ and place not in WORDS else ""


WITH_TEXT = [kind for kind in reachable() if "str" in str(hints(kind).values())]


@cache
def outputs(kind: type, folder: Path) -> tuple[EvidenceRecord, dict[str, str], list[str], str]:
    record = made(EvidenceRecord, samples.failing(), kind, "")
    files = {name: raw.decode() for name, raw in rendered([record], folder).items() if raw is not None}
    stream = io.StringIO()
    console = Console(file=stream, width=100, color_system=None, force_terminal=False)
    console.print(terminal.summary([record], report=folder / "report.html", width=100))
    return record, files, list(annotations([record])), stream.getvalue()


class Page(HTMLParser):
    """What a browser would run, fetch or obey."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        if tag in {"img", "iframe", "object", "embed", "form", "base"}:
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on") or name == "style"]
        self.found += [
            f"{tag} {name}={value}"
            for name, value in attrs
            if name in {"href", "src"} and not (value or "").startswith("#")
        ]


def strings(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (text for key, value in node.items() for text in (key, *strings(value)))
    elif isinstance(node, list):
        yield from (text for value in node for text in strings(value))
    elif isinstance(node, str):
        yield node


@pytest.mark.parametrize("kind", WITH_TEXT, ids=lambda kind: kind.__name__)
def test_nothing_gets_through(kind, tmp_path):
    record, files, commands, shown = outputs(kind, tmp_path)
    told = [it for it in strings(as_json(record)) if it.startswith(f"{kind.__name__}.")]
    assert told or all((kind.__name__, name) in WORDS for name, hint in hints(kind).items() if "str" in str(hint))
    page = Page(files["report.html"])
    assert (page.found, page.scripts) == (["link href=data:,"], 1)  # the icon that is none
    for name, text in files.items():
        assert not FORBIDDEN.search(text), f"{name}: {FORBIDDEN.search(text)}"
        if name.endswith(("json", "sarif")):
            assert not [it for it in strings(json.loads(text)) if FORBIDDEN.search(it)], name
    ET.fromstring(files["junit.xml"])
    summary = files["summary.md"]
    assert not re.search(
        r"(?<!\\)(<|`|!?\[[^\]]*(?<!\\)\]\()", summary.replace("`report.html`", "").replace("`results.json`", "")
    )
    assert not re.search(r"^(::|# h)|@all", summary, re.MULTILINE)
    assert all(COMMAND.fullmatch(line) for line in commands)
    assert not FORBIDDEN.search(shown)


def test_the_walk_reaches_what_there_is():
    known = {(kind.__name__, name) for kind in reachable() for name in _fields(kind)}
    assert {*WORDS, *SAME, *SAME.values()} <= known
    assert {"CheckResult", "Slice", "EdgeEvidence", "Cost", "Finding", "Waiver"} <= {it.__name__ for it in WITH_TEXT}


def test_a_record_does_not_choose_another_folder_than_its_own(tmp_path):
    write([samples.failing()], [None], tmp_path / "out")
    path = tmp_path / "out" / "pruned-95" / "results.json"
    path.write_bytes(to_json(dataclasses.replace(samples.failing(), compressed_name="../../outside")))
    with pytest.raises(OutputError, match="is not of pruned-95"):
        read_records(tmp_path / "out")
