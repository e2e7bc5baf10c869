"""rows.parquet of a run in batches: each batch becomes a row group of a file that gets its name when all is written."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from validate.errors import OutputError


def arrow_table(frame: pd.DataFrame) -> Any:  # noqa: ANN401  # pyarrow ships no types
    """A frame as an Arrow table, with its attrs where pandas keeps them: pandas itself copies them for every column."""
    import pyarrow as pa

    attrs, bare = frame.attrs, frame.copy(deep=False)
    bare.attrs = {}
    table = pa.Table.from_pandas(bare, preserve_index=False)
    known = {**table.schema.metadata, b"PANDAS_ATTRS": json.dumps(attrs).encode()}
    return table.replace_schema_metadata(known) if attrs else table


class RowFile:
    """A table of rows below a folder, under a temporary name."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / ".rows.parquet.partial"
        self._writer: Any = None

    def add(self, rows: pd.DataFrame) -> None:
        """Append a batch. Raises OutputError where it cannot be written."""
        from pyarrow import parquet

        table = arrow_table(rows)
        try:
            if self._writer is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._writer = parquet.ParquetWriter(self.path, table.schema)
            self._writer.write_table(table.cast(self._writer.schema))
        except OSError as error:
            raise OutputError(str(self.path), f"cannot be written: {error.strerror or error}") from error

    def close(self) -> Path | None:
        """The finished file, to be renamed; None where nothing was written."""
        if self._writer is None:
            return None
        self._writer.close()
        return self.path

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._writer is not None:
            self._writer.close()
            self.path.unlink(missing_ok=True)
