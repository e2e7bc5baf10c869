"""Kinds for rows of a table: what goes wrong between the world and a cell.

What is usual, rare or possible in a column is known from all of the suite's examples (`request.data`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from validate.columns import Kind as ColumnKind
from validate.edge_kinds.kind import Kind, Request
from validate.predicates import evaluate, parse
from validate.suite_words import Table

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

MISSING = (0.1, 0.25, 0.5, 0.75, 1.0)  # probability of each cell
RARE = (0.05, 0.02, 0.01, 0.005, 0.0)  # largest share of a category that takes a value's place
UNSEEN = "(never seen)"
BEYOND = (0.01, 0.1, 0.5, 1.0, 10.0)  # of the column's range, past its ends
QUANTILES = (0.05, 0.01, 0.001, 0.0, 0.0)  # from either end
UNITS = ((0.1, False), (10.0, False), (1000.0, False), (10.0, True), (1000.0, True))  # factor, in all columns
STEPS = (0.1, 0.25, 0.5, 1.0, 2.0)  # standard deviations
NOISE = (0.05, 0.1, 0.25, 0.5, 1.0)  # standard deviations
COPIES = (2, 3, 4, 6, 8)
SHUFFLED = (0.1, 0.25, 0.5, 0.75, 1.0)  # share of the columns


@dataclass(frozen=True, kw_only=True)
class Mix(Table):
    """Which slices become how frequent."""

    mix: Annotated[Mapping[str, Annotated[float, Field(ge=0, le=1)]], Field(min_length=1)] = field(default_factory=dict)
    """Slices, by their names in the suite or as predicates, with the share of each that severity 5 has."""


def missing_values(frame: "pd.DataFrame", severity: int, rng: np.random.Generator, request: Request) -> "pd.DataFrame":
    """Empty cells."""
    for column in request.columns:
        frame[column] = frame[column].mask(rng.random(len(frame)) < MISSING[severity - 1])
    return frame


def rare_category(frame: "pd.DataFrame", severity: int, rng: np.random.Generator, request: Request) -> "pd.DataFrame":
    """Categories that few examples have, or none."""
    for column in request.columns:
        shares = request.data[column].value_counts(normalize=True)
        rare = shares.index[shares <= max(RARE[severity - 1], shares.min())]
        values = rng.choice(rare.to_numpy(dtype=object), len(frame)) if severity < len(RARE) else UNSEEN
        frame[column] = frame[column].astype(object).mask(frame[column].notna(), values)
    return frame


def out_of_range(frame: "pd.DataFrame", severity: int, rng: np.random.Generator, request: Request) -> "pd.DataFrame":
    """Numbers past the ends of what was ever seen."""

    def beyond(values: Floats, seen: Floats) -> Floats:
        low, high = seen.min(), seen.max()
        step = BEYOND[severity - 1] * ((high - low) or 1.0)
        if (seen == np.rint(seen)).all():  # of whole numbers, the next one is beyond
            step = np.ceil(step)
        return _either(rng, len(values), low - step, high + step)

    return _numbers(frame, request, beyond)


def boundary_values(frame: "pd.DataFrame", severity: int, rng: np.random.Generator, request: Request) -> "pd.DataFrame":
    """Numbers at the ends of the range; at the highest severity one step past them."""

    def ends(values: Floats, seen: Floats) -> Floats:
        q = QUANTILES[severity - 1]
        low, high = np.quantile(seen, [q, 1 - q])
        step = 1.0 if severity == len(QUANTILES) else 0.0
        return _either(rng, len(values), low - step, high + step)

    return _numbers(frame, request, ends)


def unit_mistakes(frame: "pd.DataFrame", severity: int, rng: np.random.Generator, request: Request) -> "pd.DataFrame":
    """Numbers in another unit, such as cents for dollars: in one column of each row, or in all."""
    factor, everywhere = UNITS[severity - 1]
    filled = np.column_stack([frame[c].fillna(0).to_numpy(dtype=np.float64) != 0 for c in request.columns])
    draw = rng.random(filled.shape) + filled  # a zero stays zero in any unit: prefer a column that has something
    chosen = iter(np.ones_like(filled).T if everywhere else (draw == draw.max(axis=1, keepdims=True)).T)

    def scaled(values: Floats, _: object) -> Floats:
        return np.where(next(chosen), values * factor, values)

    return _numbers(frame, request, scaled)


def rounding(frame: "pd.DataFrame", severity: int, _rng: np.random.Generator, request: Request) -> "pd.DataFrame":
    """Numbers given roughly."""

    def rounded(values: Floats, seen: Floats) -> Floats:
        step = STEPS[severity - 1] * (seen.std() or 1.0)
        return np.asarray(np.round(values / step) * step)

    return _numbers(frame, request, rounded)


def noise(frame: "pd.DataFrame", severity: int, rng: np.random.Generator, request: Request) -> "pd.DataFrame":
    """Numbers measured less well."""

    def noisy(values: Floats, seen: Floats) -> Floats:
        return values + rng.normal(0.0, NOISE[severity - 1] * seen.std(), len(values))

    return _numbers(frame, request, noisy)


def column_shuffle(frame: "pd.DataFrame", severity: int, rng: np.random.Generator, request: Request) -> "pd.DataFrame":
    """Values of other examples: each column by itself looks as ever, and says nothing about its row any more."""
    count = int(np.ceil(SHUFFLED[severity - 1] * len(request.columns)))
    for column in rng.choice(np.array(request.columns, dtype=object), count, replace=False):
        frame[column] = request.data[column].iloc[rng.integers(0, len(request.data), len(frame))].array
    return frame


def duplicates(candidates: Rows, severity: int, _rng: np.random.Generator, _request: Request, n: int) -> Rows:
    """Each source several times in a row: a model that looks at what else is in its batch answers differently."""
    return np.repeat(candidates[:n], COPIES[severity - 1])


def shift(candidates: Rows, severity: int, rng: np.random.Generator, request: Request, n: int) -> Rows:
    """Examples drawn so that the named slices are as frequent as asked, an example in several counting for the first.

    No example is drawn twice, so where a slice has too few, fewer examples are drawn of all.
    """
    left = np.ones(len(candidates), dtype=np.bool_)
    parts, targets = [], []
    for where, share in request.options.mix.items():
        inside = evaluate(parse(request.named.get(where, where), "options.mix"), request.data)[candidates] & left
        parts.append(candidates[inside])
        targets.append(share)
        left &= ~inside
    parts.append(candidates[left])
    targets.append(1 - sum(targets))
    own = np.array([len(part) for part in parts]) / len(candidates)
    shares = own + (np.array(targets) - own) * severity / 5
    drawn = min([n, *(len(part) / share for part, share in zip(parts, shares, strict=True) if share > 0)])
    quotas = [int(drawn * share + 0.5) for share in shares]
    return np.concatenate(
        [rng.permutation(part)[:quota] for part, quota in zip(parts, quotas, strict=True)], dtype=np.intp
    )


NUMBERS: frozenset[ColumnKind] = frozenset({"number"})
WORDS: frozenset[ColumnKind] = frozenset({"text"})
ANY: frozenset[ColumnKind] = frozenset({"number", "text", "boolean", "time", "other"})

KINDS: Mapping[str, Kind] = {
    "missing-values": Kind(
        about="Cells are empty.",
        severities=tuple(f"each cell with a probability of {p:.0%}" for p in MISSING),
        make=missing_values,
        columns=ANY,
    ),
    "rare-category": Kind(
        about="A category is replaced by a rare one.",
        severities=(
            *(f"one of those with at most {p:.1%} of the examples, or the rarest" for p in RARE[:4]),
            f'one that no example has, "{UNSEEN}"',
        ),
        make=rare_category,
        columns=WORDS,
    ),
    "out-of-range": Kind(
        about="A number lies past the smallest or the largest of all examples.",
        severities=tuple(f"by {p:g} of the column's range" for p in BEYOND),
        make=out_of_range,
        columns=NUMBERS,
    ),
    "boundary-values": Kind(
        about="A number lies at the lower or the upper end of its column.",
        severities=(
            *(f"the outermost {q:.1%}" for q in QUANTILES[:3]),
            "the smallest or the largest",
            "one below the smallest or above the largest",
        ),
        make=boundary_values,
        columns=NUMBERS,
    ),
    "unit-mistakes": Kind(
        about="Numbers are in another unit.",
        severities=tuple(f"×{f:g} in {'all columns' if every else 'one column'}" for f, every in UNITS),
        make=unit_mistakes,
        columns=NUMBERS,
    ),
    "rounding": Kind(
        about="Numbers are given roughly.",
        severities=tuple(f"to multiples of {p:g} standard deviations" for p in STEPS),
        make=rounding,
        columns=NUMBERS,
    ),
    "noise": Kind(
        about="Numbers are measured less well: normal noise, by the column's own scale.",
        severities=tuple(f"{p:g} standard deviations" for p in NOISE),
        make=noise,
        columns=NUMBERS,
    ),
    "column-shuffle": Kind(
        about="Columns hold values of other examples. The source's label is kept, so look at what compression adds.",
        severities=tuple(f"{p:.0%} of the columns" for p in SHUFFLED),
        make=column_shuffle,
        columns=ANY,
    ),
    "duplicates": Kind(
        about="The same row several times: the answers must not differ.",
        severities=tuple(f"{k} times" for k in COPIES),
        choose=duplicates,
    ),
    "shift": Kind(
        about="Slices are more or less frequent than in the data.",
        severities=tuple(f"{k} fifth{'s' if k > 1 else ''} of the way to the mix" for k in range(1, 6)),
        choose=shift,
        options=Mix,
        paired=False,
    ),
}

Changed = Callable[[Floats, Floats], Floats]


def _numbers(frame: "pd.DataFrame", request: Request, change: Changed) -> "pd.DataFrame":
    """The frame with each column's numbers changed in the light of all that are known; whole numbers stay whole."""
    from pandas.api import types

    for column in request.columns:
        values = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        known = request.data[column].dropna().to_numpy(dtype=np.float64)
        made = np.where(np.isnan(values), np.nan, change(values, known) if len(known) else values)
        if types.is_integer_dtype(frame[column].dtype):
            made = np.rint(made)
            exact = not np.isnan(made).any() and np.abs(made).max(initial=0) < 2**53
            made = made.astype(np.int64) if exact else made
        frame[column] = made
    return frame


def _either(rng: np.random.Generator, n: int, low: float, high: float) -> Floats:
    return np.where(rng.random(n) < 0.5, low, high)
