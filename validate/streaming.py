"""A run over data larger than memory: once over the batches to learn, once more to add up."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from validate.answers import answer
from validate.batched import DataBatches, UniqueIds, open_data
from validate.checks import integrity_check
from validate.contract import ContractResult, check_contract, check_row_wise, combined
from validate.data import Dataset
from validate.errors import DataError, ModelError
from validate.exports.rowfile import RowFile
from validate.exports.rows import row_table
from validate.gate import CheckResult
from validate.judgement import judge_totals
from validate.outcome import Outcome
from validate.predictions import ModelIdentity, Predictions, pair
from validate.preflight import Seen, identical, preflight_checks
from validate.progress import Progress
from validate.recording import (
    Found,
    Judged,
    Occasion,
    attempt_checks,
    contract_checks,
    facts_of_survey,
    make_record,
    not_judged,
)
from validate.runners import Runner, open_runner
from validate.runners.recorded import RecordedStream
from validate.slicing import Slicing, draw_slices
from validate.suite import ModelSpec
from validate.survey import Quantiles, Survey
from validate.totals import Totals, add_up


@dataclass(kw_only=True)
class _Candidate:
    """A compressed model on its way through the batches."""

    name: str
    runner: Runner | None = None
    totals: Totals | None = None
    error: ModelError | None = None
    rows: RowFile | None = None
    identical: int = 0  # answers that are the dense model's to the last bit

    @property
    def identity(self) -> ModelIdentity | None:
        return None if self.runner is None else self.runner.identity


def evaluate_batches(
    occasion: Occasion, names: Sequence[str], progress: Progress, rows_in: Path | None
) -> tuple[Judged, ...]:
    """Judge these compressed models; tables of rows are written below `rows_in`, where that is given.

    Raises:
        SuiteError: a suite that cannot be evaluated in batches, or as it is written.
        DataError: data that cannot be read, or that changes while it is.
    """
    loaded, clock = occasion.loaded, occasion.clock
    if loaded.suite.data.contract is not None:
        check_row_wise(loaded.file(loaded.suite.data.contract))
    with clock.stage("data"):
        data = open_data(loaded)
    survey, contract = _learn(data, occasion, progress)
    found = Found(data=facts_of_survey(survey, data.sha256, data.train, loaded), contract=contract)
    if any(result.outcome is not Outcome.PASS for result in contract):
        return tuple(not_judged(name, occasion, found) for name in names)
    with clock.stage("slices"):
        slicing = draw_slices(survey, data.train)
    with ExitStack() as files:
        rows = {name: RowFile(rows_in / name) for name in names} if rows_in and loaded.suite.release.rows else {}
        candidates = [_Candidate(name=name, rows=rows.get(name)) for name in names]
        for file in rows.values():
            files.callback(file.discard)
        try:
            dense = _open("dense", loaded.suite.models.dense, occasion, survey.classes)
            _add_up(data, slicing, dense, candidates, occasion, progress=progress)
        except ModelError as error:
            return tuple(not_judged(name, occasion, found, error) for name in names)
        found = replace(found, dense=dense.identity)
        judged = [_judged(candidate, occasion, found) for candidate in candidates]
        files.pop_all()
    return tuple(judged)


def _learn(data: DataBatches, occasion: Occasion, progress: Progress) -> tuple[Survey, tuple[ContractResult, ...]]:
    """What slices need to know of the rows, and whether each batch keeps the contract."""
    suite, clock = occasion.loaded.suite, occasion.clock
    quantiles = Quantiles(suite)
    contract: tuple[ContractResult, ...] = ()
    declared = None if suite.data.contract is None else occasion.loaded.file(suite.data.contract)
    with clock.stage("slices"):
        for batch in _told(data, progress, "quantiles") if quantiles else ():
            quantiles.add(batch.frame)
        survey = Survey(suite, quantiles.edges())
    with UniqueIds() as ids:
        for batch in _told(data, progress, "survey"):
            with clock.stage("contract"):
                if declared is not None:
                    contract = combined(contract, check_contract(batch.frame, declared))
            with clock.stage("slices"):
                survey.add(batch)
                ids.add(batch.ids)
        with clock.stage("data"):
            ids.check(data)
    return survey, contract


def _told(data: DataBatches, progress: Progress, name: str) -> Iterator[Dataset]:
    with progress.stage(name, len(data)) as advance:
        for _, batch in data:
            yield batch
            advance(len(batch))


def _open(name: str, spec: ModelSpec, occasion: Occasion, classes: tuple[str, ...]) -> Runner:
    with occasion.clock.stage("models"):
        return open_runner(spec, name=name, loaded=occasion.loaded, classes=classes)


def _add_up(
    data: DataBatches,
    slicing: Slicing,
    dense: Runner,
    candidates: Sequence[_Candidate],
    occasion: Occasion,
    *,
    progress: Progress,
) -> None:
    """Every batch through every model into the sums; a compressed model that fails is left out from there on."""
    models, clock = occasion.loaded.suite.models, occasion.clock
    with progress.stage("models", len(data)) as advance:
        n = 0
        for start, batch in data:
            with clock.stage("slices"):
                membership = slicing.membership(batch, slicing.plan)
            before = _answers(dense, batch, occasion)
            for candidate in candidates:
                if candidate.error is not None:
                    continue
                try:
                    candidate.runner = candidate.runner or _open(
                        candidate.name, models.compressed[candidate.name], occasion, batch.classes
                    )
                    paired = pair(batch, before, _answers(candidate.runner, batch, occasion))
                except ModelError as error:
                    candidate.error = error
                    continue
                with clock.stage("comparison"):
                    candidate.identical += identical(paired)
                    totals = replace(add_up(paired, membership, occasion.loaded.suite.gate, start=start), rows=None)
                    candidate.totals = totals if candidate.totals is None else candidate.totals + totals
                    if candidate.rows is not None:
                        candidate.rows.add(row_table(paired, membership))
            advance(len(batch))
            n += len(batch)
    if n != slicing.slices[0].n:
        raise DataError(data.table.place, "changed while it was read", f"{n:,} rows, {slicing.slices[0].n:,} before")
    _finish(dense)
    for candidate in candidates:
        try:
            _finish(candidate.runner)
        except ModelError as error:
            candidate.error = candidate.error or error


def _finish(runner: Runner | None) -> None:
    if isinstance(runner, RecordedStream):
        runner.finish()


def _answers(runner: Runner, batch: Dataset, occasion: Occasion) -> Predictions:
    clock, timeout = occasion.clock, occasion.loaded.suite.models.timeout
    cache = None if isinstance(runner, RecordedStream) else occasion.cache
    with clock.stage("models"):
        made = answer(runner, batch, cache=cache, timeout=timeout)
    name = runner.identity.name
    clock.reused[name] = clock.reused.get(name, 0) + made.reused
    clock.damaged += made.damaged
    return made.predictions


def _judged(candidate: _Candidate, occasion: Occasion, found: Found) -> Judged:
    found = replace(found, compressed=candidate.identity)
    suite, totals = occasion.loaded.suite, candidate.totals
    if candidate.error is not None or totals is None:
        if candidate.rows is not None:
            candidate.rows.discard()
        return not_judged(candidate.name, occasion, found, candidate.error)
    found = replace(found, missing=totals.missing)
    held = integrity_check("pairing", (), f"both models answered the same {totals.n:,} examples, matched by id")
    with occasion.clock.stage("comparison"):
        integrity = (
            *contract_checks(found.contract),
            held,
            *attempt_checks(occasion, found),
            *_preflight(candidate, found, occasion),
        )
        judgement = judge_totals(totals, suite.gate, seed=suite.seed, integrity=integrity)
    record = make_record(candidate.name, occasion, found, judgement)
    return Judged(record=record, rows=None if candidate.rows is None else candidate.rows.close())


def _preflight(candidate: _Candidate, found: Found, occasion: Occasion) -> tuple[CheckResult, ...]:
    """The same checks of the pair itself, from what the batches added up to."""
    suite, totals, runner = occasion.loaded.suite, candidate.totals, candidate.runner
    assert totals is not None
    assert runner is not None
    assert found.dense is not None
    both, gains, losses, _ = (int(cell) for cell in totals.everything.sum(axis=0))
    seen = Seen(
        n=totals.n,
        identical=candidate.identical,
        labels_only=runner.outputs == "labels",
        dense=(both + losses) / totals.n,
        compressed=(both + gains) / totals.n,
        gains=gains,
        losses=losses,
    )
    return preflight_checks(seen, found.dense, runner.identity, suite.models, suite.gate.metric)
