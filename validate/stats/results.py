"""What a statistic says: a number with its method, level and size, one at a time or for many slices at once."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with its two-sided confidence limits."""

    estimate: float
    low: float
    high: float
    level: float  # two-sided confidence, such as 0.95
    method: str  # with its source, such as "Tango score (1998)"
    n: int | None = None  # examples (of an error ratio, those that either model got wrong); None in older records

    @property
    def source(self) -> str:
        """Who published the method, as named in it: "1998", "Fay & Lumbard 2021"; empty where it names nobody."""
        return source_of(self.method)


@dataclass(frozen=True, kw_only=True, eq=False)
class Intervals:
    """Intervals of many slices by one method; arrays of shape (m,)."""

    estimate: Floats  # (m,)
    low: Floats  # (m,)
    high: Floats  # (m,)
    level: float
    method: str
    n: Floats | None = None  # (m,) examples, or units, that each is made from

    def __post_init__(self) -> None:
        if not self.estimate.shape == self.low.shape == self.high.shape:
            raise ValueError("estimate, low and high must have one shape")
        if self.n is not None and self.n.shape != self.estimate.shape:
            raise ValueError("there must be one n for each estimate")
        for array in (self.estimate, self.low, self.high):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.estimate)

    def __getitem__(self, i: int) -> Interval:
        return Interval(
            estimate=float(self.estimate[i]),
            low=float(self.low[i]),
            high=float(self.high[i]),
            level=self.level,
            method=self.method,
            n=None if self.n is None else round(float(self.n[i])),
        )


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """A p-value with its method and size."""

    p: float
    method: str
    n: int
    statistic: float | None = None

    __test__ = False  # not a test case for pytest

    @property
    def source(self) -> str:
        """Who published the method, as named in it."""
        return source_of(self.method)


def source_of(method: str) -> str:
    """What a method's name holds in brackets, joined: "score (1998), each (after Rao & Scott 1992)" gives both."""
    return "; ".join(re.findall(r"\(([^()]*\d{4}[^()]*)\)", method))
