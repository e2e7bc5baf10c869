"""Damage planted on purpose: what the gate and the discovery must find, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.strategies import dataset
from validate.data import Dataset
from validate.slices import Kind, Membership, members
from validate.suite import Suite

Bools = NDArray[np.bool_]
SIZES = ((0.002, 0.005), (0.005, 0.01), (0.01, 0.03), (0.03, 0.1))  # shares of the examples
DAMAGES = ((0.03, 0.06), (0.06, 0.1), (0.1, 0.15), (0.15, 0.2))  # net shares of a slice's examples that turn wrong
SUITES = Path(__file__).parents[1] / "suites"


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A slice to damage, and how."""

    slice: int  # position in the membership
    damage: float  # net share of the slice's examples that turn from right to wrong, on top of the churn
    churn: float  # share of all examples whose answer flips either way, evenly
    compensate: bool  # as many gains elsewhere as the damage takes, so that the overall accuracy stays


def plant(
    rng: np.random.Generator,
    dense_right: Bools,
    *,
    inside: Bools,
    damage: float,
    churn: float,
    compensate: bool = False,
) -> Bools:
    """The compressed model's rights: the dense ones with symmetric churn everywhere and damage inside.

    Raises ValueError where the slice has too few right answers left to lose.
    """
    right = _churned(rng, dense_right, churn)
    lost = round(damage * int(inside.sum()))
    _flip(rng, right, dense_right & right & inside, lost)
    if compensate:
        _flip(rng, right, ~dense_right & ~right & ~inside, lost)
    return right


def cases(
    rng: np.random.Generator, membership: Membership, count: int, *, share: tuple[float, float] = (0.002, 0.1)
) -> Iterator[Planted]:
    """Slices of 0.2–10 %, single values and intersections in turn, damaged by 3–20 points on a churn of 1–5 %."""
    for turn in range(count):
        kind = (Kind.CATEGORY, Kind.CROSS)[turn % 2]
        sized = [
            i
            for i, s in enumerate(membership.slices)
            if s.kind is kind and share[0] <= s.share <= share[1] and s.n >= 30
        ]
        yield Planted(
            slice=int(rng.choice(sized)),
            damage=float(rng.uniform(0.03, 0.2)),
            churn=float(rng.uniform(0.01, 0.05)),
            compensate=bool(turn // 2 % 2),
        )


def grid(rng: np.random.Generator, membership: Membership, each: int) -> Iterator[tuple[tuple[int, int], Planted]]:
    """So many cases for every size and damage; single values and intersections, with and without gains elsewhere."""
    for turn in range(each):
        for i, size in enumerate(SIZES):
            for j, damage in enumerate(DAMAGES):
                kind = (Kind.CATEGORY, Kind.CROSS)[(turn + i + j) % 2]
                sized = [k for k, s in enumerate(membership.slices) if s.kind is kind and size[0] <= s.share < size[1]]
                yield (
                    (i, j),
                    Planted(
                        slice=int(rng.choice(sized)),
                        damage=float(rng.uniform(*damage)),
                        churn=float(rng.uniform(0.01, 0.05)),
                        compensate=bool((turn // 2 + j) % 2),
                    ),
                )


def nulls(rng: np.random.Generator, dense_right: Bools, count: int) -> Iterator[tuple[int, Bools]]:
    """Compressed models that damage nobody more than others, by flips of 1–5 %, with the kind of flips.

    In turn: 0, as many losses as gains; 1, any answer flips with one probability, so that nearly all flips are losses.
    """
    for turn in range(count):
        churn = float(rng.uniform(0.01, 0.05))
        flipped = dense_right ^ (rng.random(len(dense_right)) < churn)
        yield turn % 2, flipped if turn % 2 else _churned(rng, dense_right, churn)


def damaged(rng: np.random.Generator, dense_right: Bools, membership: Membership, case: Planted) -> Bools:
    """`plant` for a drawn case."""
    inside = members(membership, case.slice)
    return plant(rng, dense_right, inside=inside, damage=case.damage, churn=case.churn, compensate=case.compensate)


@cache
def people(rows: int = 20_000, seed: int = 0) -> tuple[Dataset, Bools]:
    """Made-up people with skewed categories, as a census has them, and whether a dense model got each right."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name, values in {"sex": 2, "race": 5, "class": 9, "education": 16, "country": 40}.items():
        weights = 1 / np.arange(1, values + 1) ** 1.5
        drawn = rng.choice(values, rows, p=weights / weights.sum())
        columns[name] = np.array([f"{name[0]}{value}" for value in range(values)])[drawn]
    frame = pd.DataFrame(columns).assign(
        age=rng.integers(18, 90, rows), label=rng.choice(["no", "yes"], rows, p=[0.9, 0.1])
    )
    return dataset(frame), rng.random(rows) < 0.92


@cache
def census() -> tuple[Dataset, Suite, Bools]:
    """The census suite's held-out people, and whether its dense model places each rightly."""
    from validate.answers import answer
    from validate.data import load_dataset
    from validate.predictions import answers
    from validate.runners import open_runner
    from validate.suite_file import load_suite

    loaded = load_suite(SUITES / "census_income")
    data = load_dataset(loaded)
    runner = open_runner(loaded.suite.models.dense, name="dense", loaded=loaded, classes=data.classes)
    return data, loaded.suite, answers(answer(runner, data).predictions) == data.labels


def _churned(rng: np.random.Generator, dense_right: Bools, churn: float) -> Bools:
    """Losses and gains at the same expected number."""
    n, rights = len(dense_right), int(dense_right.sum())
    each = min(churn / 2 * n, n - rights, rights)
    chance = np.where(dense_right, each / max(1, rights), each / max(1, n - rights))
    return dense_right ^ (rng.random(n) < chance)


def _flip(rng: np.random.Generator, right: Bools, among: Bools, count: int) -> None:
    """Turn `count` of the answers `among` around."""
    candidates = np.flatnonzero(among)
    if len(candidates) < count:
        raise ValueError(f"{count} answers are to flip, and only {len(candidates)} can")
    chosen = rng.choice(candidates, count, replace=False)
    right[chosen] = ~right[chosen]
