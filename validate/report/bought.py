"""What was compressed, and what it bought: the rows of one model's section."""

from collections.abc import Iterator
from dataclasses import dataclass

from validate import wording
from validate.artifact_profile.cost import Cost, Fresh, measured
from validate.artifact_profile.stored import CompressionProfile, Layer, Stored, layers, removed, totals
from validate.evidence import EvidenceRecord
from validate.report.ladder import Ladder, ladder

UNSTRUCTURED = 0.5  # share of zeros from which it is said whether they bought speed
_NAMES = {
    "latency_p50": "Latency p50",
    "latency_p95": "Latency p95",
    "latency_p99": "Latency p99",
    "throughput": "Throughput",
    "cpu_time": "Processor time",
    "cost": "Cost",
}


@dataclass(frozen=True, kw_only=True)
class SizeRow:
    """One quantity of both models."""

    name: str
    dense: str
    compressed: str
    ratio: str


@dataclass(frozen=True, kw_only=True)
class LayerRow:
    """One tensor in both models."""

    name: str
    dense: str
    compressed: str
    zeros: str
    what: str  # removed, patterns, lines of zeros


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """One measured quantity at one batch size."""

    name: str
    batch: str
    dense: str
    compressed: str
    ratio: str
    interval: str


@dataclass(frozen=True, kw_only=True)
class Bought:
    """The section."""

    sizes: tuple[SizeRow, ...]
    layers: tuple[LayerRow, ...]
    costs: tuple[CostRow, ...]
    machine: str  # where the costs were measured; empty where they were not
    ladder: Ladder | None  # none where fewer than two batch sizes were measured
    remarks: tuple[str, ...]


def bought(record: EvidenceRecord) -> Bought:
    """What the record holds of it, with a reason for what it does not."""
    profile, cost = record.profile, record.run.cost
    return Bought(
        sizes=tuple(_sizes(profile)) if profile else (),
        layers=tuple(map(_layer, layers(profile))) if profile else (),
        costs=(*_costs(cost), *_fresh(cost)) if cost else (),
        machine=_machine(cost) if cost and cost.measured else "",
        ladder=ladder(cost),
        remarks=tuple(_remarks(profile, cost)),
    )


def zero_sentence(profile: CompressionProfile | None, cost: Cost | None) -> str:
    """Whether many zeros without a pattern bought speed here, by the measured interval; empty where it is not known."""
    if profile is None or cost is None:
        return ""
    sums, speed = totals(profile.compressed), measured(cost, "throughput")
    if not sums.weights or sums.weight_zeros is None or speed is None or sums.patterns:
        return ""
    share = sums.weight_zeros / sums.weights
    if share < UNSTRUCTURED:
        return ""
    estimate, low, high = (_ratio(x) for x in (speed.ratio.estimate, speed.ratio.low, speed.ratio.high))
    found = f"throughput {estimate} times dense ({low} to {high})"
    at = f"at batch {speed.batch:,} on this runtime"
    zeros = f"{wording.percent(share, 1)} of the weights are zero, in no pattern,"
    if speed.ratio.low > 1:
        return f"{zeros} and the model is faster {at}: {found}."
    if speed.ratio.high < 1:
        return f"{zeros} and the model is slower {at}: {found}."
    return f"{zeros} and no speed was shown to come of them {at}: {found}."


def _sizes(profile: CompressionProfile) -> Iterator[SizeRow]:
    before, after = totals(profile.dense), totals(profile.compressed)
    yield _size("Bytes on disk", profile.dense.disk, profile.compressed.disk)
    if profile.dense.tensors and profile.compressed.tensors:
        yield _size("Bytes of the tensors in memory", before.memory, after.memory)
        yield _size("Parameters", before.parameters, after.parameters)
        yield _size("Non-zero parameters", before.nonzeros, after.nonzeros)
        yield _size("Operations for one example", profile.dense.flops, profile.compressed.flops)


def _size(name: str, dense: int | None, compressed: int | None) -> SizeRow:
    shown = [wording.ABSENT if n is None else wording.count(n) for n in (dense, compressed)]
    ratio = f"{_ratio(compressed / dense)}" if dense and compressed is not None else wording.ABSENT
    return SizeRow(name=name, dense=shown[0], compressed=shown[1], ratio=ratio)


def _layer(layer: Layer) -> LayerRow:
    after = layer.compressed
    return LayerRow(
        name=layer.name,
        dense=_tensor(layer.dense),
        compressed=_tensor(after),
        zeros=wording.ABSENT
        if after is None or after.zeros is None or not after.numbers
        else wording.share(after.zeros / after.numbers),
        what="; ".join(_what(layer)),
    )


def _what(layer: Layer) -> Iterator[str]:
    if layer.dense is None:
        yield "not in the dense model under this name"
    if layer.compressed is None:
        yield "not in the compressed model under this name"
        return
    for word, before, after in removed(layer):
        yield f"{before - after:,} of {before:,} {word} removed"
    if layer.compressed.pattern:
        yield f"zeros follow {layer.compressed.pattern}"
    if layer.compressed.zero_outputs:
        yield f"{wording.plural(layer.compressed.zero_outputs, 'output')} all zero"
    if layer.compressed.zero_inputs:
        yield f"{wording.plural(layer.compressed.zero_inputs, 'input')} all zero"


def _tensor(tensor: Stored | None) -> str:
    if tensor is None:
        return wording.ABSENT
    return f"{tensor.dtype} {' × '.join(map(str, tensor.shape)) or 'scalar'}"


def _costs(cost: Cost) -> Iterator[CostRow]:
    for it in cost.measured:
        yield CostRow(
            name=f"{_NAMES[it.quantity]}, {it.unit}",
            batch=wording.count(it.batch),
            dense=f"{it.dense.estimate:,.4g}",
            compressed=f"{it.compressed.estimate:,.4g}",
            ratio=_ratio(it.ratio.estimate),
            interval=f"{_ratio(it.ratio.low)} to {_ratio(it.ratio.high)}",
        )


def _fresh(cost: Cost) -> Iterator[CostRow]:
    dense, compressed = cost.dense_fresh, cost.compressed_fresh
    if dense is None or compressed is None:
        return
    yield _once("Time to load, s", dense, compressed, dense.load_seconds, compressed.load_seconds)
    if dense.added_bytes is not None and compressed.added_bytes is not None:
        yield _once("Memory added at its peak, bytes", dense, compressed, dense.added_bytes, compressed.added_bytes)


def _once(name: str, dense: Fresh, compressed: Fresh, before: float, after: float) -> CostRow:
    """A quantity of one fresh process each: it has no interval."""
    return CostRow(
        name=name,
        batch=wording.count(max(dense.batch, compressed.batch)),
        dense=f"{before:,.4g}" if isinstance(before, float) else wording.count(int(before)),
        compressed=f"{after:,.4g}" if isinstance(after, float) else wording.count(int(after)),
        ratio=_ratio(after / before) if before else wording.ABSENT,
        interval="one process each",
    )


def _machine(cost: Cost) -> str:
    where = f"deployment machine: {cost.deployment}" if cost.deployment else "not the deployment machine"
    return f"{cost.machine}; {where}"


def _remarks(profile: CompressionProfile | None, cost: Cost | None) -> Iterator[str]:
    if profile is not None:
        for which, model in (("Dense", profile.dense), ("Compressed", profile.compressed)):
            if model.reason:
                yield f"{which} model: not measured: {model.reason}."
            elif model.flops_note:
                yield f"{which} model, operations: {model.flops_note}."
    if cost is None:
        yield "What answers cost was not measured in this run: the suite has no [cost], and --cost was not given."
        return
    if cost.reason:
        yield f"What answers cost was not measured: {cost.reason}."
    if cost.measured:
        rounds = wording.plural(cost.rounds, "round")
        yield f"Dense and compressed were called in turn, in at least {rounds}; preprocessing is not in the times."
    yield from (f"{note[0].upper()}{note[1:]}." for note in cost.notes)
    sentence = zero_sentence(profile, cost)
    if sentence:
        yield sentence


def _ratio(value: float) -> str:
    return f"{value:,.3g}"
