"""Runs of small suites on recorded predictions, from the file to the folder of evidence."""

import numpy as np
import pandas as pd

from validate.exports.files import write
from validate.pipeline import evaluate
from validate.suite_file import load_suite

CLASSES = ("no", "maybe", "yes")
_SUITE = """
suite = "small"
task = "{task}"
seed = 3
[release]
rows = {rows}
{release}
[data]
path = "data.csv"
label = "truth"
{classes}
id = "id"
{data}
[models]
outputs = "{outputs}"
[models.dense]
recorded = "dense.csv"
[models.compressed.good]
recorded = "good.csv"
[models.compressed.bad]
recorded = "bad.csv"
[[slices]]
by = ["group", "size"]
cross = 2
[[slices]]
name = "large a"
where = "size == 3 and group == 'a'"
[gate]
{gate}
"""


def small_run(folder, out, **options):
    """Judge a good model and one that is bad in group b, and write the evidence; the records."""
    judged = evaluate(small_suite_of(folder, **options), command="paritygate run small")
    write([one.record for one in judged], [one.rows for one in judged], out)
    return [one.record for one in judged]


def small_suite_of(folder, *, outputs="labels", gate="", data="", release="", rows="true", n=3000):
    """Write a suite whose bad model loses a fifth of group b, or is off by 3 there."""
    folder.mkdir(parents=True, exist_ok=True)
    value = outputs == "value"
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "id": [f"x{i}" for i in range(n)],
            "truth": rng.normal(10, 3, n) if value else rng.choice(CLASSES, n, p=[0.5, 0.2, 0.3]),
            "group": rng.choice(["a", "b", "c <b>"], n, p=[0.6, 0.36, 0.04]),
            "size": rng.integers(1, 4, n),
            "house": np.arange(n) // 3,
        }
    )
    frame.loc[::50, "size"] = np.nan
    frame.to_csv(folder / "data.csv", index=False)
    made = _values(rng, frame) if value else _scores(rng, frame)
    for name, given in made.items():
        pd.DataFrame({"id": frame["id"], **_columns(given, outputs)}).to_csv(folder / f"{name}.csv", index=False)
    text = _SUITE.format(
        task="regression" if value else "classification",
        classes="" if value else f"classes = {list(CLASSES)}",
        outputs=outputs,
        gate=gate,
        data=data,
        release=release,
        rows=rows,
    )
    (folder / "suite.toml").write_text(text, encoding="utf-8")
    return load_suite(folder)


def _columns(given, outputs):
    if outputs == "logits":
        return dict(zip(CLASSES, given.T, strict=True))
    return {"prediction": given if outputs == "value" else np.array(CLASSES)[given.argmax(axis=1)]}


def _values(rng, frame):
    dense = frame["truth"] + rng.normal(0, 1, len(frame))
    bad = dense + np.where(frame["group"] == "b", 3.0, 0.0)
    return {"dense": dense, "good": dense + rng.normal(0, 0.01, len(frame)), "bad": bad}


def _scores(rng, frame):
    """Logits: the truth's is highest where the model is right."""
    n, truth = len(frame), frame["truth"].map({name: k for k, name in enumerate(CLASSES)}).to_numpy()
    noise = rng.normal(0, 0.3, (n, 3))
    right = rng.random(n) > 0.1
    lost = (frame["group"] == "b").to_numpy() & (rng.random(n) < 0.2)
    flips = rng.random((2, n)) < 0.004
    made = {"dense": right, "good": (right | flips[0]) & ~flips[1], "bad": right & ~lost}
    return {name: noise + 4 * np.eye(3)[np.where(ok, truth, (truth + 1) % 3)] for name, ok in made.items()}
