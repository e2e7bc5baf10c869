"""What a search found, in the report: each finding with the slice to paste."""

from dataclasses import dataclass

from validate import wording
from validate.damage import AIMS
from validate.discovery import Discovery, Finding
from validate.evidence import EvidenceRecord


@dataclass(frozen=True, kw_only=True)
class FoundRow:
    """One finding."""

    name: str
    n: str
    share: str
    change: str
    p: str
    searched: str  # change on the half that was searched
    ids: tuple[str, ...]
    versions: tuple[str, ...]
    suggestion: str  # TOML


@dataclass(frozen=True, kw_only=True)
class DiscoveryView:
    """A search's part of the report."""

    summary: str
    looked_at: str
    rows: tuple[FoundRow, ...]
    limits: tuple[str, ...]


def discovery_view(record: EvidenceRecord) -> DiscoveryView | None:
    """None where the run did not search."""
    one = record.discovery
    if one is None:
        return None
    return DiscoveryView(
        summary=one.summary,
        looked_at=looked_at(one),
        rows=tuple(_row(one, finding) for finding in one.findings),
        limits=one.limits,
    )


def looked_at(one: Discovery) -> str:
    """How hard a search looked, in a sentence."""
    deep = {1: "single values", 2: "single values and pairs of them", 3: "values, pairs and triples of them"}[one.depth]
    return (
        f"Looked for {AIMS[one.aim]} in {wording.plural(len(one.attributes), 'attribute')}, {deep}: each half of the "
        f"examples ({one.halves[0]:,} and {one.halves[1]:,}) was searched, and what came out was tested on the other. "
        f"Changes and intervals are those of the half that was not searched."
    )


def change_text(one: Discovery, finding: Finding) -> str:
    """`−4.21 points (−6.00 to −2.30)`."""
    rate = one.metric == "accuracy"
    estimate = wording.change(finding.change.estimate, rate=rate)
    return f"{estimate}{wording.unit(rate=rate)} ({wording.interval(finding.change, rate=rate)})"


def found_change_text(one: Discovery, finding: Finding) -> str:
    """The same on the half that was searched, without an interval: it is flattered."""
    rate = one.metric == "accuracy"
    return wording.change(finding.found_change, rate=rate) + wording.unit(rate=rate)


def _row(one: Discovery, finding: Finding) -> FoundRow:
    return FoundRow(
        name=finding.name,
        n=wording.count(finding.n),
        share=wording.share(finding.share),
        change=change_text(one, finding),
        p=wording.p_value(finding.p_adjusted),
        searched=found_change_text(one, finding),
        ids=finding.ids,
        versions=finding.versions,
        suggestion=finding.suggestion,
    )
