"""CycloneDX: valid by the standard's own library, the record's numbers as text, and no hash that is not of a file."""

import json
import math
from dataclasses import replace

import pytest
from cyclonedx.model import HashAlgorithm
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import ComponentType
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests import samples
from validate import wording
from validate.artifact_profile.stored import Artifact, CompressionProfile, Stored
from validate.edge_cases.evidence import EdgeEvidence
from validate.exports.mlbom import mlbom
from validate.slices import Kind
from validate.stats.results import Interval

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)
STATUSES = samples.of_every_status()
OPENED = [name for name, record in STATUSES.items() if record.compressed]


def read(record):
    """The document, once the strict schema has found nothing in it."""
    text = mlbom(record)
    assert VALIDATOR.validate_str(text) is None
    return json.loads(text)


def model(record):
    return read(record)["metadata"]["component"]


def metrics(component):
    return component["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]


def properties(node):
    return {entry["name"].removeprefix("paritygate:"): entry["value"] for entry in node["properties"]}


def test_the_schema_finds_a_mistake():
    document = read(STATUSES["pass"])
    metrics(document["metadata"]["component"])[0]["value"] = 0.95
    assert VALIDATOR.validate_str(json.dumps(document)) is not None


@pytest.mark.parametrize("name", OPENED)
def test_valid_and_understood_by_the_library(name):
    record = STATUSES[name]
    bom = Bom.from_json(read(record))
    found = bom.metadata.component
    assert (found.type, found.name) == (ComponentType.MACHINE_LEARNING_MODEL, record.compressed_name)
    assert [(h.alg, h.content) for h in found.hashes] == [(HashAlgorithm.SHA_256, record.compressed.sha256)]
    (ancestor,) = found.pedigree.ancestors
    assert [h.content for h in ancestor.hashes] == [record.dense.sha256]
    (data,) = bom.components
    assert data.type is ComponentType.DATA
    assert {p.name: p.value for p in data.properties}["paritygate:dataSha256"] == record.data.sha256


@pytest.mark.parametrize("name", sorted(set(STATUSES) - set(OPENED)))
def test_none_about_a_model_that_was_never_opened(name):
    assert mlbom(STATUSES[name]) is None


@pytest.mark.parametrize("name", OPENED)
def test_the_metrics_are_the_numbers_of_the_record(name):
    record = STATUSES[name]
    sides = {"compressed": model(record), "dense": model(record)["pedigree"]["ancestors"][0]}
    for side, component in sides.items():
        metric = record.policy.metric
        plain = {m["slice"]: m["value"] for m in metrics(component) if m["type"] == metric}
        for c in record.comparisons:
            said, meant = float(plain.pop(wording.clean(c.slice.name))), getattr(c, side)
            assert said == meant or (math.isnan(said) and math.isnan(meant))
        assert not plain
    changes = [
        m for m in metrics(sides["compressed"]) if m["type"].startswith("change of ") and "minus" not in m["type"]
    ]
    for c, said in zip(record.comparisons, changes, strict=True):
        limits = said["confidenceInterval"]
        assert (float(limits["lowerBound"]), float(limits["upperBound"])) == (c.change.low, c.change.high)
        assert float(said["value"]) == c.change.estimate
    extra = [m for m in metrics(sides["compressed"]) if "minus" in m["type"]]
    assert [float(m["value"]) for m in extra] == [d.difference.estimate for d in record.disparities]


def test_the_document_says_how_sure_its_intervals_are():
    told = properties(read(STATUSES["pass"])["metadata"])
    assert told["confidenceIntervals"] == "95 %, Bonett–Price (2012); 95 %, MOVER on Tango limits"


def test_edge_cases_and_ratios_are_metrics_too():
    record = STATUSES["pass"]
    ratio = Interval(estimate=1.05, low=0.9, high=1.2, level=0.95, method="score")
    first = replace(record.comparisons[0], ratio=ratio)
    blurred = samples.comparison("blurred: severity 3", 400, 1, 5, kind=Kind.EDGE)
    edge = EdgeEvidence(sha256="0" * 64, n=400, sources=400, missing_answers=0, comparisons=(blurred,), results=())
    found = metrics(model(replace(record, comparisons=(first,), edge_cases=edge)))
    assert [m["value"] for m in found if m["slice"] == blurred.slice.name][:2] == ["0.9425", "-0.01"]
    (said,) = [m for m in found if m["type"] == "ratio of error rates"]
    assert said["confidenceInterval"] == {"lowerBound": "0.9", "upperBound": "1.2"}


def test_an_open_interval_and_an_unknown_value_are_text():
    found = [m for m in metrics(model(STATUSES["clustered"])) if m["slice"] == "label: - 50000."]
    values = {m["value"] for m in found} | {m.get("confidenceInterval", {}).get("lowerBound") for m in found}
    assert "-Infinity" in values
    dense = metrics(model(STATUSES["clustered"])["pedigree"]["ancestors"][0])
    assert "NaN" in {m["value"] for m in dense}


def test_the_same_record_gives_the_same_bytes_and_another_one_another_serial_number():
    one = read(STATUSES["pass"])
    assert mlbom(samples.passing()) == mlbom(STATUSES["pass"])
    assert one["metadata"]["timestamp"] == STATUSES["pass"].run.finished.replace("+00:00", "Z")
    assert one["serialNumber"] != read(replace(STATUSES["pass"], missing_answers=1))["serialNumber"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"kind": "recorded"}, {"answersSha256": "f" * 64}),
        ({"kind": "transformers"}, {"FilesSha256": "f" * 64}),
        ({"sha256": None}, {}),
    ],
)
def test_a_hash_is_given_as_one_only_where_it_is_of_a_file(changed, told):
    record = STATUSES["pass"]
    found = model(replace(record, compressed=replace(record.compressed, **changed)))
    assert "hashes" not in found
    said = properties(found)
    assert {key: value for key, value in said.items() if key.endswith("Sha256")} == told


def test_what_the_models_store_and_what_they_are_for():
    record = STATUSES["pass"]
    weights = Stored(dtype="int8", shape=(10, 10), numbers=100, bytes=100, zeros=90)
    small = Artifact(tensors=(("w", weights),))
    release = replace(record.suite.release, author="M. Adams")
    full = replace(
        record,
        profile=CompressionProfile(dense=Artifact(), compressed=small),
        suite=replace(record.suite, release=release),
    )
    found = model(full)
    said = properties(found)
    assert (said["parameters"], said["weights.int8"], said["weightZeros"]) == ("100", "100", "90")
    assert found["authors"] == [{"name": "M. Adams"}]
    considered = found["modelCard"]["considerations"]
    assert considered["useCases"] == [release.intended_use]
    assert considered["technicalLimitations"][0] == "race: Eskimo: too small to be judged alone, 31 examples"


def test_no_dense_model_and_no_data_are_left_out():
    bare = replace(STATUSES["pass"], dense=None, data=None)
    document = read(bare)
    assert document["components"] == []
    assert "pedigree" not in document["metadata"]["component"]


def test_hostile_strings_are_text():
    text = mlbom(STATUSES["hostile"])
    assert "\x00" not in text
    assert "\\u0000" not in text
    assert "\u202e" not in text
