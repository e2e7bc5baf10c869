"""The examples in batches, for data larger than memory: the same checks, one batch at a time."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.data import Dataset, DerivedHooks, derived_hooks, make_dataset, repeated_ids, train_attributes
from validate.errors import DataError
from validate.parts import Batches, open_batches
from validate.suite import LoadedSuite
from validate.tables import file_sha256

SORTED_AT_ONCE = 1_000_000  # hashes of ids in memory


@dataclass(frozen=True, kw_only=True, eq=False)
class DataBatches:
    """The suite's examples, read anew each time that somebody goes through them."""

    loaded: LoadedSuite
    table: Batches
    hooks: DerivedHooks
    train: pd.DataFrame | None
    sha256: str

    def __len__(self) -> int:
        return self.table.n

    def __iter__(self) -> Iterator[tuple[int, Dataset]]:
        """The number of each batch's first row, and the batch. Raises DataError with the batch's rows."""
        start = 0
        for frame in self.table:
            try:
                yield start, make_dataset(frame, self.loaded, self.hooks, sha256=self.sha256, start=start)
            except DataError as error:
                rows = f"in rows {start + 1:,} to {start + len(frame):,}"
                raise DataError(error.place, f"{error.rule}, {rows}", error.value) from error
            start += len(frame)


def open_data(loaded: LoadedSuite) -> DataBatches:
    """Look through the suite's data, and hash it.

    Raises:
        DataError: as `load_dataset`, and for parts that do not go together.
    """
    data = loaded.suite.data
    assert data.path is not None
    assert data.batch_rows is not None
    path, hooks = loaded.file(data.path), derived_hooks(loaded)
    table = open_batches(path, data.path, data.batch_rows, text=() if data.id is None else (data.id,))
    return DataBatches(
        loaded=loaded, table=table, hooks=hooks, train=train_attributes(loaded, hooks), sha256=file_sha256(path)
    )


class UniqueIds:
    """Whether ids repeat, in bounded memory: their hashes wait in a file, and are sorted a share at a time."""

    def __init__(self, sorted_at_once: int = SORTED_AT_ONCE) -> None:
        self._file = tempfile.TemporaryFile(prefix="paritygate-ids-")  # noqa: SIM115 - it lives as long as this does
        self._n = 0
        self._at_once = sorted_at_once

    def __enter__(self) -> "UniqueIds":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, ids: NDArray[np.object_]) -> None:
        """Take in a batch."""
        self._file.write(_hashes(ids).tobytes())
        self._n += len(ids)

    def check(self, data: DataBatches) -> None:
        """Pass when no id came twice. Raises DataError with those that did."""
        suspects = np.concatenate([_twice(share) for share in self._shares()])
        if not len(suspects):
            return
        times: Counter[str] = Counter()
        for _, batch in data:
            times.update(batch.ids[np.isin(_hashes(batch.ids), suspects)].tolist())
        repeated = [one for one, n in times.items() for _ in range(n - 1)]
        if repeated:
            raise repeated_ids(data.loaded, repeated)

    def _shares(self) -> Iterator[NDArray[np.uint64]]:
        shares = max(1, -(-self._n // self._at_once))
        for share in range(shares):
            self._file.seek(0)
            found: list[NDArray[np.uint64]] = [np.zeros(0, np.uint64)]
            while content := self._file.read(8 * SORTED_AT_ONCE):
                hashes = np.frombuffer(content, dtype=np.uint64)
                found.append(hashes[hashes % shares == share])
            yield np.concatenate(found)


def _hashes(ids: NDArray[np.object_]) -> NDArray[np.uint64]:
    hashes: NDArray[np.uint64] = pd.util.hash_array(ids, categorize=False)
    return hashes


def _twice(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    ordered: Sequence[np.uint64] | NDArray[np.uint64] = np.sort(hashes)
    ordered = np.asarray(ordered)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
