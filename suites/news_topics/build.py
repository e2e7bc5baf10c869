"""Put a trained head on the encoder and compress it in seven ways: weights into the cache, build.json beside this file.

`python build.py` fetches what it needs (see fetch.py) and takes some ten minutes on two cores; `python build.py int8`
builds the dense model and this one alone. It sees the training half alone: a tenth of it is kept from fitting and tells
how well that went. Nothing here looks at the held-out half.
"""

import copy
import json
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import fetch
import models
import numpy as np
import pandas as pd
import sklearn
import torch
import transformers
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch import nn
from torch.nn.utils import prune

HERE = Path(__file__).parent
SEED = 1987
BATCH = 64
STRENGTHS = (10.0, 100.0, 1000.0)  # of the head's fit, tried on the checking tenth
SPARSITIES = {"pruned-30": 0.30, "pruned-50": 0.50, "pruned-60": 0.60}
NEVER = -20.0  # bias of a topic without a training story

Floats = NDArray[np.float64]


def main(names: Sequence[str]) -> None:
    """Build the dense model and the compressed ones of these names; all of them if there are none."""
    torch.manual_seed(SEED)
    fetch.main()
    topics = sorted(json.loads((HERE / "topics.json").read_text(encoding="utf-8")))
    frame = pd.read_parquet(models.CACHE / "train.parquet")
    codes = pd.Index(topics).get_indexer(frame["topic"])
    check = np.random.default_rng(SEED).random(len(frame)) < 0.1

    dense = models.build()
    dense.encoder.load_state_dict(_encoder_weights())
    found = features(dense, frame)
    strength = _strength(found, codes, check)
    fit_head(dense, found[~check], codes[~check], strength)
    scores: dict[str, dict[str, float]] = {}
    for name, make in {"dense": lambda: dense, **_recipes(dense)}.items():
        if names and name not in {"dense", *names}:
            continue
        model = make()
        if name.endswith("-head"):
            refit = features(model, frame)
            fit_head(model, refit[~check], codes[~check], strength)
        save_file(model.state_dict(), models.CACHE / f"{name}.safetensors")
        answers = head_answers(model, features(model, frame[check]))
        scores[name] = {"check accuracy": round(float((answers == codes[check]).mean()), 4)}
        sys.stdout.write(f"{name}: {scores[name]}\n")
    if not names:
        rows = {"fit": int((~check).sum()), "check": int(check.sum())}
        log = {"seed": SEED, "rows": rows, "head": {"C": strength}, "versions": versions(), "models": scores}
        (HERE / "build.json").write_text(json.dumps(log, indent=2) + "\n", encoding="utf-8")


def _recipes(dense: nn.Module) -> dict[str, Callable[[], nn.Module]]:
    """How each compressed model is made; "-head" stands for a head that is fitted anew."""
    recipes: dict[str, Callable[[], nn.Module]] = {"int8": lambda: quantize(dense)}
    for name, sparsity in SPARSITIES.items():
        recipes[name] = recipes[f"{name}-head"] = partial(pruned, dense, sparsity)
    return recipes


def _encoder_weights() -> dict[str, torch.Tensor]:
    """The encoder's own weights, without the pooling layer that sentence embeddings do not use."""
    stored = load_file(models.CACHE / "model.safetensors")
    return {
        name: tensor for name, tensor in stored.items() if not name.startswith(("pooler.", "embeddings.position_ids"))
    }


@torch.inference_mode()
def features(model: nn.Module, frame: pd.DataFrame) -> Floats:
    """(n, 384) what the model's encoder makes of the stories; those of like length together, to pad little."""
    order = frame["words"].to_numpy().argsort(kind="stable")
    found = np.empty((len(frame), model.head.in_features))
    model.eval()
    for rows in _batches(order):
        found[rows] = model.features(**models.inputs(frame.iloc[rows])).numpy()
    return found


def _batches(order: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _strength(found: Floats, codes: NDArray[np.intp], check: NDArray[np.bool_]) -> float:
    """The head's inverse regularisation with the least log-loss on the checking tenth."""
    losses = {}
    for strength in STRENGTHS:
        head = _logistic(found[~check], codes[~check], strength)
        known = np.isin(codes, head.classes_) & check
        losses[strength] = log_loss(codes[known], head.predict_proba(found[known]), labels=head.classes_)
    return min(losses, key=losses.__getitem__)


def _logistic(found: Floats, codes: NDArray[np.intp], strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=2000).fit(found, codes)


def fit_head(model: nn.Module, found: Floats, codes: NDArray[np.intp], strength: float) -> None:
    """A logistic regression as the model's last layer; a topic that was never seen is never answered."""
    head = _logistic(found, codes, strength)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.fill_(NEVER)
        model.head.weight[head.classes_] = torch.from_numpy(head.coef_).float()
        model.head.bias[head.classes_] = torch.from_numpy(head.intercept_).float()


def head_answers(model: nn.Module, found: Floats) -> NDArray[np.int64]:
    """(n,) topics that the model's head answers with."""
    with torch.inference_mode():
        return model.head(torch.from_numpy(found).float()).argmax(dim=1).numpy()


def quantize(dense: nn.Module) -> nn.Module:
    """The weights of each linear layer of the encoder as int8, the largest of each output at 127."""
    state = dense.state_dict()
    for name, layer in models.linears(dense.encoder):
        weight = layer.weight.detach()
        scale = weight.abs().amax(dim=1).clamp_min(1e-12) / 127
        state[f"encoder.{name}.weight"] = torch.round(weight / scale[:, None]).to(torch.int8)
        state[f"encoder.{name}.scale"] = scale
    model = models.build_int8()
    model.load_state_dict(state)
    return model


def pruned(dense: nn.Module, sparsity: float) -> nn.Module:
    """The smallest weights of all linear layers of the encoder set to zero at once; the head is the dense one's."""
    model = copy.deepcopy(dense)
    layers = [(layer, "weight") for _, layer in models.linears(model.encoder)]
    prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=sparsity)
    for layer, name in layers:
        prune.remove(layer, name)
    return model


def versions() -> dict[str, str]:
    packages = {"torch": torch, "transformers": transformers, "scikit-learn": sklearn, "numpy": np, "pandas": pd}
    found = {name: package.__version__.split("+")[0] for name, package in packages.items()}
    return {"python": platform.python_version(), **found}


if __name__ == "__main__":
    main(sys.argv[1:])
