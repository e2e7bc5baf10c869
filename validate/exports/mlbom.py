"""CycloneDX 1.6: one compressed model with its model card, the dense model that it replaces, and the data.

The standard's own Python library has no classes for model cards and data sets, so the document is built here; that
library reads and validates it in the tests.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from validate import wording
from validate.artifact_profile.stored import Artifact, totals
from validate.comparison import Comparison
from validate.disparity import Disparity
from validate.evidence import EvidenceRecord, sha256
from validate.exports.artifacts import SHA256, artifact_digest
from validate.predictions import ModelIdentity
from validate.stats.results import Interval

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_ANCESTOR = (
    "The suite names it as the dense model. Both answered the same examples; how one became the other was not seen."
)
_Side = Literal["dense", "compressed"]
_Json = dict[str, Any]


def mlbom(record: EvidenceRecord) -> str | None:
    """A bill of materials whose subject is the compressed model; None where that model was never opened.

    The same record gives the same bytes: its hash makes the serial number, its own time is the document's.
    """
    if record.compressed is None:
        return None
    digest = sha256(record)
    document = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'urn:sha256:{digest}')}",
        "version": 1,
        "metadata": {
            "timestamp": record.run.finished,
            "tools": {"components": [_tool(record)]},
            "component": _compressed(record, record.compressed),
            "properties": _properties(_judged(record, digest)),
        },
        "components": [_data(record)] if record.data else [],
    }
    return json.dumps(wording.cleaned(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _tool(record: EvidenceRecord) -> _Json:
    version = {"version": record.tool["version"]} if "version" in record.tool else {}
    return {"type": "application", "name": record.tool.get("name", "paritygate"), **version}


def _judged(record: EvidenceRecord, digest: str) -> dict[str, str]:
    """What the gate said, and the hashes by which that is found again."""
    return {
        "verdict": record.verdict.outcome,
        "verdictLine": record.verdict.line,
        "gated": "no" if record.run.report_only else "yes",
        "suite": record.suite.name,
        "suiteSha256": record.suite.sha256,
        "policySha256": record.suite.policy_sha256,
        "resultsSha256": digest,
        "confidenceIntervals": "; ".join(_methods(record)),
    }


def _methods(record: EvidenceRecord) -> tuple[str, ...]:
    """How confident the intervals of the metrics are, and by which methods they were made."""
    changes = [interval for c in _all(record) for interval in (c.change, c.ratio) if interval is not None]
    found = [*changes, *(d.difference for d in record.disparities)]
    return tuple(dict.fromkeys(f"{100 * it.level:.6g} %, {it.method}" for it in found))


def _all(record: EvidenceRecord) -> tuple[Comparison, ...]:
    """The slices of the data, then those of the edge cases."""
    return (*record.comparisons, *(record.edge_cases.comparisons if record.edge_cases else ()))


def _compressed(record: EvidenceRecord, model: ModelIdentity) -> _Json:
    component = _model(record, model, "compressed")
    release = record.suite.release
    if release.author:
        component["authors"] = [{"name": release.author}]
    if record.dense:
        component["pedigree"] = {"ancestors": [_model(record, record.dense, "dense")], "notes": _ANCESTOR}
    limits = [
        f"{spot.slice}: too small to be judged alone, {wording.plural(spot.n, 'example')}"
        for spot in record.blind_spots
    ]
    considered = {
        "useCases": [release.intended_use] if release.intended_use else [],
        "technicalLimitations": limits,
    }
    if any(considered.values()):
        component["modelCard"]["considerations"] = {key: value for key, value in considered.items() if value}
    return component


def _model(record: EvidenceRecord, model: ModelIdentity, side: _Side) -> _Json:
    component: _Json = {"type": "machine-learning-model", "bom-ref": side, "name": model.name}
    digest = artifact_digest(model)
    if digest and digest[0] == SHA256:
        component["hashes"] = [{"alg": "SHA-256", "content": digest[1]}]
    card: _Json = {"modelParameters": {"task": record.suite.task}}
    if record.data:
        card["modelParameters"]["datasets"] = [{"ref": "data"}]
    metrics = [*_metrics(record, side)]
    if metrics:
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    component["modelCard"] = card
    artifact = getattr(record.profile, side) if record.profile else None
    component["properties"] = _properties(_facts(model, artifact))
    return component


def _facts(model: ModelIdentity, artifact: Artifact | None) -> dict[str, str]:
    """What is known of a model beside its name; a hash that is not of a file's bytes is told apart here."""
    facts = {"kind": model.kind, "source": model.source}
    digest = artifact_digest(model)
    if model.kind == "recorded" and model.sha256:
        facts["answersSha256"] = model.sha256
    elif digest and digest[0] != SHA256:
        facts[digest[0].removeprefix("paritygate")] = digest[1]
    if model.bytes is not None:
        facts["bytes"] = str(model.bytes)
    if artifact is not None and artifact.tensors:
        found = totals(artifact)
        facts |= {"parameters": str(found.parameters), "memoryBytes": str(found.memory)}
        facts |= {f"weights.{dtype}": str(numbers) for dtype, numbers in found.formats.items()}
        facts |= {} if found.weight_zeros is None else {"weightZeros": str(found.weight_zeros)}
    return {**facts, **{f"detail.{name}": text for name, text in model.details}}


def _metrics(record: EvidenceRecord, side: _Side) -> Iterator[_Json]:
    """A model's own numbers of each slice; of the compressed one also what changed, with its interval."""
    for comparison in _all(record):
        yield from _slice(comparison, side)
    if side == "compressed":
        yield from map(_disparity, record.disparities)


def _slice(comparison: Comparison, side: _Side) -> Iterator[_Json]:
    name = comparison.slice.name
    yield _metric(comparison.metric, getattr(comparison, side), name)
    if side == "compressed":
        yield _metric(f"change of {comparison.metric}", comparison.change.estimate, name, comparison.change)
        if comparison.ratio is not None:
            yield _metric("ratio of error rates", comparison.ratio.estimate, name, comparison.ratio)
    for score in comparison.scores:
        yield _metric(score.metric, getattr(score, side), name)


def _disparity(found: Disparity) -> _Json:
    kind = "change of the slice minus change of all other examples"
    return _metric(kind, found.difference.estimate, found.slice, found.difference)


def _metric(kind: str, value: float, name: str, interval: Interval | None = None) -> _Json:
    metric: _Json = {"type": kind, "value": _number(value), "slice": name}
    if interval is not None:
        metric["confidenceInterval"] = {"lowerBound": _number(interval.low), "upperBound": _number(interval.high)}
    return metric


def _number(value: float) -> str:
    """The number as the record has it: the standard wants text."""
    return json.dumps(value)


def _data(record: EvidenceRecord) -> _Json:
    """The test set. Its hash is a property: it may be that of a folder's files or of what a hook returned."""
    data = record.data
    assert data is not None
    about = [wording.plural(data.n, "example"), f"label {data.label}"]
    about += [f"classes {wording.listing(data.classes, most=20)}"] if data.classes else []
    facts = {"dataSha256": data.sha256, "n": str(data.n)}
    facts |= {} if data.clusters is None else {"clusters": str(data.clusters)}
    facts |= {} if data.train_n is None else {"trainN": str(data.train_n)}
    facts |= {f"n.{label}": str(n) for label, n in zip(data.classes, data.class_counts, strict=False)}
    return {
        "type": "data",
        "bom-ref": "data",
        "name": data.source or "data",
        "data": [{"type": "dataset", "name": data.source or "data", "description": "; ".join(about)}],
        "properties": _properties(facts),
    }


def _properties(facts: Mapping[str, str]) -> Sequence[dict[str, str]]:
    return [{"name": f"paritygate:{name}", "value": value} for name, value in facts.items()]
