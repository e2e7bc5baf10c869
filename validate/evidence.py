"""The evidence record: everything a run knows, from which every other file is rendered."""

from collections.abc import Mapping
from dataclasses import dataclass

from validate.comparison import Comparison
from validate.contract import ContractResult
from validate.disparity import Disparity
from validate.gate import CheckResult, Verdict
from validate.predictions import ModelIdentity
from validate.suite import Gate, Release, Statement, Task

# 1: first format.
FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What differs between two runs of the same inputs: times and commands live here and nowhere else."""

    id: str
    started: str  # ISO 8601, UTC
    finished: str
    command: str
    report_only: bool  # the run did not gate
    seconds: Mapping[str, float]  # wall time per stage


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A Python file of the suite's own that took part."""

    path: str  # relative to the suite's folder
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SuiteFacts:
    """Which suite, and what it declares."""

    name: str
    task: Task
    seed: int
    file: str  # name of the suite file
    sha256: str
    policy_sha256: str  # of gate, slices and data roles: what must not change between models
    release: Release
    statements: tuple[Statement, ...]
    hooks: tuple[Hook, ...]
    compressed_names: tuple[str, ...]  # all that the suite names: judging several and shipping the best is said


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """Which examples."""

    source: str
    sha256: str
    n: int
    label: str
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    clusters: int | None  # how many sampled units, where rows are not independent
    train_n: int | None


@dataclass(frozen=True, kw_only=True)
class BlindSpot:
    """A category that is too small to be judged alone."""

    slice: str
    n: int
    share: float
    smallest_margin: float  # that it could pass, without a single loss


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something listed that never gates."""

    kind: str  # "loss" (BH), "disparity" (BY), "improvement", "missing answers", "contract", …
    slice: str | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Method:
    """How one kind of number was made: printed in the report."""

    topic: str  # "interval", "screen", …
    text: str
    source: str


@dataclass(frozen=True, kw_only=True)
class EvidenceRecord:
    """One compressed model's evidence."""

    format_version: int
    tool: Mapping[str, str]  # name, version
    run: RunFacts
    suite: SuiteFacts
    policy: Gate
    data: DataFacts | None  # None when the data could not be read
    contract: tuple[ContractResult, ...]
    dense: ModelIdentity | None
    compressed: ModelIdentity | None
    compressed_name: str
    missing_answers: int  # of the compressed model, counted as wrong
    comparisons: tuple[Comparison, ...]  # "all" first, then guarded, then the others; empty when nothing was evaluated
    disparities: tuple[Disparity, ...]
    checks: tuple[CheckResult, ...]
    verdict: Verdict
    blind_spots: tuple[BlindSpot, ...]
    notes: tuple[Note, ...]
    methods: tuple[Method, ...]
    environment: Mapping[str, str]  # python, platform, cpu, torch, … versions
