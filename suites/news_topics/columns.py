"""Columns that a news desk thinks in, made from a story's topic."""

import json
from pathlib import Path

import pandas as pd

BANDS = {"at most 10": 10, "11 to 30": 30, "31 to 100": 100}


def support(frame: pd.DataFrame) -> pd.Series:
    """How many stories of its topic the models learnt from, in four bands: topics.json has the counts."""
    counts = json.loads(Path(__file__).with_name("topics.json").read_text(encoding="utf-8"))
    return frame["topic"].map(lambda topic: _band(counts[topic]))


def _band(count: int) -> str:
    return next((name for name, most in BANDS.items() if count <= most), "more than 100")
