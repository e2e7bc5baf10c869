"""What a search found, as text for a terminal and as TOML for a suite file."""

import dataclasses
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from validate import wording
from validate.discovery import Discovery, Finding
from validate.report.discovery import change_text, found_change_text, looked_at
from validate.terminal import printable

WIDTH = 110  # of the lines that are wrapped; what is to be pasted never is
VERSIONS = 3  # of a finding that are shown; --json has more


def text(found: Mapping[str, Discovery], *, suite: str) -> str:
    """Every compressed model's findings."""
    return "\n".join(line for name, one in found.items() for line in _model(suite, name, one))


def toml(found: Mapping[str, Discovery], *, suite: str) -> str:
    """The findings as slices to paste into the suite file; slices that two models share come once."""
    parts, known = [f"# Slices that `paritygate discover {_comment(suite)}` found and confirmed.\n"], set[str]()
    for name, one in found.items():
        parts.append(f"# {_comment(name)}: {_comment(one.summary)}\n")
        parts += [f.suggestion for f in one.findings if f.where == "" or f.where not in known]
        known |= {f.where for f in one.findings}
    return "\n".join(parts)


def as_json(found: Mapping[str, Discovery]) -> Mapping[str, Any]:
    """The findings for machines; a limit that is not finite is null."""
    return {name: finite(dataclasses.asdict(one)) for name, one in found.items()}


def _model(suite: str, name: str, one: Discovery) -> Iterator[str]:
    yield from _wrapped(f"{suite} · {name}: {one.summary}")
    yield from _wrapped(looked_at(one), indent="  ")
    for i, finding in enumerate(one.findings, start=1):
        yield ""
        yield from _finding(i, one, finding)
    if one.limits:
        yield ""
        yield "  Not looked at:"
        for limit in one.limits:
            yield from _wrapped(f"– {limit}", indent="    ")
    yield ""


def _finding(i: int, one: Discovery, finding: Finding) -> Iterator[str]:
    yield from _wrapped(f"{i}. {finding.name}", indent="  ")
    facts = [
        f"n {finding.n:,} ({wording.share(finding.share)}), change {change_text(one, finding)}, "
        f"adjusted p {wording.p_value(finding.p_adjusted)}",
        f"on the half that was searched: {found_change_text(one, finding)}",
        f"for example: {', '.join(finding.ids)}",
    ]
    facts += [f"the same damage, seen as: {'; '.join(finding.versions[:VERSIONS])}"] * bool(finding.versions)
    for fact in facts:
        yield from _wrapped(fact, indent="     ")
    yield ""
    yield from (f"     {printable(line)}" for line in finding.suggestion.splitlines())


def _wrapped(line: str, indent: str = "") -> Sequence[str]:
    return textwrap.wrap(printable(line), WIDTH, initial_indent=indent, subsequent_indent=indent + "   ")


def _comment(line: str) -> str:
    return printable(line).replace("\x7f", "")


def finite(value: object) -> object:
    """The value for JSON: a number that is not finite is null."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
