"""From a suite to its evidence: the stages in the order in which the data travels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from validate.answers import answer
from validate.attempts import Attempts, Remembered
from validate.cache import Cache
from validate.calibration_set import calibration_notes
from validate.changes import policy_level
from validate.checks import integrity_check
from validate.compression import claims_held, looked_into, measured_cost
from validate.contract import ContractResult, check_contract
from validate.data import Dataset, load_dataset
from validate.discovery import Discovery
from validate.edge_cases.attacked import Attacked, Struck, attack_compressed, attack_dense, build_attacks
from validate.edge_cases.build import build_edge_cases
from validate.edge_cases.evidence import EdgeAnswers, all_answers, judge_with_attacks
from validate.edge_cases.exploring import explore_edge_cases
from validate.edge_cases.natural import with_natural
from validate.edge_cases.review import review_queue
from validate.edge_cases.sets import EdgeCases
from validate.errors import ModelError, SuiteError, did_you_mean
from validate.evidence import EvidenceRecord
from validate.exploring import explore
from validate.exports.edge_rows import edge_rows_of
from validate.exports.rows import row_table
from validate.features import feature_clusters
from validate.judgement import judge_pair
from validate.metrics import needs_scores
from validate.outcome import Outcome
from validate.populations import PopulationResult, compare_populations, not_compared, sides
from validate.predictions import Predictions, answers, pair
from validate.preflight import BATCH_ROWS, NoiseFloor, noise_floor, preflight_checks, sample, seen
from validate.progress import SILENT, Progress
from validate.recording import (
    Found,
    Judged,
    Occasion,
    attempt_checks,
    contract_checks,
    make_record,
    not_judged,
)
from validate.runners import Flexible, Runner, open_runner
from validate.slices import Membership
from validate.slicing import build_membership
from validate.streaming import evaluate_batches
from validate.suite import Discover, LoadedSuite, ModelSpec
from validate.waiver_file import load_waivers


@dataclass(frozen=True, kw_only=True, eq=False)
class Questions:
    """What every model is asked, with the dense model's answers."""

    membership: Membership
    dense: Predictions
    edge: EdgeCases | None  # attacks apart
    edge_dense: Predictions | None
    attacked: Attacked | None = None


def run(
    loaded: LoadedSuite, *, compressed: Sequence[str] | None = None, cache: Cache | None = None
) -> tuple[EvidenceRecord, ...]:
    """Judge the suite's compressed models, or those named: one evidence record each.

    With a `cache`, such as `validate.cache.open_cache()`, a model that did not change is not asked twice.

    Raises:
        SuiteError: a suite that cannot be evaluated as it is written, or a model that it does not name.
        DataError: data that cannot be read, or a declared slice that matches nothing.
    """
    return tuple(judged.record for judged in evaluate(loaded, compressed=compressed, cache=cache))


def evaluate(
    loaded: LoadedSuite,
    *,
    compressed: Sequence[str] | None = None,
    command: str = "",
    report_only: bool = False,
    attempts: Attempts | None = None,
    cache: Cache | None = None,
    progress: Progress = SILENT,
    rows_in: Path | None = None,
) -> tuple[Judged, ...]:
    """The same, with the rows, for callers that write files.

    A broken contract, or a model that cannot be run or paired, becomes a record with the verdict ERROR: its reasons
    are written down, and the other models are still judged. `attempts` counts them, from 1 unless it is given. Of
    data that is read in batches, the rows are written below `rows_in`, where that is given.
    """
    names = _chosen(loaded, compressed)
    occasion = Occasion(
        loaded=loaded,
        command=command,
        report_only=report_only,
        attempts=Remembered() if attempts is None else attempts,
        cache=cache,
        waivers=load_waivers(loaded),
    )
    if loaded.suite.data.batch_rows is not None:
        return evaluate_batches(occasion, names, progress, rows_in)
    clock = occasion.clock
    with clock.stage("data"):
        dataset = load_dataset(loaded)
    with clock.stage("contract"):
        contract = _contract(loaded, dataset)
    found = Found(dataset=dataset, contract=contract)
    if any(result.outcome is not Outcome.PASS for result in contract):
        return tuple(not_judged(name, occasion, found) for name in names)
    with clock.stage("slices"):
        membership = build_membership(dataset, loaded.suite)
    with clock.stage("edge cases"):
        edge, attacks = build_edge_cases(loaded, dataset), build_attacks(loaded, dataset)
    with clock.stage("discovery"):
        found = replace(found, features=feature_clusters(loaded, dataset))
    try:
        runner = _open("dense", occasion, dataset)
        dense, edge_dense = _predict(runner, occasion, (dataset, edge), progress)
        floor = _noise_floor(dense, runner, occasion, dataset)
        ask = partial(_struck, occasion, progress)
        attacked = attack_dense(attacks, loaded, dataset, runner, ask) if attacks else None
        artifact = looked_into(runner, occasion, dataset)
        membership = with_natural(membership, loaded, dataset, dense)
    except ModelError as error:
        return tuple(not_judged(name, occasion, found, error) for name in names)
    populations = _populations(occasion, dataset, progress)
    found = replace(found, dense=dense.model, populations=populations, noise_floor=floor, dense_artifact=artifact)
    asked = Questions(membership=membership, dense=dense, edge=edge, edge_dense=edge_dense, attacked=attacked)
    judged = [_judge(name, occasion, found, asked, progress) for name in names]
    return _reviewed(judged, dataset, dense, loaded)


def discover(
    loaded: LoadedSuite,
    *,
    compressed: Sequence[str] | None = None,
    cache: Cache | None = None,
    progress: Progress = SILENT,
) -> dict[str, Discovery]:
    """What a search finds of each compressed model's damage: nothing is judged; the contract is not looked at.

    Where the suite has edge cases, these are searched by themselves: "<name>, edge cases".

    Raises:
        SuiteError, DataError, ModelError: whatever keeps the models from being run and paired.
    """
    asked = loaded.suite.discover or Discover()
    at_once = replace(loaded.suite.data, batch_rows=None)
    loaded = replace(loaded, suite=replace(loaded.suite, discover=asked, data=at_once))
    names = _chosen(loaded, compressed)
    occasion, dataset = Occasion(loaded=loaded, command="", report_only=True, cache=cache), load_dataset(loaded)
    clusters = feature_clusters(loaded, dataset)
    edge = build_edge_cases(loaded, dataset)
    dense, edge_dense = _predict(_open("dense", occasion, dataset), occasion, (dataset, edge), progress)
    found = {}
    for name in names:
        given, edge_given = _predict(_open(name, occasion, dataset), occasion, (dataset, edge), progress)
        paired = pair(dataset, dense, given)
        discovery = explore(paired, dataset, loaded.suite, () if clusters is None else (clusters,))
        assert discovery is not None
        found[name] = discovery
        if edge and edge_dense and edge_given:
            variants = pair(edge.dataset, edge_dense, edge_given)
            among = explore_edge_cases(edge, variants, dataset, loaded.suite)
            found |= {} if among is None else {f"{name}, edge cases": among}
    return found


def _judge(name: str, occasion: Occasion, found: Found, asked: Questions, progress: Progress) -> Judged:
    """One compressed model against the dense one."""
    suite, dataset = occasion.loaded.suite, found.dataset
    assert dataset is not None
    try:
        runner = _open(name, occasion, dataset)
        compressed, edge_compressed = _predict(runner, occasion, (dataset, asked.edge), progress)
        artifact = looked_into(runner, occasion, dataset)
        lacking = calibration_notes(name, occasion.loaded, dataset, asked.membership)
        found = replace(found, compressed=compressed.model, compressed_artifact=artifact, calibration=lacking)
        paired = pair(dataset, asked.dense, compressed)
        edge_given = _edge_answers(runner, edge_compressed, asked, (occasion, dataset), progress)
    except ModelError as error:
        return not_judged(name, occasion, found, error)
    found = replace(found, missing=paired.missing, cost=measured_cost(name, occasion, dataset, progress))
    held = integrity_check("pairing", (), f"both models answered the same {len(dataset):,} examples, matched by id")
    made = [*contract_checks(found.contract), held, *attempt_checks(occasion, found)]
    metric = suite.gate.metric
    made += preflight_checks(seen(paired, metric), asked.dense.model, compressed.model, suite.models, metric)
    made += claims_held(name, occasion, found, paired)
    if edge_given:
        with occasion.clock.stage("edge cases"):
            evidence, checks = judge_with_attacks(edge_given, paired, suite)
        found = replace(found, edge_cases=evidence)
        made += checks
    with occasion.clock.stage("comparison"):
        judgement = judge_pair(paired, asked.membership, suite.gate, seed=suite.seed, integrity=made)
    with occasion.clock.stage("discovery"):
        extra = () if found.features is None else (found.features,)
        found = replace(found, discovery=explore(paired, dataset, suite, extra))
    record = make_record(name, occasion, found, judgement)
    judged = Judged(
        record=record, rows=None, answers=answers(paired.compressed).astype(np.int64) if paired.classes else None
    )
    if not suite.release.rows:
        return judged
    scores = needs_scores(suite.gate.metric)
    return replace(
        judged,
        rows=row_table(paired, asked.membership, scores=scores),
        edge_rows=edge_rows_of(edge_given, paired, scores=scores),
    )


def _reviewed(
    judged: Sequence[Judged], dataset: Dataset, dense: Predictions, loaded: LoadedSuite
) -> tuple[Judged, ...]:
    """The same with the review queue, which needs the answers of all compressed models, in each record."""
    given = {one.record.compressed_name: one.answers for one in judged if one.answers is not None}
    shown = loaded.suite.release.inputs
    columns = [str(name) for name in dataset.frame.columns if shown and name != loaded.suite.data.image]
    queue = review_queue(dataset, dense, given, inputs=columns)
    return tuple(replace(one, record=replace(one.record, review=queue)) for one in judged)


def _open(name: str, occasion: Occasion, dataset: Dataset, spec: ModelSpec | None = None) -> Runner:
    """The model of this name, or another one under it."""
    models = occasion.loaded.suite.models
    spec = spec or (models.dense if name == "dense" else models.compressed[name])
    with occasion.clock.stage("models"):
        return open_runner(spec, name=name, loaded=occasion.loaded, classes=dataset.classes)


def _predict(
    runner: Runner, occasion: Occasion, asked: tuple[Dataset, EdgeCases | None], progress: Progress
) -> tuple[Predictions, Predictions | None]:
    """A model's answers to all examples and to the edge cases, those that the cache holds without inference."""
    (dataset, edge), clock, name = asked, occasion.clock, runner.identity.name
    with clock.stage("models"):
        given = _answered(name, runner, dataset, occasion, progress)
    if edge is None:
        return given, None
    with clock.stage("edge cases"):
        return given, _answered(f"{name}, edge cases", runner, edge.dataset, occasion, progress)


def _edge_answers(
    runner: Runner, given: Predictions | None, asked: Questions, where: tuple[Occasion, Dataset], progress: Progress
) -> EdgeAnswers | None:
    """Both models' answers to all edge cases: those just given, and those to inputs changed to fool either."""
    occasion, dataset = where
    plain = (asked.edge, asked.edge_dense, given) if asked.edge and asked.edge_dense and given else None
    struck = Struck()
    if asked.attacked is not None:
        ask = partial(_struck, occasion, progress)
        struck = attack_compressed(asked.attacked, runner, occasion.loaded, dataset, ask)
    return all_answers(plain, struck, dataset, occasion.loaded.suite.gate)


def _struck(occasion: Occasion, progress: Progress, title: str, runner: Runner, dataset: Dataset) -> Predictions:
    with occasion.clock.stage("edge cases"):
        return _answered(title, runner, dataset, occasion, progress)


def _populations(occasion: Occasion, dataset: Dataset, progress: Progress) -> tuple[PopulationResult, ...]:
    """Every population that the suite names; one that cannot be run says why, and stops nothing else."""
    found = []
    for name, population in occasion.loaded.suite.populations.items():
        matched = population.matched

        def answered(side: str, specs: Sequence[ModelSpec], name: str = name) -> list[Predictions]:
            titles = [f"{name}, {side} {i}" for i in range(1, len(specs) + 1)]
            asked = zip(titles, specs, strict=True)
            opened = (_open(title, occasion, dataset, spec) for title, spec in asked)  # one at a time in memory
            return [_predict(runner, occasion, (dataset, None), progress)[0] for runner in opened]

        try:
            dense, compressed = answered("dense", population.dense), answered("compressed", population.compressed)
            both = sides(dataset, dense, compressed)
        except ModelError as error:
            seeds = len(population.dense), len(population.compressed)
            found.append(not_compared(name, seeds, str(error), matched=matched))
            continue
        level = policy_level(occasion.loaded.suite.gate)
        found.append(compare_populations(name, dataset, both, matched=matched, level=level))
    return tuple(found)


def _answered(title: str, runner: Runner, dataset: Dataset, occasion: Occasion, progress: Progress) -> Predictions:
    timeout = occasion.loaded.suite.models.timeout
    with progress.stage(title, len(dataset)) as advance:
        made = answer(runner, dataset, cache=occasion.cache, timeout=timeout, advance=advance)
    occasion.clock.reused[title] = made.reused
    occasion.clock.damaged += made.damaged
    return made.predictions


def _noise_floor(dense: Predictions, runner: Runner, occasion: Occasion, dataset: Dataset) -> NoiseFloor | None:
    """How the dense model's answers change when nothing does but how it is asked; None where that cannot be told."""
    suite = occasion.loaded.suite
    if not hasattr(runner, "otherwise"):
        return None
    with occasion.clock.stage("noise floor"):
        again, how = cast(Flexible, runner).otherwise(BATCH_ROWS)
        some = sample(dataset, suite.seed)
        made = answer(again, some, cache=occasion.cache, timeout=suite.models.timeout)
    return noise_floor(dense, some, made.predictions, how)


def _contract(loaded: LoadedSuite, dataset: Dataset) -> tuple[ContractResult, ...]:
    contract = loaded.suite.data.contract
    return () if contract is None else check_contract(dataset.frame, loaded.folder / contract)


def _chosen(loaded: LoadedSuite, compressed: Sequence[str] | None) -> tuple[str, ...]:
    """The compressed models to judge, in the suite's order."""
    known = tuple(loaded.suite.models.compressed)
    for name in compressed or ():
        if name not in known:
            raise SuiteError("--compressed", f"must be one of {', '.join(known)}{did_you_mean(name, known)}", name)
    return known if compressed is None else tuple(name for name in known if name in compressed)
