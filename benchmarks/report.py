"""The report's time and size at 50, 500 and 5,000 slices, of one compressed model and of six, against pandas' Styler.

    python benchmarks/report.py          some seconds at a time, in all a minute
    python benchmarks/report.py --json   one JSON object on the last line

The peer is `DataFrame.style.to_html` of the same slices, with the columns of slices.parquet: the table alone, by the
same template engine, without pictures, sections or escaping of names, but with every slice, where the page shows
those that matter most. The rounds are interleaved and the median counts.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

from tests import samples
from validate.evidence import EvidenceRecord
from validate.exports.tables import slice_table
from validate.report import render

SHAPES = ((50, 1), (500, 1), (5_000, 1), (50, 6), (500, 6))
MB = 1e6
GOAL_SECONDS, GOAL_MB = 2.0, 2.0  # one report at 500 slices


def main() -> None:
    """Render every shape and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    render([samples.many(50)])  # templates are compiled once, and imports made
    print("slices  models   ours, s   ours, MB   Styler, s   Styler, MB   ours is × faster")
    results: dict[str, float] = {}
    for slices, models in SHAPES:
        found = measured(slices, models, options.rounds)
        results |= {f"report_{slices}x{models}_{key}": value for key, value in found.items()}
        print(
            f"{slices:6,}  {models:6}  {found['seconds']:8.2f}  {found['mb']:9.2f}  {found['styler_seconds']:10.2f}"
            f"  {found['styler_mb']:11.2f}  {found['styler_ratio']:16.1f}"
        )
    met = results["report_500x1_seconds"] < GOAL_SECONDS and results["report_500x1_mb"] < GOAL_MB
    print(f"goal at 500 slices, {GOAL_SECONDS:g} s and {GOAL_MB:g} MB: {'met' if met else 'missed'}")
    if options.json:
        print(json.dumps(results))


def measured(slices: int, models: int, rounds: int) -> dict[str, float]:
    """Medians of interleaved rounds; records and tables are made beforehand."""
    record = samples.many(slices)
    records = [replace(record, compressed_name=f"model-{i}") for i in range(models)]
    tables = [slice_table(one) for one in records]
    ours, theirs, page, peer = [], [], "", ""
    for _ in range(rounds):
        start = time.perf_counter()
        page = render(fresh(records))
        middle = time.perf_counter()
        peer = "".join(table.style.format(precision=4).to_html() for table in tables)
        ours.append(middle - start)
        theirs.append(time.perf_counter() - middle)
    assert all(one.comparisons[-1].slice.name.split(" & ")[-1] in page for one in records)
    assert peer.count("</tr>") >= slices * models
    seconds, styler = statistics.median(ours), statistics.median(theirs)
    return {
        "seconds": seconds,
        "mb": len(page.encode()) / MB,
        "styler_seconds": styler,
        "styler_mb": len(peer.encode()) / MB,
        "styler_ratio": styler / seconds,
    }


def fresh(records: Sequence[EvidenceRecord]) -> list[EvidenceRecord]:
    """The same records without what they remember from the round before, such as their canonical form."""
    return [replace(one) for one in records]


if __name__ == "__main__":
    main()
