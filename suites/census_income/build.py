"""Train the dense model and compress it in six ways: writes encoders.json, models/*.safetensors and build.json.

`python build.py` takes a few minutes on two cores and fetches the original data (see fetch.py). It sees the training
part alone: a tenth of it is kept from fitting and tells how well that went. Nothing here looks at the held-out part.
"""

import copy
import json
import platform
from pathlib import Path

import fetch
import models
import numpy as np
import pandas as pd
import sklearn
import torch
from safetensors.torch import save_file
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from torch import nn
from torch.nn.utils import prune

HERE = Path(__file__).parent
SEED = 1995
NUMBERS = ["age", "weeks_worked", "employer_size"]
MONEY = ["wage_per_hour", "capital_gains", "capital_losses", "dividends"]  # on a logarithmic scale
CATEGORIES = ["class_of_worker", "education", "marital_status", "industry", "occupation", "race", "origin", "sex"]
CATEGORIES += ["tax_filer", "household_role", "country", "citizenship"]
RARE = 100  # categories with fewer training rows share one column
BATCH = 512
EPOCHS, RATE = 7, 1e-3  # of the dense model: with more, log-loss on the checking tenth rises
ROUNDS, ROUND_EPOCHS, TUNE_RATE = 4, 2, 3e-4  # of each pruned one
LEVELS = {"pruned-80": 0.80, "pruned-90": 0.90, "pruned-95": 0.95}
ONESHOT = 0.80

Part = tuple[torch.Tensor, torch.Tensor]  # inputs (n, width), class codes (n,)


def main() -> None:
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    frame, _ = fetch.split(fetch.adults())
    write_encoders(frame)
    fit, check = parts(frame)

    dense = train(models.build(), fit, epochs=EPOCHS, rate=RATE)
    built = {"dense": dense, "int8": quantize(dense), "oneshot-80": prune_at_once(dense, ONESHOT)}
    for name, sparsity in LEVELS.items():
        built[name] = prune_in_rounds(dense, fit, sparsity)
    built["neurons-50"] = train(drop_neurons(dense), fit, epochs=ROUNDS * ROUND_EPOCHS, rate=TUNE_RATE)

    log = {"seed": SEED, "rows": {"fit": len(fit[0]), "check": len(check[0])}, "versions": versions(), "models": {}}
    for name, model in built.items():
        save_file(model.state_dict(), HERE / "models" / f"{name}.safetensors")
        log["models"][name] = {"fit": score(model, fit), "check": score(model, check)}
    (HERE / "build.json").write_text(json.dumps(log, indent=2) + "\n", encoding="utf-8")


def write_encoders(frame: pd.DataFrame) -> None:
    """Fit scikit-learn's encoders, write them as plain data, and make sure that models.inputs reads them the same."""
    money = make_pipeline(FunctionTransformer(np.log1p), StandardScaler())
    onehot = OneHotEncoder(min_frequency=RARE, handle_unknown="infrequent_if_exist", sparse_output=False)
    transformer = ColumnTransformer(
        [("numbers", StandardScaler(), NUMBERS), ("money", money, MONEY), ("categories", onehot, CATEGORIES)]
    )
    expected = transformer.fit_transform(frame)
    fitted = transformer.named_transformers_
    numeric = {}
    for columns, scaler, log in ((NUMBERS, fitted["numbers"], False), (MONEY, fitted["money"][-1], True)):
        for column, mean, scale in zip(columns, scaler.mean_, scaler.scale_, strict=True):
            numeric[column] = {"log": log, "mean": float(mean), "scale": float(scale)}
    categorical = {}
    onehot = fitted["categories"]
    for column, known, rare in zip(CATEGORIES, onehot.categories_, onehot.infrequent_categories_, strict=True):
        kept = list(known) if rare is None else [category for category in known if category not in rare]
        categorical[column] = {"categories": kept, "other": rare is not None}
    text = json.dumps({"numeric": numeric, "categorical": categorical}, indent=1)
    (HERE / "encoders.json").write_text(text + "\n", encoding="utf-8")
    np.testing.assert_allclose(models.inputs(frame).numpy(), expected, rtol=1e-5, atol=1e-5)


def parts(frame: pd.DataFrame) -> tuple[Part, Part]:
    """What is fitted on, and the tenth that is kept to check it."""
    x = models.inputs(frame)
    y = torch.from_numpy((frame["income"] == "50k or more").to_numpy(dtype=np.int64))
    order = torch.randperm(len(x))
    tenth = len(x) // 10
    fit, check = order[tenth:], order[:tenth]
    return (x[fit], y[fit]), (x[check], y[check])


def train(model: nn.Module, fit: Part, *, epochs: int, rate: float) -> nn.Module:
    """Train in place, the rate falling to zero along a cosine."""
    x, y = fit
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    steps = epochs * (1 + (len(x) - 1) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
            schedule.step()
    return model


def quantize(dense: nn.Module) -> nn.Module:
    """Each layer's weights as int8, the largest of each output at 127."""
    state = {}
    for at, layer in linears(dense):
        scale = layer.weight.detach().abs().amax(dim=1).clamp_min(1e-12) / 127
        state[f"{at}.weight"] = torch.round(layer.weight.detach() / scale[:, None]).to(torch.int8)
        state[f"{at}.scale"] = scale
        state[f"{at}.bias"] = layer.bias.detach()
    model = models.build_int8()
    model.load_state_dict(state)
    return model


def prune_at_once(dense: nn.Module, sparsity: float) -> nn.Module:
    """The smallest weights of all layers set to zero, and nothing trained after it."""
    model = copy.deepcopy(dense)
    mask_smallest(model, sparsity)
    return fix_masks(model)


def prune_in_rounds(dense: nn.Module, fit: Part, sparsity: float) -> nn.Module:
    """Each round keeps the same share of the weights that are left, and trains on."""
    model = copy.deepcopy(dense)
    for done in range(1, ROUNDS + 1):
        mask_smallest(model, 1 - (1 - sparsity) ** (done / ROUNDS))
        train(model, fit, epochs=ROUND_EPOCHS, rate=TUNE_RATE)
        fix_masks(model)
    return model


def mask_smallest(model: nn.Module, sparsity: float) -> None:
    weights = [(layer, "weight") for _, layer in linears(model)]
    prune.global_unstructured(weights, pruning_method=prune.L1Unstructured, amount=sparsity)


def fix_masks(model: nn.Module) -> nn.Module:
    """Zeros become part of the weights: already zero, they are the smallest, and the next round masks them again."""
    for _, layer in linears(model):
        prune.remove(layer, "weight")
    return model


def drop_neurons(dense: nn.Module) -> nn.Module:
    """Keep the hidden neurons with the largest weights, in times out; the matrices shrink."""
    layers = [layer for _, layer in linears(dense)]
    weights = [layer.weight.detach() for layer in layers]
    biases = [layer.bias.detach() for layer in layers]
    for hidden, kept in enumerate(models.NARROW):
        strength = weights[hidden].norm(dim=1) * weights[hidden + 1].norm(dim=0)
        keep = strength.topk(kept).indices.sort().values
        weights[hidden], biases[hidden] = weights[hidden][keep], biases[hidden][keep]
        weights[hidden + 1] = weights[hidden + 1][:, keep]
    model = models.build_narrow()
    with torch.no_grad():
        for (_, layer), weight, bias in zip(linears(model), weights, biases, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    return model


def linears(model: nn.Module) -> list[tuple[str, nn.Linear]]:
    return [(name, layer) for name, layer in model.named_children() if isinstance(layer, nn.Linear)]


@torch.inference_mode()
def score(model: nn.Module, part: Part) -> dict[str, float]:
    """Accuracy, and the share of those with 50k or more that are found."""
    x, y = part
    answer = model(x).argmax(dim=1)
    return {
        "accuracy": round((answer == y).double().mean().item(), 4),
        "recall of 50k or more": round((answer[y == 1] == 1).double().mean().item(), 4),
    }


def versions() -> dict[str, str]:
    packages = {"torch": torch, "scikit-learn": sklearn, "numpy": np, "pandas": pd}
    found = {name: package.__version__.split("+")[0] for name, package in packages.items()}
    return {"python": platform.python_version(), **found}


if __name__ == "__main__":
    main()
