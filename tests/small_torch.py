"""A suite whose dense model is a tiny real torch network, trained on two groups, one of them rare."""

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn

from validate.suite_file import load_suite

_MODELS = """
import torch
from torch import nn


def inputs(frame):
    return torch.tensor(frame[["a", "b", "c", "d"]].to_numpy(dtype="float32"))


def build():
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))


def tune(model, at):
    (model.rounds if hasattr(model, "rounds") else model.__dict__.setdefault("rounds", [])).append(at)
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Linear):
                layer.bias.add_(0.001)
"""
_SUITE = """
suite = "tiny"
seed = 3
[data]
path = "data.csv"
label = "truth"
classes = ["no", "yes"]
id = "id"
train = "train.csv"
[models]
inputs = "models.py:inputs"
outputs = "logits"
[models.dense]
torch = "models.py:build"
weights = "dense.safetensors"
[models.compressed.half]
torch = "models.py:build"
weights = "half.safetensors"
[[slices]]
by = ["group"]
guard = true
margin = 0.1
[gate]
margin = 0.05
class_margin = 0.1
"""


def examples(n, rng, shares=(0.6, 0.37, 0.03)):
    """Rows whose truth is a line for the large groups, and another one for the rare group."""
    x = rng.normal(size=(n, 4))
    group = rng.choice(["big", "middle", "rare"], n, p=shares)
    rule = np.where(group == "rare", -x[:, 0] + x[:, 2], x[:, 0] + 0.5 * x[:, 1])
    frame = pd.DataFrame(x.round(4), columns=list("abcd"))
    frame["d"] = np.where(group == "rare", 3.0, frame["d"])
    return frame.assign(id=[f"x{i}" for i in range(n)], group=group, truth=np.where(rule > 0, "yes", "no"))


def small_torch_suite(folder, n=1500):
    """Write the suite, train its dense model and halve its weights; the loaded suite."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    train, test = examples(3000, rng), examples(n, rng, shares=(0.4, 0.3, 0.3))
    test.to_csv(folder / "data.csv", index=False)
    train[["group"]].to_csv(folder / "train.csv", index=False)
    (folder / "models.py").write_text(_MODELS, encoding="utf-8")
    (folder / "suite.toml").write_text(_SUITE, encoding="utf-8")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
    x = torch.tensor(train[["a", "b", "c", "d"]].to_numpy(dtype="float32"))
    y = torch.tensor((train["truth"] == "yes").to_numpy(dtype="int64"))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    save_file(model.state_dict(), folder / "dense.safetensors")
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.where(p.abs() < p.abs().median(), 0, p))
    save_file(model.state_dict(), folder / "half.safetensors")
    return load_suite(folder)
