"""The facts around a judgement: which suite, data, models, machine and time; together they make the record."""

import os
import platform
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.artifact_profile.cost import Cost
from validate.artifact_profile.stored import Artifact, CompressionProfile
from validate.attempts import Attempt, Attempts, Remembered
from validate.attributes import Attribute
from validate.cache import Cache
from validate.checks import Note, integrity_check
from validate.claims import claims_of
from validate.contract import ContractResult
from validate.data import Dataset
from validate.declared import declared_tables
from validate.discovery import Discovery
from validate.edge_cases.evidence import EdgeEvidence
from validate.errors import ModelError
from validate.evidence import FORMAT_VERSION, DataFacts, EvidenceRecord, Hook, RunFacts, SuiteFacts
from validate.gate import NOTHING_SEEN, CheckResult, decide
from validate.hooks import hook_files
from validate.judgement import Judgement, waive
from validate.methods import methods
from validate.metrics import METRICS
from validate.outcome import Outcome
from validate.places import in_repository
from validate.populations import PopulationResult
from validate.predictions import ModelIdentity
from validate.preflight import NoiseFloor
from validate.suite import LoadedSuite
from validate.suite_file import load_statements, policy_sha256
from validate.suite_folder import files_of, hooks_of
from validate.survey import Survey
from validate.waiver_file import Waiver
from validate.waivers import Case

# whose versions can change a result
_PACKAGES = (
    "numpy",
    "scipy",
    "statsmodels",
    "pandas",
    "pyarrow",
    "torch",
    "safetensors",
    "great-expectations",
    "scikit-learn",
)


class Clock:
    """When a run began, how long its stages took, what it did not need to compute: all about it that is no value."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self.seconds: dict[str, float] = {}
        self.reused: dict[str, int] = {}  # answers of each model that came from the cache
        self.damaged = 0  # pieces of the cache that were found damaged

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time that the block takes to the stage of this name."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun


@dataclass(frozen=True, kw_only=True, eq=False)
class Occasion:
    """What all records of one run share."""

    loaded: LoadedSuite
    command: str
    report_only: bool
    attempts: Attempts = field(default_factory=Remembered)  # who counts them
    cache: Cache | None = None  # of answers; None: each is computed
    waivers: tuple[Waiver, ...] = ()  # of the policy's file
    clock: Clock = field(default_factory=Clock)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What a run had found out by the time that a record is made of it."""

    dataset: Dataset | None = None  # where all of it is in memory
    data: DataFacts | None = None  # where it is not
    contract: tuple[ContractResult, ...] = ()
    dense: ModelIdentity | None = None
    compressed: ModelIdentity | None = None
    missing: int = 0  # answers that the compressed model did not give
    dense_artifact: Artifact | None = None  # what the dense model stores
    compressed_artifact: Artifact | None = None
    cost: Cost | None = None  # measured, where the suite asks for it
    features: Attribute | None = None  # clusters, where the suite names features
    discovery: Discovery | None = None
    edge_cases: EdgeEvidence | None = None
    populations: tuple[PopulationResult, ...] = ()
    noise_floor: NoiseFloor | None = None
    calibration: tuple[Note, ...] = ()  # what the compressed model's calibration set lacks

    @property
    def data_sha256(self) -> str | None:
        """Of the test set; None where it could not be read."""
        known = self.dataset or self.data
        return None if known is None else known.sha256

    @property
    def profile(self) -> CompressionProfile | None:
        """What was compressed; None where a model was not opened."""
        if self.dense_artifact is None or self.compressed_artifact is None:
            return None
        return CompressionProfile(dense=self.dense_artifact, compressed=self.compressed_artifact)


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A compressed model's evidence, and its rows where the suite lets them be written."""

    record: EvidenceRecord
    rows: pd.DataFrame | Path | None  # a file under a temporary name where the data was read in batches
    answers: NDArray[np.int64] | None = None  # (n,) of the compressed model, of a classification
    edge_rows: pd.DataFrame | None = None  # of the edge cases


def contract_checks(results: Sequence[ContractResult]) -> tuple[CheckResult, ...]:
    """The data contract as a check; none without a contract."""
    if not results:
        return ()
    broken = [f"{r.expectation} {r.subject}: {r.reason}".strip() for r in results if r.outcome is not Outcome.PASS]
    return (integrity_check("contract", broken, f"all {len(results)} expectations of the data contract hold"),)


def attempt_checks(occasion: Occasion, found: Found) -> tuple[CheckResult, ...]:
    """Whether the policy's budget of attempts on this test set still holds; none without a budget."""
    budget, attempt = occasion.loaded.suite.gate.attempts, attempt_of(occasion, found)
    if budget is None or attempt is None:
        return ()
    spent = [f"attempt {attempt} on this test set, and the policy declares {budget}: it must be retired"]
    held = f"attempt {attempt} of the {budget} that share the policy's alpha"
    return (integrity_check("attempts", spent if attempt > budget else (), held),)


def unjudged(name: str, occasion: Occasion, found: Found, checks: Sequence[CheckResult]) -> EvidenceRecord:
    """The record of a model that could not be judged, with the checks that say why."""
    verdict = decide(checks, NOTHING_SEEN)
    nothing = Judgement(
        comparisons=(),
        disparities=(),
        checks=tuple(checks),
        verdict=verdict,
        scope=NOTHING_SEEN,
        blind_spots=(),
        notes=(),
    )
    return make_record(name, occasion, found, nothing)


def not_judged(name: str, occasion: Occasion, found: Found, error: ModelError | None = None) -> Judged:
    """The same, for a broken contract or a model's error."""
    checks = contract_checks(found.contract)
    if error is not None:
        checks = (*checks, integrity_check("models", [str(error)], ""))
    return Judged(record=unjudged(name, occasion, found, checks), rows=None)


def make_record(name: str, occasion: Occasion, found: Found, judgement: Judgement) -> EvidenceRecord:
    """All that is known about one compressed model, with the waivers that hold for it."""
    gate = occasion.loaded.suite.gate
    edge = found.edge_cases.comparisons if found.edge_cases else ()
    judgement = waive(judgement, occasion.waivers, gate, _case(name, occasion, found), edge)
    clustered = found.dataset is not None and found.dataset.clusters is not None
    return EvidenceRecord(
        format_version=FORMAT_VERSION,
        tool={"name": "paritygate", "version": version("paritygate")},
        run=_run_facts(occasion, attempt_of(occasion, found), found.cost),
        suite=_suite_facts(occasion.loaded, name),
        policy=gate,
        data=found.data if found.dataset is None else _data_facts(found.dataset, occasion.loaded),
        contract=found.contract,
        dense=found.dense,
        compressed=found.compressed,
        compressed_name=name,
        missing_answers=found.missing,
        comparisons=judgement.comparisons,
        disparities=judgement.disparities,
        checks=judgement.checks,
        verdict=judgement.verdict,
        waivers=judgement.waivers,
        blind_spots=judgement.blind_spots,
        notes=(*judgement.notes, *found.calibration),
        methods=methods(
            gate,
            metric_kind=METRICS[gate.metric].kind,
            clustered=clustered,
            edge_cases=found.edge_cases is not None,
            attacks=found.edge_cases is not None and bool(found.edge_cases.transfers),
        ),
        edge_cases=found.edge_cases,
        profile=found.profile,
        environment=environment(),
        discovery=found.discovery,
        populations=found.populations,
        noise_floor=found.noise_floor,
    )


def _case(name: str, occasion: Occasion, found: Found) -> Case:
    return Case(
        compressed=name,
        sha256=found.compressed.sha256 if found.compressed else None,
        author=occasion.loaded.suite.release.author,
        date=occasion.clock.started.date(),
    )


def environment() -> Mapping[str, str]:
    """The machine and the versions of what computed on it; nothing is imported to find out."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": str(os.cpu_count()),
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def attempt_of(occasion: Occasion, found: Found) -> int | None:
    """Which gate attempt on this test set the found model is; None where it is not told from others, or not gated."""
    data_sha256, compressed = found.data_sha256, found.compressed
    if occasion.report_only or data_sha256 is None or compressed is None or compressed.sha256 is None:
        return None
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return occasion.attempts.number(
        Attempt(data_sha256=data_sha256, artifact_sha256=compressed.sha256, compressed=compressed.name, date=now)
    )


def attempts_of(records: Sequence[EvidenceRecord]) -> tuple[Attempt, ...]:
    """The attempts that these records are, to be remembered for the next run."""
    return tuple(
        Attempt(
            data_sha256=record.data.sha256,
            artifact_sha256=record.compressed.sha256,
            compressed=record.compressed_name,
            date=record.run.finished,
        )
        for record in records
        if record.run.attempt is not None and record.data and record.compressed and record.compressed.sha256
    )


def _run_facts(occasion: Occasion, attempt: int | None, cost: Cost | None) -> RunFacts:
    return RunFacts(
        id=occasion.id,
        started=occasion.clock.started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        command=occasion.command,
        report_only=occasion.report_only,
        attempt=attempt,
        seconds={name: round(seconds, 3) for name, seconds in occasion.clock.seconds.items()},
        reused=dict(occasion.clock.reused),
        cache_damaged=occasion.clock.damaged,
        cost=cost,
        suite_path=in_repository(occasion.loaded.path),
    )


def _suite_facts(loaded: LoadedSuite, name: str) -> SuiteFacts:
    suite = loaded.suite
    return SuiteFacts(
        name=suite.suite,
        task=suite.task,
        seed=suite.seed,
        file=loaded.path.name,
        sha256=loaded.sha256,
        policy_sha256=policy_sha256(suite),
        release=suite.release,
        statements=load_statements(loaded),
        hooks=tuple(Hook(path=path, sha256=digest) for path, digest in hook_files(loaded.folder, hooks_of(loaded))),
        files=tuple(Hook(path=path, sha256=digest) for path, digest in files_of(loaded)),
        tables=declared_tables(loaded),
        claims=claims_of(suite.claims, name),
        compressed_names=tuple(suite.models.compressed),
    )


def _data_facts(dataset: Dataset, loaded: LoadedSuite) -> DataFacts:
    k = len(dataset.classes)
    counts = np.bincount(dataset.labels.astype(np.int64), minlength=k).tolist() if k else []
    return DataFacts(
        source=dataset.source,
        sha256=dataset.sha256,
        n=len(dataset),
        label=loaded.suite.data.label,
        classes=dataset.classes,
        class_counts=tuple(counts),
        clusters=None if dataset.clusters is None else len(np.unique(dataset.clusters)),
        train_n=None if dataset.train is None else len(dataset.train),
    )


def facts_of_survey(survey: Survey, sha256: str, train: pd.DataFrame | None, loaded: LoadedSuite) -> DataFacts:
    """The same facts of data that was read in batches."""
    return DataFacts(
        source=loaded.suite.data.path or "",
        sha256=sha256,
        n=survey.n,
        label=loaded.suite.data.label,
        classes=survey.classes,
        class_counts=tuple(survey.class_n.tolist()),
        clusters=None,
        train_n=None if train is None else len(train),
    )
