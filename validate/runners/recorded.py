"""Predictions that were made elsewhere: whatever has run anywhere can be judged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.data import Dataset
from validate.errors import DataError, ModelError, did_you_mean
from validate.parts import open_batches
from validate.predictions import ModelIdentity, Predictions
from validate.runners.harness import ID, choice_scores, is_log
from validate.suite import LoadedSuite, RecordedModel
from validate.suite_words import Outputs
from validate.tables import as_text, class_codes, counted, file_sha256, read_table, total_bytes

ANSWER = "prediction"  # column of a label or a value
SCORES = "scores"  # array of an npz with one column per class, in their order


@dataclass(frozen=True, kw_only=True)
class RecordedRunner:
    """A file of answers that has been read and checked."""

    identity: ModelIdentity
    recorded: Predictions

    @property
    def outputs(self) -> Outputs:
        """What the file holds."""
        return self.recorded.outputs

    @property
    def settings(self) -> Mapping[str, str]:
        """The file: its answers depend on nothing else."""
        return {"model": self.identity.sha256 or ""}

    def answers(self, dataset: Dataset, start: int, stop: int) -> Iterator[NDArray[np.float64]]:
        """The recorded answers, NaN where the file has none; whether its ids are the data's is found out by pairing."""
        rows = pd.Index(self.recorded.ids, dtype=object).get_indexer(pd.Index(dataset.ids[start:stop], dtype=object))
        scores = self.recorded.scores[rows]
        scores[rows < 0] = np.nan
        yield scores


@dataclass(kw_only=True, eq=False)
class RecordedStream:
    """A file of answers in the order of the data, read along with it."""

    identity: ModelIdentity
    outputs: Outputs
    place: str
    parts: Iterator[tuple[NDArray[np.object_], NDArray[np.float64]]]  # ids and scores
    ids: NDArray[np.object_] = field(default_factory=lambda: np.zeros(0, dtype=object))  # read, and not asked for yet
    scores: NDArray[np.float64] | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """The file: its answers depend on nothing else."""
        return {"model": self.identity.sha256 or ""}

    def answers(self, dataset: Dataset, start: int, stop: int) -> Iterator[NDArray[np.float64]]:
        """The recorded answers to a batch, NaN where the file has none.

        Raises:
            ModelError: ids that come twice, or not in the data's order.
        """
        ids = dataset.ids[start:stop]
        self._read(len(ids))
        known = self.ids[: len(ids)]
        rows = pd.Index(ids, dtype=object).get_indexer(pd.Index(known, dtype=object))
        here = len(rows) if (rows >= 0).all() else int(np.argmin(rows >= 0))  # the next is for a later batch
        rows = rows[:here]
        if (np.diff(rows) <= 0).any():
            at = int(np.argmin(np.diff(rows) > 0)) + 1
            rule = "each id once and in the data's order: that is how [data] batch_rows reads them"
            raise ModelError(self.place, rule, known[at])
        assert self.scores is not None
        found = np.full((len(ids), self.scores.shape[1]), np.nan)
        found[rows] = self.scores[:here]
        self.ids, self.scores = self.ids[here:], self.scores[here:]
        yield found

    def finish(self) -> None:
        """Pass when all answers found their example. Raises ModelError."""
        self._read(1)
        if len(self.ids):
            rule = "ids must be those of the data, in its order: that is how [data] batch_rows reads them"
            raise ModelError(self.place, rule, self.ids[0])

    def _read(self, rows: int) -> None:
        """Have so many answers waiting, where there are as many left."""
        while self.scores is None or len(self.ids) < rows:
            try:
                part = next(self.parts, None)
            except DataError as error:
                raise ModelError(error.place, error.rule, error.value) from error
            if part is None:
                return
            self.ids = np.concatenate([self.ids, part[0]])
            self.scores = part[1] if self.scores is None else np.concatenate([self.scores, part[1]])


def open_model(
    spec: RecordedModel, *, name: str, loaded: LoadedSuite, classes: tuple[str, ...]
) -> RecordedRunner | RecordedStream:
    """Read a file with an id and, per example, a `prediction` or one score per class; an empty cell is no answer.

    A sample log of lm-evaluation-harness is known by its columns, and gives a score per choice.

    Raises:
        ModelError: an unreadable file, a column that is not there, a missing id, a label that is no class.
    """
    path, place = loaded.file(spec.recorded), f"model {name!r} ({spec.recorded})"
    outputs, batch_rows = spec.outputs or loaded.suite.models.outputs, loaded.suite.data.batch_rows
    try:
        if batch_rows is not None:
            table = open_batches(path, place, batch_rows, text=(spec.id,))
            identity = _identity(spec, name, path, table.n, outputs)
            parts = ((_ids(part, spec.id, place), _scores(part, outputs, classes, place)) for part in table)
            return RecordedStream(identity=identity, outputs=outputs, place=place, parts=parts)
        frame = read_table(path, place, text=(spec.id,))
    except DataError as error:
        raise ModelError(error.place, error.rule, error.value) from error
    log = outputs == "logits" and is_log(frame)
    identity = _identity(spec, name, path, len(frame), "log-likelihoods of choices" if log else outputs)
    recorded = Predictions(
        ids=_ids(frame, ID if log and spec.id not in frame else spec.id, place),
        scores=choice_scores(frame, len(classes), place) if log else _scores(frame, outputs, classes, place),
        outputs=outputs,
        model=identity,
    )
    return RecordedRunner(identity=identity, recorded=recorded)


def _identity(spec: RecordedModel, name: str, path: Path, rows: int, holds: str) -> ModelIdentity:
    return ModelIdentity(
        name=name,
        kind="recorded",
        source=spec.recorded,
        sha256=file_sha256(path),
        bytes=total_bytes(path),
        details=(("rows", f"{rows:,}"), ("outputs", holds)),
    )


def _ids(frame: pd.DataFrame, name: str, place: str) -> NDArray[np.object_]:
    ids = as_text(_column(frame, name, place))
    missing = np.flatnonzero(ids == None)  # noqa: E711  # element by element
    if len(missing):
        raise ModelError(place, f"column {name!r} must not be missing", f"{len(missing):,} rows, first {missing[0]}")
    return ids


def _scores(frame: pd.DataFrame, outputs: Outputs, classes: tuple[str, ...], place: str) -> NDArray[np.float64]:
    """(n, k) numbers, NaN where a cell is empty."""
    if outputs == "labels":
        return _codes(_column(frame, ANSWER, place), classes, place)
    if outputs == "value":
        names = [ANSWER]
    else:
        arrays = [column for column in frame.columns if column.startswith(f"{SCORES}_")]
        names = arrays if arrays and not set(classes) <= set(frame.columns) else list(classes)
    columns = [_column(frame, name, place) for name in names]
    text = [column.name for column in columns if not pd.api.types.is_numeric_dtype(column.dtype)]
    if text:
        raise ModelError(place, f"column {text[0]!r} must hold numbers", frame[text[0]].iloc[0])
    return np.column_stack([column.to_numpy(dtype=np.float64, na_value=np.nan) for column in columns])


def _codes(answers: pd.Series, classes: tuple[str, ...], place: str) -> NDArray[np.float64]:
    codes = class_codes(answers, classes).astype(np.float64)
    none = codes < 0
    unknown = answers[none & answers.notna().to_numpy()]
    if len(unknown):
        raise ModelError(place, f"labels must be among data.classes {list(classes)}", counted(unknown))
    codes[none] = np.nan
    return codes[:, None]


def _column(frame: pd.DataFrame, name: str, place: str) -> pd.Series:
    if name not in frame:
        rule = f"there is no column {name!r}{did_you_mean(name, frame.columns)}"
        raise ModelError(place, rule, list(frame.columns))
    column: pd.Series = frame[name]
    return column
