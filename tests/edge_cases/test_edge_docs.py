"""What the page on edge cases shows can be done, and its table of kinds is the catalogue."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from tests.edge_cases.folder import tiny_data
from validate.edge_cases.build import build_edge_cases
from validate.edge_kinds.tabular import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "edge-cases.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_table_names_every_kind():
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE) == list(KINDS)


def test_the_pasted_cases_are_read(tmp_path):
    (tmp_path / "edge_cases").mkdir()
    (tmp_path / "edge_cases" / "cases.csv").write_text(blocks("csv")[0])
    edge = build_edge_cases(*tiny_data(tmp_path, next(b for b in blocks("toml") if "curated" in b)))
    assert edge.sources.tolist() == [3, 9]
    assert edge.critical.all()


def test_the_function_makes_a_kind(tmp_path):
    (tmp_path / "cases.py").write_text(blocks("python")[0].replace("hours", "income"))
    text = next(b for b in blocks("toml") if "overtime" in b).replace("hours", "income")
    loaded, data = tiny_data(tmp_path, text)
    edge = build_edge_cases(loaded, data)
    rows = edge.dataset.rows(0, len(edge.dataset))
    more = rows["income"].to_numpy() - data.frame["income"].to_numpy()[edge.sources]
    assert isinstance(rows, pd.DataFrame)
    assert (more >= 0).all()
    assert np.array_equal(np.unique(more[: len(more) // 2]), np.arange(5))
    assert more.max() > 4
