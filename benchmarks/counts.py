"""Paired counts of every single attribute and every pair of twelve, against pandas, Polars, DuckDB and fairlearn.

    python benchmarks/counts.py                    all shapes at 0.1 and 1 million rows, one shape at 10 million
    python benchmarks/counts.py --rows 100000      one size
    python benchmarks/counts.py --quick            0.1 million rows, one round, without fairlearn: a minute
    python benchmarks/counts.py --json             one JSON object on the last line

Every peer gets the same integer codes in its own favourite form, made outside the timing, and its counts must equal
ours. The rounds are interleaved, because machines are noisy: the median counts. Ours plans anew each time. Where a
million rows are asked for, also the whole way from a parquet file of text to p-values, against pandas.
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from validate import joint
from validate.attributes import Attribute
from validate.counts import count
from validate.slices import Kind, Membership, Slice
from validate.stats.multiplicity import holm
from validate.stats.paired import tango_interval
from validate.stats.significance import sign_test

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
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.rounds = [100_000], 1
    results: dict[str, float] = {}
    print("shape    rows        slices  method        seconds   ours is × faster   extra MB")
    for rows in options.rows:
        for shape in SHAPES if rows < 10_000_000 else ["adult"]:
            results |= compare(shape, rows, options.rounds, fairlearn=not options.quick)
    if 1_000_000 in options.rows:
        results |= end_to_end(1_000_000, options.rounds)
    results |= growth(results, options.rows)
    if options.json:
        print(json.dumps(results))


def compare(shape: str, rows: int, rounds: int, *, fairlearn: bool) -> dict[str, float]:
    """Time every method on one table; returns named ratios, seconds and MB."""
    membership, outcome = made(shape, rows)
    methods = {
        "ours": lambda: count(replace(membership), outcome),
        "ours again": lambda: count(membership, outcome),
        "own bincounts": bincounts(membership, outcome),
    }
    methods |= peers(membership, outcome)
    if not fairlearn:
        methods.pop("fairlearn", None)
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


def growth(results: dict[str, float], rows: list[int]) -> dict[str, float]:
    """How many times longer ours takes for ten times the rows."""
    found = {}
    for few, many in itertools.pairwise(sorted(rows)):
        for shape in SHAPES:
            before, after = (results.get(f"{shape}_{n}_ours_again_seconds") for n in (few, many))
            if before and after:
                found[f"{shape}_{few}_to_{many}_growth_ratio"] = after / before
                print(f"{shape:8} from {few:,} to {many:,} rows: {after / before:.1f} times as long")
    return found


def end_to_end(rows: int, rounds: int) -> dict[str, float]:
    """A parquet file of text, with both models' rights, to paired counts, intervals and adjusted p-values."""
    membership, outcome = made("adult", rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        frame = pd.DataFrame(
            {
                a.name: pd.Categorical.from_codes(
                    np.where(a.codes == len(a.levels), -1, a.codes.astype(np.int64)), a.levels
                ).astype(str)
                for a in membership.attributes
            }
        ).replace("nan", None)
        frame["outcome"] = outcome
        frame.to_parquet(path, index=False)
        methods = {"ours": lambda: ours_from_parquet(path, membership), "pandas": lambda: pandas_from_parquet(path)}
        seconds: dict[str, list[float]] = {name: [] for name in methods}
        stages: dict[str, float] = {}
        for turn in range(rounds + 1):
            for name, method in methods.items():
                start = time.perf_counter()
                answer = method()
                if turn:
                    seconds[name].append(time.perf_counter() - start)
                if name == "ours":
                    ours, stages = answer
                else:
                    theirs = answer
    assert_equal("pandas", by_family(membership, ours), from_levels(theirs, membership))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"parquet to p-values, {rows:,} rows: {name:8} {value:8.3f} s   {value / medians['ours']:6.1f}")
    print("   of which ours: " + ", ".join(f"{name} {value:.3f} s" for name, value in stages.items()))
    found = {f"end_to_end_{name}_seconds": value for name, value in medians.items()}
    found |= {f"end_to_end_{name.replace(' ', '_')}_seconds": value for name, value in stages.items()}
    return found | {"end_to_end_pandas_ratio": medians["pandas"] / medians["ours"]}


def ours_from_parquet(path: Path, membership: Membership) -> tuple[np.ndarray, dict[str, float]]:
    """Dictionary-encoded columns are codes already: only their order has to be made ours."""
    stages, start = {}, time.perf_counter()
    names = [a.name for a in membership.attributes]
    table = parquet.read_table(path, read_dictionary=names).unify_dictionaries()
    attributes = []
    for attribute in membership.attributes:
        column = table.column(attribute.name).combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        place = {level: i for i, level in enumerate(attribute.levels)}
        rank = np.array([place[level] for level in column.dictionary.to_pylist()] + [len(place)], dtype=np.uint8)
        indices = column.indices.fill_null(len(rank) - 1).to_numpy(zero_copy_only=False)
        attributes.append(replace(attribute, codes=rank[indices]))
    outcome = table.column("outcome").to_numpy()
    stages["codes"], start = time.perf_counter() - start, time.perf_counter()
    counts = count(replace(membership, attributes=tuple(attributes)), outcome)
    stages["counts"], start = time.perf_counter() - start, time.perf_counter()
    tests(counts.gains, counts.losses, counts.n)
    stages["intervals and p-values"] = time.perf_counter() - start
    return counts.table, stages


def tests(gains: np.ndarray, losses: np.ndarray, n: np.ndarray) -> None:
    """What the screen computes of every slice."""
    tango_interval(gains, losses, n)
    holm(sign_test(gains, losses))


def pandas_from_parquet(path: Path) -> dict[tuple[int, ...], pd.DataFrame]:
    """The same counts and tests with pandas' groupby."""
    frame = pd.read_parquet(path)
    frame = frame.astype({name: "category" for name in frame.columns if name != "outcome"})
    tables = {}
    for family in FAMILIES:
        keys = [f"a{a}" for a in family]
        sizes = frame.groupby([*keys, "outcome"], observed=True).size().unstack(fill_value=0)  # noqa: PD010 - a series has no pivot_table
        tables[family] = sizes.reindex(columns=range(4), fill_value=0)
    every = np.concatenate([table.to_numpy() for table in tables.values()])
    tests(every[:, 1], every[:, 2], every.sum(axis=1))
    return tables


def from_levels(tables: dict[tuple[int, ...], pd.DataFrame], membership: Membership) -> Table:
    """Pandas' rows, indexed by the levels' texts, in our order; cells without rows are zero."""
    found = {}
    for family, table in tables.items():
        levels = [membership.attributes[a].levels for a in family]
        index = pd.Index(levels[0]) if len(family) == 1 else pd.MultiIndex.from_product(levels)
        found[family] = table.reindex(index, fill_value=0).to_numpy()
    return found


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
