"""The examples: read from files or a hook of the suite, hashed, with unique ids."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Examples in the order of the data; every array has one entry per example."""

    frame: pd.DataFrame  # all columns, derived ones included; default RangeIndex
    ids: NDArray[np.object_]  # (n,) unique, as str
    labels: NDArray[np.int64] | NDArray[np.float64]  # (n,) class codes (index into classes), or values for regression
    classes: tuple[str, ...]  # empty for regression
    clusters: NDArray[np.int64] | None  # (n,) codes of the sampled unit, None when every row is its own
    train: pd.DataFrame | None  # attributes of the training data, derived columns included
    sha256: str  # of the bytes of the data file or parts; of the frame's content for a python source
    source: str  # path as written in the suite, or the hook

    def __len__(self) -> int:
        return len(self.ids)
