"""A suite in a folder whose models are two torch modules that look at two numbers and a word."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from validate.data import Dataset, load_dataset
from validate.suite import LoadedSuite
from validate.suite_file import load_suite

SUITE = """
suite = "tiny"
seed = 5
[data]
path = "data.csv"
label = "truth"
classes = ["no", "yes"]
id = "id"
[[data.columns]]
name = "large"
python = "models.py:large"
[models]
inputs = "models.py:inputs"
[models.dense]
torch = "models.py:build"
weights = "dense.pt"
[models.compressed.small]
torch = "models.py:build"
weights = "small.pt"
[[slices]]
by = ["word"]
[[slices]]
name = "old"
where = "age >= 60"
"""
MODELS = """
import numpy as np
import torch

def inputs(frame):
    numbers = frame[["age", "income"]].to_numpy(dtype=np.float32, na_value=0.0) / np.array([50, 1000], dtype=np.float32)
    word = (frame["word"] == "b").to_numpy(dtype=np.float32)
    return torch.from_numpy(np.column_stack([numbers, word]))

def build():
    return torch.nn.Linear(3, 2)

def large(frame):
    return frame["income"] > 1000

def louder(frame, severity, rng):
    frame["income"] = frame["income"] * (1 + severity)
    return frame

def backwards(frame, severity, rng):
    return louder(frame, severity, rng).assign(source=frame["id"]).iloc[::-1]

def shorter(frame, severity, rng):
    return frame.iloc[1:]

def poorer(frame, severity, rng):
    return frame.drop(columns="income")

def mixed(frame, severity, rng):
    return frame.iloc[::-1]

def stranger(frame, severity, rng):
    return frame.assign(source="nobody")

def nothing(frame, severity, rng):
    return None
"""


def tiny(folder: Path, edge_cases: str, *, rows: int = 400, extra: str = "") -> LoadedSuite:
    """The suite with these `[[edge_cases]]`; the small model hears only half of what the income says."""
    rng = np.random.default_rng(2)
    age, income, word = rng.integers(18, 90, rows), rng.integers(100, 3000, rows), rng.choice(["a", "b", "c"], rows)
    score = age / 50 + income / 1000 - 2.2 + 0.4 * (word == "b")
    truth = np.where(score + rng.normal(0, 0.2, rows) > 0, "yes", "no")
    frame = pd.DataFrame(
        {"id": [f"p{i}" for i in range(rows)], "age": age, "income": income, "word": word, "truth": truth}
    )
    frame.to_csv(folder / "data.csv", index=False)
    (folder / "models.py").write_text(MODELS)
    for name, income_weight in (("dense", 1.0), ("small", 0.5)):
        weight = torch.tensor([[0.0, 0.0, 0.0], [1.0, income_weight, 0.4]])
        torch.save({"weight": weight, "bias": torch.tensor([0.0, -2.2])}, folder / f"{name}.pt")
    (folder / "suite.toml").write_text(SUITE.replace("[data]\n", f"{extra}[data]\n", 1) + edge_cases)
    return load_suite(folder)


def photos(folder: Path, each: int = 15) -> None:
    """Pictures of 10 × 8 grey pixels by class, in `photos`: dark ones and light ones."""
    rng = np.random.default_rng(4)
    for label, low in (("dark", 0), ("light", 110)):
        (folder / "photos" / label).mkdir(parents=True)
        for i in range(each):
            pixels = rng.integers(low, low + 140, (8, 10), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / label / f"{i}.png")


def tiny_data(folder: Path, edge_cases: str, **how: int) -> tuple[LoadedSuite, Dataset]:
    loaded = tiny(folder, edge_cases, **how)
    return loaded, load_dataset(loaded)
