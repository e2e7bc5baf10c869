"""The suite file as frozen values: all that a person declares before any model runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Task = Literal["classification", "regression"]
Outputs = Literal["logits", "probabilities", "labels", "value"]


@dataclass(frozen=True, kw_only=True)
class Release:
    """Who and what the release is for: quoted by the report's header and the framework rows."""

    system: str = ""
    intended_use: str = ""
    owner: str = ""
    statements: str | None = None  # path of a TOML file with what only people can state
    rows: bool = True  # write rows.parquet (ids, outcomes, slice codes; no inputs)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What only a person can state, quoted with its author."""

    id: str  # the framework row it belongs to, such as "MEASURE 2.2"
    text: str
    by: str
    date: str  # ISO 8601


@dataclass(frozen=True, kw_only=True)
class DerivedColumn:
    """A column that a function of the suite's own makes: how a domain expert adds what a predicate cannot say."""

    name: str
    python: str  # "file.py:function", function(frame) -> series; only from the suite's folder


@dataclass(frozen=True, kw_only=True)
class Data:
    """Where the examples come from, and which columns play a part."""

    path: str | None = None  # csv, tsv, parquet (a file or a folder of parts), jsonl, npz
    python: str | None = None  # or "file.py:function", function() -> DataFrame
    label: str
    classes: tuple[str | int, ...] = ()  # in the order of the models' outputs; empty for regression
    id: str | None = None  # column of unique ids; without it, the row number
    cluster: str | None = None  # column of the unit that was sampled, if one unit gives several rows
    train: str | None = None  # table of the training data's attributes: shares in training
    contract: str | None = None  # TOML file of Great Expectations expectations
    columns: tuple[DerivedColumn, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TorchModel:
    """A torch module built by a function of the suite's own, with weights that cannot run code."""

    torch: str  # "models.py:build", build() -> torch.nn.Module
    weights: str | None = None  # .safetensors, or a state dict that loads with weights_only=True


@dataclass(frozen=True, kw_only=True)
class RecordedModel:
    """Predictions that were made elsewhere, read from a file."""

    recorded: str  # csv, tsv, parquet, jsonl, npz
    id: str = "id"  # column of the example's id
    outputs: Outputs | None = None  # where it differs from [models] outputs


ModelSpec = TorchModel | RecordedModel


@dataclass(frozen=True, kw_only=True)
class Models:
    """The dense model and the compressed ones that want to replace it."""

    inputs: str | None = None  # "models.py:inputs", inputs(frame) -> tensor or tuple of tensors; shared by all models
    outputs: Outputs = "logits"
    dense: ModelSpec
    compressed: Mapping[str, ModelSpec]


@dataclass(frozen=True, kw_only=True)
class Family:
    """One slice per value of each column, and their intersections up to `cross` columns."""

    by: tuple[str, ...]
    cross: int = 1
    bins: tuple[float, ...] | None = None  # edges for a numeric column; intervals [a, b)
    quantiles: int | None = None  # or so many equally filled bins
    guard: bool | tuple[str, ...] = False  # all values, or these
    margin: float | None = None


@dataclass(frozen=True, kw_only=True)
class NamedSlice:
    """A slice given by a predicate in the `where` language."""

    name: str
    where: str
    guard: bool = False
    margin: float | None = None


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The policy: written before any compressed model is judged, hashed into the evidence."""

    metric: str = "accuracy"
    margin: float = 0.02  # largest tolerable loss of a slice, > 0, in the metric's unit
    margin_ratio: float | None = None  # or: the slice's errors may grow by this factor, > 1
    class_margin: float = 0.05  # largest tolerable loss of a class's recall
    confidence: float = 0.95  # of two-sided intervals; the decision is one-sided at (1 - confidence) / 2
    disparity_margin: float = 0.03  # largest tolerable extra loss of an under-represented category
    under_represented: float = 0.05  # share of the data below which a category is under-represented
    screen: Literal["holm", "westfall-young", "melded"] = "holm"  # how the screen adjusts for looking at many
    flips: int = 2000  # sign flips of Westfall-Young
    exact: bool = False  # decide by the melded interval instead of Tango's score interval
    inconclusive: Literal["block", "note"] = "block"
    attempts: int | None = None  # declared number of gate attempts on this test set: alpha is shared among them


@dataclass(frozen=True, kw_only=True)
class Suite:
    """All the suite file says; paths are relative to `folder`."""

    suite: str
    task: Task = "classification"
    seed: int
    release: Release = field(default_factory=Release)
    data: Data
    models: Models
    slices: tuple[Family | NamedSlice, ...] = ()
    gate: Gate = field(default_factory=Gate)


@dataclass(frozen=True, kw_only=True)
class LoadedSuite:
    """A suite with the file it was read from."""

    suite: Suite
    path: Path  # the suite file
    sha256: str  # of the file's bytes

    @property
    def folder(self) -> Path:
        """The folder that the suite's paths and hooks are relative to."""
        return self.path.parent
