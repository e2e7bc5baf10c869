"""What a kind of edge case is: a small function from a frame to a frame, with what its severities mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from validate.columns import Kind as ColumnKind
from validate.suite_words import Table

if TYPE_CHECKING:  # a suite file is read without pandas
    import pandas as pd

Modality = Literal["tabular", "text", "image"]
SEVERITIES = 5


@dataclass(frozen=True, kw_only=True)
class NoOptions(Table):
    """A kind without a choice."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """What a suite asks of a kind, beside the severity."""

    columns: tuple[str, ...]  # that are to be changed
    options: Any  # an instance of the kind's own `options`
    named: Mapping[str, str]  # predicates of the suite's named slices
    data: "pd.DataFrame"  # all of the suite's examples: what is rare, usual or possible is known from them


# (frame, severity, rng, request) -> as many rows in the same order, the same columns. The frame is the function's own.
Make = Callable[["pd.DataFrame", int, np.random.Generator, Request], "pd.DataFrame"]

# (candidates, severity, rng, request, n) -> rows of the data (k,), for kinds that choose rather than change.
Choose = Callable[[NDArray[np.intp], int, np.random.Generator, Request, int], NDArray[np.intp]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of edge case: it changes rows, or it chooses them."""

    about: str  # what happens to a source, in a sentence
    severities: tuple[str, ...]  # what each of 1 to 5 means
    large: tuple[str, ...] = ()  # the same for images that are not small, where it is something else
    make: Make | None = None  # None: the chosen rows as they are
    choose: Choose | None = None  # None: sources drawn evenly, the same at every severity
    columns: frozenset[ColumnKind] | None = None  # the kinds of column that it can change; None: it takes no columns
    options: type = NoOptions  # a Table of the suite file: each key with its default and its limits
    paired: bool = True  # each variant is compared with its source; False: the set as a whole with all examples

    def __post_init__(self) -> None:
        if len(self.severities) != SEVERITIES or (self.make is None) == (self.choose is None):
            raise ValueError("a kind has five severities, and either makes or chooses")
