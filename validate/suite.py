"""The suite file as frozen values: all that a person declares before any model runs.

The text under a field is its reference: editors show it, and the JSON Schema of the suite file quotes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from validate.errors import DataError
from validate.places import cache_dir
from validate.suite_claims import Claim, CostPlan
from validate.suite_edge_cases import EdgeCaseSpec
from validate.suite_sweep import Compressed, SweepPlan
from validate.suite_words import FolderName, HookSpec, Margin, Outputs, Share, SliceName, Table, Task, Text, tag

Aim = Literal["excess", "net", "losses", "brier", "log_loss", "mae", "mse"]

# Metrics that a gate may name, and those of them that a bare label cannot give.
KNOWN_METRICS: Mapping[Task, tuple[str, ...]] = {
    "classification": ("accuracy", "brier", "log_loss", "f1", "auc", "ece"),
    "regression": ("mae", "mse", "rmse"),
}
SCORE_METRICS = frozenset({"brier", "log_loss", "auc", "ece"})
METRIC_AIMS = frozenset({"brier", "log_loss", "mae", "mse"})  # of a search, with a score per example

TIMEOUT = 600.0  # seconds that a batch may take, unless the suite says otherwise
CACHED = "cache:"  # begins the name of a file in the cache
DEVICE = r"^(auto|cpu|mps|(cuda|xpu)(:[0-9]{1,2})?)$"


@dataclass(frozen=True, kw_only=True)
class Release(Table):
    """Who and what the release is for: quoted by the report's header and the framework rows."""

    system: str = ""
    """Name of the system that the model is part of."""
    intended_use: str = ""
    """What it is for, in a sentence."""
    owner: str = ""
    """Who answers for it."""
    author: str = ""
    """Who made the compressed models; `[gate] author_may_not_decide` speaks of this person."""
    statements: Text | None = None
    """TOML file with what only people can state: [[statements]] id, text, by, date."""
    rows: bool = True
    """Write rows.parquet: ids, outcomes and slice codes of every example; never their inputs."""
    inputs: bool = False
    """List examples in the review queue with their inputs, not with their ids alone."""


@dataclass(frozen=True, kw_only=True)
class Statement(Table):
    """What only a person can state, quoted with its author."""

    id: Text
    """The framework row that it belongs to, by the id that the report shows."""
    text: Text
    """The statement."""
    by: Text
    """Who states it."""
    date: str
    """When: ISO 8601, as in 2026-03-31."""


@dataclass(frozen=True, kw_only=True)
class DerivedColumn(Table):
    """A column that a function of the suite's own makes: how a domain expert adds what a predicate cannot say."""

    name: Text
    """The new column's name."""
    python: HookSpec
    """As "file.py:function" in the suite's folder; function(frame) returns a series."""


@dataclass(frozen=True, kw_only=True)
class Data(Table):
    """Where the examples come from, and which columns play a part."""

    path: Text | None = None
    """A table: csv, tsv, parquet (a file or a folder of parts), jsonl, npz; or a folder with a sub-folder of images per
    class; "cache:NAME" in the user's cache."""
    python: HookSpec | None = None
    """Or "file.py:function" in the suite's folder; function() returns a DataFrame."""
    label: Text
    """Column of the truth."""
    classes: tuple[str | int, ...] = ()
    """The classes, in the order of the models' outputs; absent for regression."""
    id: Text | None = None
    """Column of unique ids; without it, the row's number."""
    cluster: Text | None = None
    """Column of the unit that was sampled, where one unit gives several rows."""
    text: Text | None = None
    """Column of the text that the models read: edge cases change it."""
    image: Text | None = None
    """Column of the images that the models see: names of files, or encoded images; edge cases change them."""
    train: Text | None = None
    """Table of the training data's attributes: a category's share in it says whether it is under-represented."""
    contract: Text | None = None
    """TOML file of Great Expectations expectations, checked before any model runs."""
    columns: tuple[DerivedColumn, ...] = ()
    """Columns made by functions of the suite's own."""
    batch_rows: Annotated[int, Field(ge=1)] | None = None
    """Read the data so many rows at a time, so that memory does not grow with them; absent: all at once."""


@dataclass(frozen=True, kw_only=True)
class TorchModel(Compressed):
    """A torch module built by a function of the suite's own, with weights that cannot run code."""

    torch: HookSpec
    """As "file.py:function" in the suite's folder; function() returns a torch.nn.Module."""
    weights: Text | None = None
    """A .safetensors file, or a state dict that loads with weights_only=True; "cache:NAME" in the user's cache."""


@dataclass(frozen=True, kw_only=True)
class OnnxModel(Compressed):
    """An ONNX file, run by onnxruntime."""

    onnx: Text
    """An .onnx file, of float32, float16 or quantized weights; what it stores outside lies in the same folder."""
    output: Text | None = None
    """Which of its outputs, where it has several."""
    providers: Annotated[tuple[Text, ...], Field(min_length=1)] = ("CPUExecutionProvider",)
    """onnxruntime's execution providers, by name, the preferred one first."""


@dataclass(frozen=True, kw_only=True)
class RecordedModel(Compressed):
    """Predictions that were made elsewhere, read from a file."""

    recorded: Text
    """A table with one row per example: csv, tsv, parquet, jsonl, npz."""
    id: Text = "id"
    """Its column of ids."""
    outputs: Outputs | None = None
    """What its columns hold, where that differs from [models] outputs."""


@dataclass(frozen=True, kw_only=True)
class TorchScriptModel(Compressed):
    """A TorchScript archive."""

    torchscript: Text
    """A file that torch.jit.save wrote."""


@dataclass(frozen=True, kw_only=True)
class ExportedModel(Compressed):
    """A program that torch.export wrote."""

    exported: Text
    """A .pt2 file that torch.export.save wrote."""


@dataclass(frozen=True, kw_only=True)
class SklearnModel(Compressed):
    """A scikit-learn estimator or pipeline."""

    sklearn: Text
    """A .skops file; .pkl and .joblib only with --allow-pickle."""
    trusted: tuple[Text, ...] = ()
    """Types of other packages in a .skops file that may be used, by name."""


@dataclass(frozen=True, kw_only=True)
class TransformersModel(Compressed):
    """A transformers folder: a sequence or image classifier, or an encoder with a linear head."""

    transformers: Text
    """A folder with config.json and model.safetensors; nothing is ever downloaded."""
    text: Text | None = None
    """Column of the text, cut by the folder's own tokenizer; without it, [models] inputs makes the tensors."""
    max_length: Annotated[int, Field(ge=2, le=1_000_000)] = 512
    """Tokens of a text that the model sees, the first ones."""
    head: Text | None = None
    """A .safetensors file of a linear layer, weight (k, d) and bias (k): the folder is then an encoder."""
    pooling: Literal["mean", "cls"] = "mean"
    """What the head sees of an encoder: the mean of all tokens, or the first."""
    normalize: bool = False
    """Scale what the head sees to length 1."""


@dataclass(frozen=True, kw_only=True)
class OtherModel(Compressed):
    """A model of a kind that another package brings."""

    kind: Text
    """Name of an installed runner, of the entry-point group paritygate.runners."""
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """What that runner wants to know, such as its file."""


# The key that a table of each kind has, and no other; each kind has a runner.
MODEL_KINDS: Mapping[str, type] = {
    "torch": TorchModel,
    "torchscript": TorchScriptModel,
    "exported": ExportedModel,
    "onnx": OnnxModel,
    "sklearn": SklearnModel,
    "transformers": TransformersModel,
    "recorded": RecordedModel,
    "kind": OtherModel,
}


def _kind_of_model(table: object) -> str | None:
    return tag(table, MODEL_KINDS.items())


def _kind_of_slice(table: object) -> str | None:
    return tag(table, (("by", Family), ("where", NamedSlice)))


ModelSpec = Annotated[
    Annotated[TorchModel, Tag("(torch)")]
    | Annotated[TorchScriptModel, Tag("(torchscript)")]
    | Annotated[ExportedModel, Tag("(exported)")]
    | Annotated[OnnxModel, Tag("(onnx)")]
    | Annotated[SklearnModel, Tag("(sklearn)")]
    | Annotated[TransformersModel, Tag("(transformers)")]
    | Annotated[OtherModel, Tag("(kind)")]
    | Annotated[RecordedModel, Tag("(recorded)")],
    Discriminator(
        _kind_of_model,
        custom_error_type="kind",
        custom_error_message=f"a model is a table with exactly one of the keys {', '.join(MODEL_KINDS)}",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Models(Table):
    """The dense model and the compressed ones that want to replace it."""

    inputs: HookSpec | None = None
    """As "file.py:function"; function(frame) returns a tensor, or a tuple or dict of them; shared by all models."""
    outputs: Outputs = "logits"
    """What the models give: logits or probabilities per class, labels, or the value of a regression."""
    device: Annotated[str, Field(pattern=DEVICE)] = "auto"
    """Where torch models run: cpu, cuda, cuda:1, mps; auto takes a GPU if there is one."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Of the processor, for one batch; without it, as many as each framework takes."""
    dense_minimum: float | None = None
    """The least that the dense model must reach in the gate's metric; the most, where the metric is an error."""
    expected: tuple[Literal["identical", "gain"], ...] = ()
    """What else would be taken for a mistake: compressed models that are the dense one, or that halve its errors."""
    timeout: Annotated[float, Field(gt=0)] = TIMEOUT
    """Seconds that one batch may take: a model that never answers must not hold up the release."""
    dense: ModelSpec
    """The model that works today."""
    compressed: Annotated[Mapping[FolderName, ModelSpec], Field(min_length=1)]
    """The models that want its place, by name; each gets its own verdict, in a folder of that name."""


@dataclass(frozen=True, kw_only=True)
class Family(Table):
    """One slice per value of each column, and their intersections."""

    by: Annotated[tuple[Text, ...], Field(min_length=1)]
    """Columns; each value of each of them is a slice."""
    cross: Annotated[int, Field(ge=1, le=3)] = 1
    """Also slice by the intersections of up to so many of these columns; they are screened."""
    bins: Mapping[str, Annotated[tuple[float, ...], Field(min_length=1)]] = field(default_factory=dict)
    """Edges for a column of numbers: [18, 30] makes three bins, below 18, 18 to under 30, 30 and over."""
    quantiles: Mapping[str, Annotated[int, Field(ge=2, le=100)]] = field(default_factory=dict)
    """Or so many about equally filled bins."""
    guard: bool | tuple[Text, ...] = False
    """true: every value must PASS; or a list of the values that must."""
    margin: Margin | None = None
    """Largest tolerable loss of these slices, where it differs from the gate's."""


@dataclass(frozen=True, kw_only=True)
class NamedSlice(Table):
    """A slice given by a predicate."""

    name: SliceName
    """Its name in the report."""
    where: Text
    """Which examples: a predicate on the columns."""
    guard: bool = False
    """It must PASS for a release; without this it is screened."""
    margin: Margin | None = None
    """Largest tolerable loss, where it differs from the gate's."""


SliceSpec = Annotated[
    Annotated[Family, Tag("(by)")] | Annotated[NamedSlice, Tag("(where)")],
    Discriminator(
        _kind_of_slice,
        custom_error_type="kind",
        custom_error_message="a slice is a table with either `by` (one slice per value) or `where` (a predicate)",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Gate(Table):
    """The policy: written before any compressed model is judged, hashed into the evidence."""

    metric: str = "accuracy"
    """What is compared: accuracy, brier, log_loss, f1, auc, ece; for regression mae, mse, rmse."""
    margin: Margin = 0.02
    """Largest tolerable loss of a slice, in the metric's unit."""
    margin_ratio: Annotated[float, Field(gt=1)] | None = None
    """Or: the slice's errors may grow by this factor."""
    class_margin: Share = 0.05
    """Largest tolerable loss of a class's recall."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Of two-sided intervals; the decision is one-sided at (1 - confidence) / 2."""
    disparity_margin: Margin = 0.03
    """Largest tolerable extra loss of an under-represented category."""
    under_represented: Share = 0.05
    """Share of the data below which a category is under-represented."""
    screen: Literal["holm", "westfall-young", "melded"] = "holm"
    """How the screen adjusts for looking at many slices."""
    flips: Annotated[int, Field(ge=100, le=1_000_000)] = 2000
    """Sign flips of Westfall-Young."""
    exact: bool = False
    """Decide by the melded interval instead of Tango's score interval."""
    inconclusive: Literal["block", "note"] = "block"
    """Whether an INCONCLUSIVE gating check blocks the release."""
    growing: bool = False
    """The examples grow from run to run: show beside each guarded slice an e-value that may be looked at any time."""
    attempts: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Declared number of gate attempts on this test set: alpha is shared among them."""
    waivers: Text | None = None
    """TOML file of waivers: exceptions, each with an owner and a last day; docs/waivers.md shows one."""
    waiver_days: Annotated[int, Field(ge=1, le=366)] = 90
    """The longest that a waiver may run, from its creation to its last day."""
    critical: tuple[Text, ...] = ()
    """Slices and edge-case sets whose checks no waiver can excuse."""
    author_may_not_decide: bool = False
    """Refuse a person's decision by the author that [release] names."""


@dataclass(frozen=True, kw_only=True)
class Discover(Table):
    """The search for slices where the damage is and that nobody declared: reported, never gating."""

    aim: Aim = "excess"
    """What counts as damage: excess (a larger loss than the rest), net (more losses than gains), losses (a larger share
    of losses than the rest), or a larger loss of brier, log_loss, mae or mse than the rest."""
    depth: Annotated[int, Field(ge=1, le=3)] = 3
    """Conjunctions of up to so many values are searched."""
    features: HookSpec | None = None
    """As "file.py:function"; function(frame) returns an (n, d) array, such as the dense model's embedding of each
    example: its clusters are searched like the values of a column."""
    clusters: Annotated[int, Field(ge=2, le=200)] = 12
    """How many clusters of features."""


@dataclass(frozen=True, kw_only=True)
class Population(Table):
    """Several trainings of the dense model and of a compressed one: described beside the verdict, never gating."""

    dense: Annotated[tuple[ModelSpec, ...], Field(min_length=1)]
    """The dense models, one per seed; each as a table like those of [models]."""
    compressed: Annotated[tuple[ModelSpec, ...], Field(min_length=1)]
    """The compressed models, one per seed."""
    matched: bool = True
    """Whether compressed model i was made from dense model i; false: the seeds of the two sides are unrelated."""


@dataclass(frozen=True, kw_only=True)
class Suite(Table):
    """A suite of paritygate: what is compared, on which examples, and what counts as too much loss.

    Paths are relative to the suite file.
    """

    suite: FolderName
    """The suite's name."""
    task: Task = "classification"
    """What the models do."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]
    """Of everything random: the same seed gives the same evidence."""
    release: Release = field(default_factory=Release)
    """Who and what the release is for."""
    data: Data
    """The examples."""
    models: Models
    """The dense model and the compressed ones."""
    slices: tuple[SliceSpec, ...] = ()
    """Families of slices and named slices."""
    edge_cases: tuple[EdgeCaseSpec, ...] = ()
    """Sets of rare, corrupted, shifted and curated inputs, judged like slices."""
    gate: Gate = field(default_factory=Gate)
    """The policy."""
    populations: Mapping[FolderName, Population] = field(default_factory=dict)
    """Several trainings per side, by name: which classes and examples compression hits whatever the seed."""
    discover: Discover | None = None
    """Also search for damaged slices that nobody declared, and report them."""
    claims: tuple[Claim, ...] = ()
    """What the compressed models are said to be or to save."""
    cost: CostPlan | None = None
    """Whether and how to measure what answers cost on this machine."""
    sweep: SweepPlan = field(default_factory=SweepPlan)
    """What `paritygate sweep` may do with the models that it makes itself."""


@dataclass(frozen=True, kw_only=True)
class LoadedSuite:
    """A suite with the file it was read from."""

    suite: Suite
    path: Path  # the suite file
    sha256: str  # of the file's bytes
    lines: Mapping[str, int] = field(default_factory=dict)  # of its tables' headers, by key path; from 1
    allow_pickle: bool = False  # whoever runs it trusts the pickles that it names

    @property
    def folder(self) -> Path:
        """The folder that the suite's paths and hooks are relative to."""
        return self.path.parent

    def place(self, name: str) -> Path:
        """Where a file that the suite names belongs: "cache:NAME" in the cache's folder for it, others beside it."""
        if name.startswith(CACHED):
            return cache_dir() / self.path.resolve().parent.name / name.removeprefix(CACHED)
        return self.folder / name

    def file(self, name: str) -> Path:
        """The same of a file that is needed now: what is missing in the cache has to be fetched or built there.

        Raises:
            DataError: a file of the cache that is not there, with the command that makes it.
        """
        path = self.place(name)
        if name.startswith(CACHED) and not path.exists():
            makers = [file.name for file in (self.folder / "fetch.py", self.folder / "build.py") if file.is_file()]
            commands = " and ".join(f"python {self.folder / maker}" for maker in makers)
            raise DataError(name, f"is not in {path.parent} yet" + (f"; make it with {commands}" if makers else ""))
        return path
