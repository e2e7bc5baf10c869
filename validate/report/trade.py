"""What all compressed models of a run bought, in a line each, and one picture of it against what it cost in quality."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from validate import wording
from validate.artifact_profile.cost import measured
from validate.evidence import EvidenceRecord
from validate.report.curve import SIZE, Axis, Curve, curves
from validate.suite_sweep import Compressed
from validate.sweep import Rung, Series, sweep

LATENCY = Axis("its latency p50", "of the dense model’s")
SLOWEST = 2.0  # latency that is drawn, in that of the dense model: one slow model must not squeeze the others together


@dataclass(frozen=True, kw_only=True)
class Gain:
    """One compressed model in the run's order, by which the picture numbers it."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Trade:
    """What was bought, and what for."""

    gains: tuple[Gain, ...]
    curves: tuple[Curve, ...]  # all examples, and the worst guarded slice; none of a single model
    axis: str  # of the pictures
    unit: bool  # the pictures' changes are in margins


def trade(records: Sequence[EvidenceRecord]) -> Trade:
    """A line of each model; the picture's cost is latency where it was measured of every model, else size."""
    drawn: tuple[Curve, ...] = ()
    timed = all(_latency(record) is not None for record in records)
    if len(records) > 1:
        found = sweep(records, {record.compressed_name: Compressed() for record in records})
        ratios = {record.compressed_name: _latency(record) for record in records}
        series = [_by(one, ratios) if timed else one for one in found.series]
        numbers = {record.compressed_name: str(i) for i, record in enumerate(records, start=1)}
        drawn = curves(series, numbers, LATENCY if timed else SIZE)
    return Trade(
        gains=tuple(Gain(name=record.compressed_name, text=gained(record)) for record in records),
        curves=drawn,
        axis=f"latency p50, of the dense model’s (at most {100 * SLOWEST:g} % is drawn)"
        if timed
        else "size left of the dense model",
        unit=bool(drawn) and drawn[0].margin is not None,
    )


def gained(record: EvidenceRecord) -> str:
    """Size, and latency with its interval and machine, or that they were not measured."""
    profile, cost = record.profile, record.run.cost
    dense, compressed = (profile.dense.disk, profile.compressed.disk) if profile else (None, None)
    size = "size not known"
    if dense and compressed:
        size = f"{wording.percent(compressed / dense, 1)} of the dense model’s bytes on disk"
    it = measured(cost, "latency_p50") if cost else None
    if cost is None or it is None:
        return f"{size}; latency not measured"
    low, high = (f"{x:.3g}" for x in (it.ratio.low, it.ratio.high))
    level = wording.percent(it.ratio.level, 0)
    where = f"deployment machine: {cost.deployment}" if cost.deployment else "not the deployment machine"
    latency = f"latency p50 {it.ratio.estimate:.3g} times dense ({level} interval {low} to {high})"
    return f"{size}; {latency} on {cost.machine}, {where}"


def _latency(record: EvidenceRecord) -> float | None:
    it = measured(record.run.cost, "latency_p50") if record.run.cost else None
    return None if it is None else it.ratio.estimate


def _by(series: Series, ratios: dict[str, float | None]) -> Series:
    """The same, placed by these numbers instead of by size."""
    return replace(series, rungs=tuple(_at(rung, ratios[rung.name]) for rung in series.rungs))


def _at(rung: Rung, ratio: float | None) -> Rung:
    return replace(rung, left=None if ratio is None else min(ratio, SLOWEST))
