"""One function gives a model's answers: known ones are not computed, lost ones are computed again."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from tests.small import small_dataset, small_suite
from validate.answers import answer
from validate.cache import Cache
from validate.errors import ModelError
from validate.runners import open_runner, pytorch
from validate.suite import Data, Models, TorchModel

HOOKS = """
import time, torch
from pathlib import Path

LOG = Path(__file__).parent.with_name("log")

def inputs(frame): return torch.tensor(frame[["x"]].to_numpy())

def note(x):
    with LOG.open("a") as log:
        log.writelines(f"{int(value)}\\n" for value in x[:, 0])

class Plain(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(2.0))
    def forward(self, x):
        note(x)
        return torch.cat([x * self.scale, x], dim=1)

class Breaks(Plain):
    def forward(self, x):
        if (x == 1000).any():
            raise ValueError("example 1,001 is too much")
        return super().forward(x)

class Sleeps(Plain):
    def forward(self, x):
        if (x == 1000).any():
            time.sleep(3)
        return super().forward(x)

class Loops(Plain):
    def forward(self, x):
        end = time.monotonic() + 3  # so that the test does not keep a processor busy
        while (x == 1000).any() and time.monotonic() < end:
            pass
        return super().forward(x)

class Slow(Plain):
    def forward(self, x):
        time.sleep(0.02)
        return super().forward(x)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(pytorch, "BATCH_ROWS", 100)
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "models.py").write_text(HOOKS)
    for name, scale in (("w", 2.0), ("v", 3.0)):
        torch.save({"scale": torch.tensor(scale)}, tmp_path / "suite" / f"{name}.pt")
    return tmp_path / "suite"


@pytest.fixture
def cache(tmp_path):
    return Cache(folder=tmp_path / "cache")


DATASET = small_dataset([0, 1] * 1000)


def opened(folder, build="Plain", weights="w.pt", **more):
    spec = TorchModel(torch=f"models.py:{build}", weights=weights)
    models = Models(inputs="models.py:inputs", dense=spec, compressed={"small": spec}, **more)
    loaded = small_suite(folder, Data(path="t.csv", label="y", classes=("no", "yes")), models=models)
    return open_runner(spec, name="dense", loaded=loaded, classes=("no", "yes"))


def asked(folder):
    """Which examples the model saw since the last look, the two that every model is measured by left out."""
    log = folder.with_name("log")
    seen = [int(line) for line in log.read_text().split()] if log.exists() else []
    log.unlink(missing_ok=True)
    return seen[2:]


def test_an_unchanged_model_costs_no_second_inference(folder, cache):
    first = answer(opened(folder), DATASET, cache=cache)
    assert asked(folder) == list(range(2000))
    done: list[int] = []
    second = answer(opened(folder), DATASET, cache=cache, advance=done.append)
    assert asked(folder) == []
    assert (first.reused, second.reused, sum(done)) == (0, 2000, 2000)
    np.testing.assert_array_equal(first.predictions.scores, second.predictions.scores)
    assert second.predictions.ids is DATASET.ids


def changed_frame(**columns):
    return replace(DATASET, frame=DATASET.frame.assign(**columns))


def test_equal_examples_under_other_ids_are_the_same_to_a_model(folder, cache):
    answer(opened(folder), DATASET, cache=cache)
    renamed = small_dataset([1, 0] * 1000)
    assert answer(opened(folder), renamed, cache=cache).reused == 2000


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: opened(folder, weights="v.pt"),
        lambda folder: opened(folder, "Slow"),
        lambda folder: opened(folder, outputs="probabilities"),
        lambda folder: opened(folder, threads=1 + torch.get_num_threads()),
        lambda folder: (folder / "models.py").write_text(HOOKS.replace("x * ", "x + ")) and opened(folder),
        lambda folder: (folder / "encoder.json").write_text("{}") and opened(folder),
    ],
)  # fmt: skip
def test_whatever_can_change_an_answer_computes_it_again(folder, cache, change):
    few = small_dataset([0, 1] * 5)
    answer(opened(folder), few, cache=cache)
    assert answer(opened(folder), few, cache=cache).reused == 10
    assert answer(change(folder), few, cache=cache).reused == 0


def test_batches_of_another_size_compute_it_again(folder, cache, monkeypatch):
    answer(opened(folder), DATASET, cache=cache)
    monkeypatch.setattr(pytorch, "BATCH_ROWS", 50)
    assert answer(opened(folder), DATASET, cache=cache).reused == 0


@pytest.mark.parametrize(
    "columns",
    [{"x": DATASET.frame["x"] + 1}, {"x": DATASET.frame["x"].astype("int64")}, {"z": 1}],
    ids=["values", "number format", "column"],
)
def test_other_data_compute_it_again(folder, cache, columns):
    answer(opened(folder), DATASET, cache=cache)
    assert answer(opened(folder), changed_frame(**columns), cache=cache).reused == 0


def test_long_arrays_in_a_column_are_told_apart(folder, cache):
    pictures = [np.zeros(5000) for _ in range(4)]
    one = replace(small_dataset([0, 1, 0, 1]), frame=pd.DataFrame({"x": np.arange(4, dtype=np.float32), "p": pictures}))
    other = [picture.copy() for picture in pictures]
    other[2][2500] = 1
    answer(opened(folder), one, cache=cache)
    assert answer(opened(folder), replace(one, frame=one.frame.assign(p=other)), cache=cache).reused == 0


def test_the_suite_s_policy_and_prose_change_no_answer(folder, cache):
    few = small_dataset([0, 1] * 5)
    (folder / "suite.toml").write_text("margin = 1")
    answer(opened(folder), few, cache=cache)
    (folder / "suite.toml").write_text("margin = 2")
    (folder / "README.md").write_text("read me")
    assert answer(opened(folder), few, cache=cache).reused == 10


def test_a_damaged_piece_is_computed_again_and_said(folder, cache, monkeypatch):
    monkeypatch.setattr("validate.answers.KEEP_BYTES", 1)  # a piece per batch
    first = answer(opened(folder), DATASET, cache=cache)
    asked(folder)
    path = next(cache.folder.rglob("300-400.answers"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    second = answer(opened(folder), DATASET, cache=cache)
    assert asked(folder) == list(range(300, 400))
    assert (second.damaged, second.reused) == (1, 1900)
    np.testing.assert_array_equal(first.predictions.scores, second.predictions.scores)


@pytest.mark.parametrize("build", ["Breaks", "Sleeps", "Loops"])
def test_what_was_answered_before_a_failure_is_kept(folder, cache, build):
    with pytest.raises(
        ModelError, match=r"example 1,001 is too much|example 1,001 on: no answer to a batch within 0\.5"
    ):
        answer(opened(folder, build), DATASET, cache=cache, timeout=0.5)
    assert asked(folder) == list(range(1000))
    assert [path.name for path in cache.folder.rglob("*.answers")] == ["0-1000.answers"]
    done: list[int] = []
    with pytest.raises(ModelError, match="example 1,001"):
        answer(opened(folder, build), DATASET, cache=cache, timeout=0.5, advance=done.append)
    assert (done, asked(folder)) == ([1000], [])


def test_a_model_that_answers_too_little(folder):
    class Short:
        identity, outputs, settings = opened(folder).identity, "logits", {}

        def answers(self, dataset, start, stop):
            yield np.zeros((7, 2))

    with pytest.raises(ModelError, match=r"must answer the 2,000 examples it is asked \(found '7 answers'\)"):
        answer(Short(), DATASET)


def test_a_cache_that_cannot_be_written_stops_no_run(folder, tmp_path):
    (tmp_path / "file").write_text("")
    made = answer(opened(folder), DATASET, cache=Cache(folder=tmp_path / "file"))
    assert len(made.predictions.scores) == 2000
    assert made.not_kept


def test_one_model_never_fills_the_cache(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("validate.answers.KEEP_BYTES", 1)
    cache = Cache(folder=tmp_path / "cache", limit=3000)
    made = answer(opened(folder), DATASET, cache=cache)
    assert "3,000 bytes" in made.not_kept
    assert sum(path.stat().st_size for path in cache.folder.rglob("*.answers")) <= 4000


SUITE = """
suite = "killed"
seed = 1
[data]
path = "data.csv"
label = "y"
classes = ["no", "yes"]
[models]
inputs = "models.py:inputs"
[models.dense]
torch = "models.py:Slow"
weights = "w.pt"
[models.compressed.small]
torch = "models.py:Plain"
weights = "v.pt"
"""


def test_a_killed_run_resumes_where_it_stopped(folder, tmp_path):
    (folder / "suite.toml").write_text(SUITE)
    n = 61_440  # 15 batches of 4,096, 0.02 s each
    pd.DataFrame({"x": np.arange(n), "y": np.where(np.arange(n) % 2, "yes", "no")}).to_csv(
        folder / "data.csv", index=False
    )
    environment = {**os.environ, "PARITYGATE_CACHE": str(tmp_path / "cache")}
    code = "import validate.answers as a, sys; a.KEEP_SECONDS = 0.05; from validate.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "run", str(folder), "--out", str(tmp_path / "out"), "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        while first.poll() is None and len(list((tmp_path / "cache").rglob("*.answers"))) < 2:
            time.sleep(0.01)
        assert first.poll() is None, "it must still run when it is killed"
        first.send_signal(signal.SIGKILL)
    kept = max(int(path.name.split("-")[1].split(".")[0]) for path in (tmp_path / "cache").rglob("*.answers"))
    asked(folder)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 4, done.stderr
    by_dense = asked(folder)[: n - kept]
    assert by_dense == list(range(kept, n))
