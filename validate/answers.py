"""A model's answers to a dataset, or to a batch of one: from the cache where they are known, computed where not."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Thread

import numpy as np
from numpy.typing import NDArray

from validate.cache import Cache, Entry
from validate.data import Dataset
from validate.errors import ModelError, one_line
from validate.predictions import Predictions
from validate.runners import Runner
from validate.runners.recorded import RecordedRunner
from validate.suite import TIMEOUT

MODEL_THREAD = "paritygate-model"  # cli looks for it by this name
KEEP_SECONDS = 2.0  # of work are lost at most where a run is killed
KEEP_BYTES = 16 * 2**20  # of answers are kept in one piece

Scores = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """Predictions, and how they came about."""

    predictions: Predictions
    reused: int = 0  # answers that came from the cache
    damaged: int = 0  # pieces of the cache that were found damaged, and computed again
    not_kept: str = ""  # why the cache could not take what was computed; empty where it could


def answer(
    runner: Runner,
    dataset: Dataset,
    *,
    cache: Cache | None = None,
    timeout: float = TIMEOUT,
    advance: Callable[[int], None] = lambda _: None,
) -> Answers:
    """This model's answers to these examples, each computed at most once as long as the cache remembers it.

    `advance` hears how many more are done. What was computed before a failure stays in the cache.

    Raises:
        ModelError: a model or its inputs that fail, or take longer than `timeout` seconds for one batch.
    """
    if isinstance(runner, RecordedRunner):
        advance(len(dataset))
        return Answers(predictions=runner.recorded)
    store = None if cache is None else _Store(cache, cache.entry({**runner.settings, "data": dataset.fingerprint}))
    done, damaged = _Done(len(dataset)), 0
    if store is not None:
        kept = store.entry.read(len(dataset))
        for start, scores in kept.pieces:
            done.add(start, scores)
        damaged = kept.damaged
    reused = int(done.known.sum())
    advance(reused)
    try:
        for start, scores in _computed(runner, dataset, done.gaps(), timeout):
            done.add(start, scores)
            if store is not None:
                store.add(start, scores)
            advance(len(scores))
    finally:
        if store is not None:
            store.flush()
    if cache is not None and reused < len(dataset):
        cache.prune()
    return Answers(
        predictions=Predictions(ids=dataset.ids, scores=done.scores, outputs=runner.outputs, model=runner.identity),
        reused=reused,
        damaged=damaged,
        not_kept="" if store is None else store.failure,
    )


def _computed(
    runner: Runner, dataset: Dataset, gaps: Sequence[tuple[int, int]], timeout: float
) -> Iterator[tuple[int, Scores]]:
    """First row and answers of every batch that is not known yet."""
    place = f"model {runner.identity.name!r} ({runner.identity.source})"
    for first, stop in gaps:
        at = first
        try:
            for scores in _fed(runner.answers(dataset, first, stop), timeout):
                yield at, scores
                at += len(scores)
        except _TooLong:
            rule = f"no answer to a batch within {timeout:g} seconds, the limit that [models] timeout sets"
            raise ModelError(f"{place}, example {at + 1:,} on", rule) from None
        if at != stop:
            raise ModelError(place, f"must answer the {stop - first:,} examples it is asked", f"{at - first:,} answers")


class _TooLong(Exception):  # noqa: N818 - it never leaves this file
    """A batch took longer than it may."""


class _Done:
    """The answers that are known so far; as wide as the first that came."""

    def __init__(self, n: int) -> None:
        self.scores: Scores = np.empty((n, 0))
        self.known = np.zeros(n, dtype=np.bool_)

    def add(self, start: int, scores: Scores) -> None:
        if not self.scores.size:
            self.scores = np.empty((len(self.known), scores.shape[1]))
        self.scores[start : start + len(scores)] = scores
        self.known[start : start + len(scores)] = True

    def gaps(self) -> list[tuple[int, int]]:
        """First row and row after the last, of each run of examples without an answer."""
        edges = np.flatnonzero(np.diff(np.concatenate([[True], self.known, [True]]).astype(np.int8)))
        return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


@dataclass(kw_only=False)
class _Store:
    """Answers on their way into the cache; where it takes none, the run goes on without."""

    cache: Cache
    entry: Entry
    failure: str = ""
    waiting: list[Scores] = field(default_factory=list)
    start: int = 0  # row of the first that waits
    written: int = 0  # bytes
    since: float = field(default_factory=time.monotonic)

    def add(self, start: int, scores: Scores) -> None:
        if self.waiting and self.start + sum(map(len, self.waiting)) != start:
            self.flush()
        self.start = self.start if self.waiting else start
        self.waiting.append(scores)
        enough = sum(waiting.nbytes for waiting in self.waiting) >= KEEP_BYTES
        if enough or time.monotonic() - self.since >= KEEP_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self.waiting and not self.failure:
            try:
                self.written += self.entry.write(self.start, np.concatenate(self.waiting))
            except OSError as failure:
                self.failure = one_line(failure.strerror or failure)
            if self.written > self.cache.limit:
                self.failure = f"more than the {self.cache.limit:,} bytes that the cache may hold"
        self.waiting, self.since = [], time.monotonic()


def _fed(batches: Iterator[Scores], timeout: float) -> Iterator[Scores]:
    """The batches, made in a thread of their own: one that never comes ends the wait, not the thread."""
    ready: SimpleQueue[Scores | BaseException | None] = SimpleQueue()
    given_up = Event()

    def work() -> None:
        try:
            for batch in batches:
                ready.put(batch)
                if given_up.is_set():
                    return
            ready.put(None)
        except BaseException as failure:
            ready.put(failure)

    Thread(target=work, name=MODEL_THREAD, daemon=True).start()
    try:
        while True:
            item = ready.get(timeout=timeout)
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    except Empty:
        raise _TooLong from None
    finally:
        given_up.set()
