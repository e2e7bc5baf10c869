"""Paired counts of every single attribute and every pair of twelve, against pandas, Polars, DuckDB and fairlearn.

    python benchmarks/counts.py                    all shapes at 0.1 and 1 million rows, one shape at 10 million
    python benchmarks/counts.py --rows 100000      one size
    python benchmarks/counts.py --json             one JSON object on the last line

Every peer gets the same integer codes in its own favourite form, made outside the timing, and its counts must equal
ours. The rounds are interleaved, because machines are noisy: the median counts. Ours plans anew each time.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from validate import joint
from validate.attributes import Attribute
from validate.counts import count
from validate.slices import Kind, Membership, Slice

SHAPES = {  # how many values each of the twelve attributes has
    "adult": (9, 17, 7, 15, 6, 5, 2, 42, 10, 5, 6, 3),
    "wide": (20, 19, 21, 18, 20, 19, 21, 18, 20, 19, 21, 14),
    "narrow": (3, 2, 4, 3, 2, 3, 4, 2, 3, 3, 4, 3),
}
FAMILIES = [c for size in (1, 2) for c in itertools.combinations(range(12), size)]
PANDAS_AT_MOST = 1_000_000  # rows: beyond, its 37 s tell nothing new
FAIRLEARN_ROWS, FAIRLEARN_FAMILIES = 100_000, FAMILIES[::13]  # all 78 take minutes: these, scaled
Table = dict[tuple[int, ...], np.ndarray]  # family → (cells, 4)


def main() -> None:
    """Run what was asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results: dict[str, float] = {}
    print("shape    rows        slices  method        seconds   ours is × faster   extra MB")
    for rows in options.rows:
        for shape in SHAPES if rows < 10_000_000 else ["adult"]:
            results |= compare(shape, rows, options.rounds)
    if options.json:
        print(json.dumps(results))


def compare(shape: str, rows: int, rounds: int) -> dict[str, float]:
    """Time every method on one table; returns named ratios, seconds and MB."""
    membership, outcome = made(shape, rows)
    methods = {
        "ours": lambda: count(replace(membership), outcome),
        "ours again": lambda: count(membership, outcome),
        "own bincounts": bincounts(membership, outcome),
    }
    methods |= peers(membership, outcome)
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    memory, answers = {}, {}
    for turn in range(rounds + 1):  # the first warms up, and measures memory instead
        for name, method in methods.items():
            if turn and (name == "fairlearn" or (name == "pandas" and rows >= PANDAS_AT_MOST and turn > 1)):
                continue
            reset_peak()
            before, start = resident_mb(), time.perf_counter()
            answers[name] = method()
            elapsed = time.perf_counter() - start
            memory.setdefault(name, peak_mb() - before)
            if turn or name == "fairlearn":
                seconds[name].append(elapsed)
    ours = by_family(membership, answers["ours"].table)
    for name, answer in answers.items():
        if name in READERS:
            assert_equal(name, ours, READERS[name](answer, membership))
    return report(shape, rows, len(membership.slices), {k: statistics.median(v) for k, v in seconds.items()}, memory)


def report(shape: str, rows: int, slices: int, seconds: dict[str, float], memory: dict[str, float]) -> dict[str, float]:
    """Print the rows of one table and name its numbers."""
    results = {}
    for name, value in seconds.items():
        scaled = " (scaled)" if name == "fairlearn" else ""
        value = value * len(FAMILIES) / len(FAIRLEARN_FAMILIES) if scaled else value  # noqa: PLW2901 - all 78 families
        ratio = value / seconds["ours"]
        print(
            f"{shape:8} {rows:<11,} {slices:<7,} {name:13} {value:8.4f}   {ratio:10.1f}{scaled:9} {memory[name]:8.0f}"
        )
        key = f"{shape}_{rows}_{name.replace(' ', '_')}"
        results |= {f"{key}_seconds": value, f"{key}_ratio": ratio, f"{key}_mb": memory[name]}
    return results


def made(shape: str, rows: int) -> tuple[Membership, np.ndarray]:
    """Skewed attributes with two in a hundred values missing, and outcomes of a good model."""
    rng = np.random.default_rng(7)
    attributes = []
    for i, size in enumerate(SHAPES[shape]):
        weights = 1 / np.arange(1, size + 1)
        known = rng.choice(size, rows, p=weights / weights.sum()).astype(np.uint8)
        codes = np.where(rng.random(rows) < 0.02, np.uint8(size), known)
        levels = tuple(f"v{level}" for level in range(size))
        attributes.append(
            Attribute(name=f"a{i}", codes=codes, levels=levels, where=tuple(f"a{i} == '{v}'" for v in levels))
        )
    where: list[tuple[tuple[int, int], ...] | int] = [()]
    for family in FAMILIES:
        where += [tuple(zip(family, cell, strict=True)) for cell in np.ndindex(*[SHAPES[shape][a] for a in family])]
    any_slice = Slice(
        name="", kind=Kind.CROSS, where="", columns=(), n=0, share=0.0, train_share=None, margin=0.02, guard=False,
        screened=True, disparity=False, under_represented=False,
    )  # fmt: skip
    outcome = rng.choice(4, rows, p=[0.85, 0.015, 0.02, 0.115]).astype(np.uint8)
    slices = (any_slice,) * len(where)
    return Membership(n=rows, slices=slices, attributes=tuple(attributes), masks=(), where=tuple(where)), outcome


def by_family(membership: Membership, table: np.ndarray) -> Table:
    """Our rows, family by family."""
    sizes = [len(a.levels) for a in membership.attributes]
    ends = np.cumsum([np.prod([sizes[a] for a in family]) for family in FAMILIES])
    return dict(zip(FAMILIES, np.split(table[1:], ends[:-1]), strict=True))


def bincounts(membership: Membership, outcome: np.ndarray) -> Callable[[], None]:
    """Nothing but the histograms that ours fills, on keys made before: the floor of the method."""
    groups = membership.plan.groups
    passes = list(joint._passes(membership.plan, membership.n))
    keys = [
        joint._keys(groups[i], membership.attributes, rows, times=4) + groups[i].cells * outcome[rows].astype(np.uint16)
        for i, rows in passes
    ]
    cells = [groups[i].cells * 4 for i, _ in passes]

    def run() -> None:
        for key, size in zip(keys, cells, strict=True):
            np.bincount(key, minlength=size)

    return run


def peers(membership: Membership, outcome: np.ndarray) -> dict[str, Callable[[], object]]:
    """Each peer on the same codes, in its own favourite form."""
    import duckdb
    import polars as pl

    columns = {a.name: a.codes for a in membership.attributes} | {"outcome": outcome}
    names = [[f"a{a}" for a in family] for family in FAMILIES]
    frame, lazy = pd.DataFrame(columns), pl.DataFrame(columns).lazy()
    connection = duckdb.connect()
    connection.register("frame", frame)
    connection.execute("create table t as select * from frame")
    queries = [f"select {','.join(n)}, outcome, count(*) from t group by {','.join(n)}, outcome" for n in names]
    methods: dict[str, Callable[[], object]] = {
        "polars": lambda: pl.collect_all([lazy.group_by([*n, "outcome"]).len() for n in names]),
        "duckdb": lambda: [connection.execute(query).fetchnumpy() for query in queries],
    }
    if membership.n <= PANDAS_AT_MOST:
        methods["pandas"] = lambda: [frame.groupby([*n, "outcome"]).size() for n in names]
    if membership.n == FAIRLEARN_ROWS:
        methods["fairlearn"] = lambda: fairlearn_frames(frame)
    return methods


def fairlearn_frames(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """The accuracy of both models in every slice of a few families."""
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score

    truth = np.ones(len(frame), dtype=np.int64)
    answers = {
        "dense": frame["outcome"].isin([0, 2]).to_numpy(),
        "compressed": frame["outcome"].isin([0, 1]).to_numpy(),
    }
    return [
        pd.concat(
            {
                name: MetricFrame(
                    metrics=accuracy_score,
                    y_true=truth,
                    y_pred=right.astype(np.int64),
                    sensitive_features=frame[[f"a{a}" for a in family]],
                ).by_group
                for name, right in answers.items()
            },
            axis=1,
        )
        for family in FAIRLEARN_FAMILIES
    ]


def filled(
    columns: list[np.ndarray], counts: np.ndarray, family: tuple[int, ...], membership: Membership
) -> np.ndarray:
    """A peer's rows (codes, outcome, count) as our table of one family."""
    sizes = [len(membership.attributes[a].levels) + 1 for a in family]
    table = np.zeros((*sizes, 4), dtype=np.int64)
    table[tuple(np.asarray(c, dtype=np.int64) for c in columns)] = counts
    return table[tuple(slice(0, size - 1) for size in sizes)].reshape(-1, 4)


def from_frames(frames: list, membership: Membership) -> Table:
    """Polars' tables and DuckDB's dictionaries of columns."""
    tables = {}
    for family, frame in zip(FAMILIES, frames, strict=True):
        columns = list(frame.values()) if isinstance(frame, dict) else [frame[c].to_numpy() for c in frame.columns]
        tables[family] = filled(columns[:-1], columns[-1], family, membership)
    return tables


def from_series(series: list[pd.Series], membership: Membership) -> Table:
    """Pandas' sizes, indexed by codes and outcome."""
    return {
        family: filled(
            [one.index.get_level_values(i) for i in range(len(family) + 1)], one.to_numpy(), family, membership
        )
        for family, one in zip(FAMILIES, series, strict=True)
    }


def from_accuracies(frames: list[pd.DataFrame], membership: Membership) -> dict[tuple[int, ...], pd.DataFrame]:
    """fairlearn's accuracies, without the slices of missing values."""
    return {
        family: frame[
            ~np.any(
                [frame.index.get_level_values(i) == len(membership.attributes[a].levels) for i, a in enumerate(family)],
                axis=0,
            )
        ]
        for family, frame in zip(FAIRLEARN_FAMILIES, frames, strict=True)
    }


READERS = {"polars": from_frames, "duckdb": from_frames, "pandas": from_series, "fairlearn": from_accuracies}


def assert_equal(name: str, ours: Table, theirs: dict) -> None:
    """The same integers; for fairlearn, the same accuracies."""
    for family, table in theirs.items():
        if name == "fairlearn":
            mine = ours[family][ours[family].sum(axis=1) > 0]
            mine = (
                np.stack([mine[:, [0, 2]].sum(axis=1), mine[:, [0, 1]].sum(axis=1)], axis=1) / mine.sum(axis=1)[:, None]
            )
            np.testing.assert_allclose(table.dropna().to_numpy(), mine)
        else:
            np.testing.assert_array_equal(table, ours[family], err_msg=f"{name} {family}")


def reset_peak() -> None:
    """Start measuring the largest resident size anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """Largest resident size since `reset_peak`."""
    return status("VmHWM")


def resident_mb() -> float:
    """Resident size now."""
    return status("VmRSS")


def status(key: str) -> float:
    """A line of this process's status, in MB."""
    return next(
        int(line.split()[1]) / 1024
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith(key)
    )


if __name__ == "__main__":
    main()
