"""waivers.toml: dated, owned, expiring exceptions, each to one check on one slice of one compressed model."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from validate.errors import did_you_mean
from validate.mistakes import Mistake
from validate.suite import LoadedSuite
from validate.suite_file import raise_any, read_document
from validate.suite_words import Said, Table


@dataclass(frozen=True, kw_only=True)
class Waiver(Table):
    """One exception."""

    id: Said
    """What everything that speaks of it calls it, such as "W-12"."""
    check: Literal["non-inferiority", "screen", "disparity", "edge cases"]
    """The kind of check that it excuses."""
    slice: Said
    """On which slice or edge-case set, by its name in the report."""
    compressed: Said
    """For which compressed model, by its name in the suite: the recipe that makes the artifact."""
    artifact: str | None = None
    """SHA-256 of the one artifact that it is for; without it, whatever the recipe gives."""
    reason: Said
    """Why the loss is accepted."""
    risk_owner: Said
    """Who answers for it."""
    approved_by: Said
    """Who allowed it: not the author of the compressed models."""
    created: str
    """When: as in 2026-03-31."""
    expires: str
    """Its last day."""
    ticket: str = ""
    """Where it is followed up."""
    ceiling: Annotated[float, Field(gt=0)] | None = None
    """It lapses once the loss may be larger than this: the far limit of the slice's interval, in the metric's unit."""


@dataclass(frozen=True, kw_only=True)
class _File(Table):
    waivers: tuple[Waiver, ...] = ()


def load_waivers(loaded: LoadedSuite) -> tuple[Waiver, ...]:
    """The waivers of the file that the policy names; none where it names no file.

    Raises:
        SuiteError: as `load_suite`.
    """
    name = loaded.suite.gate.waivers
    if name is None:
        return ()
    waivers = read_document(_File, loaded.folder / name, name).waivers
    raise_any(list(_mistakes(waivers, loaded)), name)
    return waivers


def day(text: str) -> date | None:
    """The date that is written as in 2026-03-31, or None."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.isoformat() == text else None


def _mistakes(waivers: tuple[Waiver, ...], loaded: LoadedSuite) -> Iterator[Mistake]:
    times = Counter(waiver.id for waiver in waivers)
    known = loaded.suite.models.compressed
    if waivers and not loaded.suite.release.author.strip():
        yield Mistake("", "the suite's [release] must name the author of the compressed models, who may approve none")
    for i, waiver in enumerate(waivers):
        place = f"waivers[{i}]"
        for key in ("created", "expires"):
            if day(getattr(waiver, key)) is None:
                yield Mistake(f"{place}.{key}", "must be a date as in 2026-03-31", getattr(waiver, key))
        if times[waiver.id] > 1:
            yield Mistake(f"{place}.id", "ids of waivers must differ", waiver.id)
        if waiver.compressed not in known:
            rule = f"must be one of {', '.join(known)}{did_you_mean(waiver.compressed, known)}"
            yield Mistake(f"{place}.compressed", rule, waiver.compressed)
        if waiver.artifact is not None and not re.fullmatch(r"[0-9a-f]{64}", waiver.artifact):
            yield Mistake(f"{place}.artifact", "must be a SHA-256: 64 of the digits 0 to 9 and a to f", waiver.artifact)
