"""Several trainings per side, as the report shows them."""

from collections.abc import Iterator
from dataclasses import dataclass

from validate import wording
from validate.evidence import EvidenceRecord
from validate.populations import PopulationResult, Shift, too_few


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """One class over all trainings."""

    name: str
    n: str
    dense: str  # lowest to highest recall
    compressed: str
    shifts: tuple[tuple[str, str], ...]  # the change and what is known of it, for each normalisation


@dataclass(frozen=True, kw_only=True)
class PopulationView:
    """Two populations of models."""

    name: str
    lead: str
    titles: tuple[str, ...]  # of the columns of shifts
    rows: tuple[ClassRow, ...]
    exemplars: str
    ids: str
    scope: str


_TITLES = {
    "per-model": "Change beyond each model's own accuracy",
    "level-mean": "Change beyond the side's mean accuracy",
}
_MOST_IDS = 50


def population_views(record: EvidenceRecord) -> Iterator[PopulationView]:
    """One view per population."""
    for found in record.populations:
        rows = tuple(
            ClassRow(
                name=one.name,
                n=wording.count(one.n),
                dense=_range(one.dense),
                compressed=_range(one.compressed),
                shifts=tuple(map(_shift, one.shifts)),
            )
            for one in found.classes
        )
        shown = found.exemplar_ids[:_MOST_IDS]
        more = found.exemplars - len(shown)
        yield PopulationView(
            name=found.name,
            lead=_lead(found),
            titles=tuple(_TITLES[shift.normalise] for shift in found.classes[0].shifts) if found.classes else (),
            rows=rows,
            exemplars=f"{wording.plural(found.exemplars, 'exemplar')}: examples whose most frequent label differs "
            "between the two sides.",
            ids=", ".join(shown) + (f" and {more:,} more in results.json" if more else ""),
            scope=found.scope,
        )


def _lead(found: PopulationResult) -> str:
    dense, compressed = found.seeds
    text = f"{wording.plural(dense, 'dense model')} and {wording.plural(compressed, 'compressed model')}"
    if found.problem:
        return f"{text} could not be compared: {found.problem}"
    text += f", accuracy {_range(found.dense)} and {_range(found.compressed)}."
    if too_few(found):
        return f"{text} Fewer than three seeds on a side: ranges only, no test."
    how = "paired t over matched seeds" if found.matched else "Welch's t"
    return f"{text} {how.capitalize()}, Benjamini-Hochberg over the classes."


def _shift(shift: Shift) -> tuple[str, str]:
    told = wording.change(shift.change, rate=True)
    if shift.interval is None:
        return told, ""
    p = wording.p_value(shift.p_fdr) if shift.p_fdr is not None else "undefined, nothing varies"
    return told, f"{wording.interval(shift.interval, rate=True)}, adjusted p {p}"


def _range(pair: tuple[float, float]) -> str:
    low, high = (wording.level(value, rate=True) for value in pair)
    return low if low == high else f"{low} to {high}"
