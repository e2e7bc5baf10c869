"""Small sweeps: records of one suite whose models differ in size and in what they lose."""

from dataclasses import replace
from math import nan

from tests import samples
from validate.artifact_profile.stored import Artifact, CompressionProfile, Stored
from validate.forecast import Correlation
from validate.slices import Kind
from validate.suite_sweep import Compressed
from validate.sweep import Sweep, sweep


def weights(zeros, *, dtype="float32", size=4):
    """A model of one matrix of 1,000 numbers."""
    tensor = Stored(dtype=dtype, shape=(10, 100), numbers=1000, bytes=1000 * size, zeros=zeros)
    return Artifact(tensors=(("weight", tensor),), disk=1000 * size)


def judged(name, losses, *, zeros=0, artifact=None, slices=("sex: Female", "sex: Male")):
    """A model that loses so many of 4,000 examples of each guarded slice."""
    given = dict(zip(slices, losses, strict=True))
    total = sum(losses)
    found = [samples.comparison("all", 8000, 0, total, kind=Kind.ALL, guard=True)]
    found += [samples.comparison(slice_, 4000, 0, lost, guard=True) for slice_, lost in given.items()]
    found.append(samples.comparison("race: Eskimo", 31, 0, 0))
    failed = any(c.outcome != "PASS" for c in found if c.slice.guard)
    made = replace(samples.failing() if failed else samples.passing(), compressed_name=name, comparisons=tuple(found))
    compressed = artifact or weights(zeros)
    return replace(made, profile=CompressionProfile(dense=weights(0), compressed=compressed))


def swept(records, **steps) -> Sweep:
    """The sweep of these records, each a step of what is said, or of nothing."""
    names = {record.compressed_name: record.compressed_name.replace("-", "_") for record in records}
    return sweep(records, {name: steps.get(key, Compressed()) for name, key in names.items()})


def step(level, *, series="magnitude", round=None):
    return Compressed(series=series, level=level, round=round)


def example(text: str = "magnitude") -> Sweep:
    """A series with rounds, in which one slice stops early; a model that could not be run; one without a size."""
    records = [
        judged("m30", (2, 2), zeros=300),
        judged("m50-r1", (2, 30), zeros=350),
        judged("m50", (8, 200), zeros=500),
        judged("m70", (900, 2), zeros=700),
        judged("int8", (0, 0), artifact=weights(0, dtype="int8", size=1)),
        replace(judged("odd", (0, 0)), profile=None),
        replace(samples.error(), compressed_name="broken"),
    ]
    records = [replace(r, suite=replace(r.suite, name=text, release=records[0].suite.release)) for r in records]
    steps = {"m30": step(0.3, series=text), "m50_r1": step(0.5, series=text, round=1)}
    steps |= {"m50": step(0.5, series=text, round=2), "m70": step(0.7, series=text)}
    found = swept(records, **steps)
    foretold = [
        Correlation(compressed="m50", predictor="margin", slices=4, rho=0.8, low=-0.2, high=1.0, p=0.3),
        Correlation(compressed="m50", predictor="distance", slices=4, rho=nan, low=nan, high=nan, p=nan),
    ]
    return replace(found, correlations=tuple(foretold))
