"""Whatever a model file or a model does: a message, exit 4, and the others judged all the same; nothing runs from a pickle."""

import json
import os
import pickle
import subprocess
import sys
import time

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file

HOOKS = """
import time, torch
from torch import nn

def inputs(frame): return torch.tensor(frame[["x"]].to_numpy(dtype="float32"))
def build(): return nn.Linear(1, 2)
def wide(): return nn.Linear(3, 2)

class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(2, 1)), nn.Parameter(torch.zeros(2))
    def forward(self, x): return x @ self.weight.T + self.bias

class Nothing(Base):
    def forward(self, x): return super().forward(x) * float("nan")

class Flat(Base):
    def forward(self, x): return super().forward(x)[:, 0]

class Breaks(Base):
    def forward(self, x):
        if len(x) > 2: raise ValueError("too much")
        return super().forward(x)

class Starved(Base):
    def forward(self, x): return torch.empty(2**60)

class Sleeps(Base):
    def forward(self, x):
        if len(x) > 2: time.sleep(10**6)
        return super().forward(x)

class Loops(Base):
    def forward(self, x):
        while len(x) > 2: x.sum()
        return super().forward(x)
"""
HEAD = """
suite = "bad"
seed = 1
[data]
path = "data.csv"
label = "y"
classes = ["no", "yes"]
[models]
inputs = "models.py:inputs"
timeout = 3
[models.dense]
torch = "models.py:build"
weights = "good.safetensors"
"""
TORCH = {  # function, file, what is said
    "wrong-architecture": ("wide", "good.safetensors", "shape weight is (2, 1) instead of (2, 3)"),
    "missing-tensor": ("build", "missing.safetensors", "missing bias"),
    "extra-tensor": ("build", "extra.safetensors", "unexpected more"),
    "truncated": ("build", "cut.safetensors", "is no safetensors file"),
    "flipped-bit": ("build", "flipped.safetensors", "flipped.safetensors"),
    "bomb": ("build", "bomb.pt", "is a pickle that could run code, so it was not opened"),
    "wrong-shape": ("Flat", "good.safetensors", "must return a tensor of shape"),
    "crash": ("Breaks", "good.safetensors", "ValueError: too much"),
    "no-memory": ("Starved", "good.safetensors", "examples 1 to 1: models.py, line"),
    "sleeps": ("Sleeps", "good.safetensors", "example 1 on: no answer to a batch within 3 seconds"),
    "loops": ("Loops", "good.safetensors", "example 1 on: no answer to a batch within 3 seconds"),
}
ONNX = {"opset": "onnxruntime cannot run it", "input-name": "takes inputs named features", "noise": "is no ONNX model"}


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def linear(*, opset=17, name="input", kind=TensorProto.FLOAT):
    nodes = [helper.make_node("Concat", [name, name], ["scores"], axis=1)]
    values = [helper.make_tensor_value_info(it, kind, ["n", k]) for it, k in ((name, 1), ("scores", 2))]
    graph = helper.make_graph(nodes, "linear", values[:1], values[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    rng = np.random.default_rng(1)
    x = rng.normal(size=1500)
    truth = np.where(x + 0.2 * rng.normal(size=1500) > 0, "yes", "no")
    pd.DataFrame({"x": x, "y": truth}).to_csv(folder / "data.csv", index=False)
    (folder / "models.py").write_text(HOOKS)
    good = {"weight": torch.tensor([[-1.0], [1.0]]), "bias": torch.zeros(2)}
    save_file(good, folder / "good.safetensors")
    save_file({"weight": good["weight"] * 2, "bias": good["bias"]}, folder / "fine.safetensors")
    save_file({"weight": good["weight"]}, folder / "missing.safetensors")
    save_file({**good, "more": torch.zeros(1)}, folder / "extra.safetensors")
    content = bytearray((folder / "good.safetensors").read_bytes())
    (folder / "cut.safetensors").write_bytes(content[: len(content) // 2])
    content[9] ^= 8  # in the header; the numbers themselves carry no checksum, which is what the record's hash is for
    (folder / "flipped.safetensors").write_bytes(content)
    torch.save({"weight": Bomb()}, folder / "bomb.pt")
    onnx.save(linear(opset=99), folder / "opset.onnx")
    onnx.save(linear(name="features"), folder / "input-name.onnx")
    (folder / "noise.onnx").write_bytes(pickle.dumps(Bomb()))
    return folder


def paritygate(folder, text):
    (folder / "suite.toml").write_text(text)
    command = [sys.executable, "-m", "validate.cli", "run", str(folder), "--out", str(folder / "out"), "--json"]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert "Traceback" not in done.stderr
    return done, time.monotonic() - begun


def test_every_broken_torch_model_is_told_and_the_whole_one_judged(folder):
    models = {name: (function, weights) for name, (function, weights, _) in TORCH.items()} | {
        "fine": ("build", "fine.safetensors"),
        "nan": ("Nothing", "good.safetensors"),
    }
    tables = [
        f'[models.compressed.{name}]\ntorch = "models.py:{f}"\nweights = "{w}"\n' for name, (f, w) in models.items()
    ]
    done, seconds = paritygate(folder, HEAD + "".join(tables))
    assert done.returncode == 4
    judged = {it["name"]: it for it in json.loads(done.stdout)["compressed"]}
    for name, (_, _, told) in TORCH.items():
        assert judged[name]["exit_code"] == 4, name
        assert told in judged[name]["reasons"][0], judged[name]["reasons"]
    assert judged["fine"]["verdict"] == "PASS"
    assert judged["nan"]["verdict"] == "FAIL"  # no answer is a wrong answer
    assert not (folder / "exploded").exists()
    assert seconds < 200, "models that never answer must not keep the process from ending"


def test_every_broken_onnx_model_is_told(folder):
    tables = [f'[models.compressed.{name}]\nonnx = "{name}.onnx"\n' for name in ONNX]
    named = HOOKS.replace("def inputs(frame): return ", "def inputs(frame): return {'input': ").replace(
        'float32"))', 'float32"))}'
    )
    (folder / "named.py").write_text(named)  # by the name that nn.Linear gives its input
    text = HEAD.replace("models.py", "named.py")
    done, _ = paritygate(folder, text + "".join(tables))
    judged = {it["name"]: it for it in json.loads(done.stdout)["compressed"]}
    for name, told in ONNX.items():
        assert judged[name]["exit_code"] == 4, name
        assert told in judged[name]["reasons"][0], judged[name]["reasons"]
    assert not (folder / "exploded").exists()
