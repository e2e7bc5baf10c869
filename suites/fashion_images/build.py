"""Train the dense model and compress it in five ways: writes models/*.safetensors and build.json.

`python build.py` runs after fetch.py and takes some minutes on two cores. It sees the training part alone, of which two
garments were made rare: a tenth of it is kept from fitting and tells how well that went.
"""

import copy
import json
import platform
import sys
import time
from pathlib import Path

import fetch
import models
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import prune

HERE = Path(__file__).parent
SEED = 2017
BATCH = 256
EPOCHS, RATE = 6, 2e-3  # of the dense model
ROUNDS, TUNE_RATE = 4, 1e-3  # of each pruned one, an epoch after each
LEVELS = {"pruned-70": 0.70, "pruned-90": 0.90, "pruned-95": 0.95}

Part = tuple[torch.Tensor, torch.Tensor]  # inputs (n, 1, 28, 28), class codes (n,)


def main() -> None:
    began = time.monotonic()
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    fit, check = parts()
    dense = train(models.build(), fit, epochs=EPOCHS, rate=RATE)
    built = {"dense": dense, "int8": quantize(dense)}
    for name, sparsity in LEVELS.items():
        built[name] = prune_in_rounds(dense, fit, sparsity)
    built["channels-50"] = shrink_in_rounds(dense, fit)

    log = {"seed": SEED, "images": {"fit": len(fit[0]), "check": len(check[0])}, "versions": versions(), "models": {}}
    (HERE / "models").mkdir(exist_ok=True)
    for name, model in built.items():
        save_file({key: it.contiguous() for key, it in model.state_dict().items()}, path(name))
        log["models"][name] = {"fit": score(model, fit), "check": score(model, check)}
    (HERE / "build.json").write_text(json.dumps(log, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(built)} models in {HERE / 'models'}, {time.monotonic() - began:.0f} s\n")


def path(name: str) -> Path:
    return HERE / "models" / f"{name}.safetensors"


def parts() -> tuple[Part, Part]:
    """What is fitted on, and the tenth that is kept to check it."""
    with np.load(fetch.CACHE / "train.npz") as held:
        x, y = torch.from_numpy(held["images"]), torch.from_numpy(held["labels"].astype(np.int64))
    x = x.unsqueeze(1).float() / 255
    order = torch.randperm(len(x))
    tenth = len(x) // 10
    fit, check = order[tenth:], order[:tenth]
    return (x[fit], y[fit]), (x[check], y[check])


def train(model: nn.Module, fit: Part, *, epochs: int, rate: float) -> nn.Module:
    """Train in place, the rate falling to zero along a cosine."""
    x, y = fit
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * (1 + (len(x) - 1) // BATCH))
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
    for at, layer in layers(dense):
        weight = layer.weight.detach()
        scale = weight.flatten(1).abs().amax(dim=1).clamp_min(1e-12) / 127
        state[f"{at}.weight"] = torch.round(weight / scale.view(-1, *(1,) * (weight.ndim - 1))).to(torch.int8)
        state[f"{at}.scale"] = scale
        state[f"{at}.bias"] = layer.bias.detach()
    model = models.build_int8()
    model.load_state_dict(state)
    return model


def prune_in_rounds(dense: nn.Module, fit: Part, sparsity: float) -> nn.Module:
    """Each round keeps the same share of the weights that are left, and trains on."""
    model = copy.deepcopy(dense)
    for done in range(1, ROUNDS + 1):
        smallest = [(layer, "weight") for _, layer in layers(model)]
        amount = 1 - (1 - sparsity) ** (done / ROUNDS)
        prune.global_unstructured(smallest, pruning_method=prune.L1Unstructured, amount=amount)
        train(model, fit, epochs=1, rate=TUNE_RATE)
        for _, layer in layers(model):
            prune.remove(layer, "weight")  # zeros are the smallest, and the next round masks them again
    return model


def shrink_in_rounds(dense: nn.Module, fit: Part) -> nn.Module:
    """Each round takes away the same number of channels and hidden neurons, and trains on."""
    model = copy.deepcopy(dense)
    for done in range(1, ROUNDS + 1):
        ends = zip(models.WIDTHS, models.NARROW, strict=True)
        model = train(
            shrunk(model, [wide - (wide - narrow) * done // ROUNDS for wide, narrow in ends]),
            fit,
            epochs=1,
            rate=TUNE_RATE,
        )
    return model


def shrunk(model: nn.Module, widths: list[int]) -> nn.Module:
    """Keep the channels and neurons with the largest weights, in times out."""
    held = [layer for _, layer in layers(model)]
    weights = [layer.weight.detach() for layer in held]
    biases = [layer.bias.detach() for layer in held]
    for at, width in enumerate(widths):
        after = weights[at + 1]
        out = after.reshape(len(after), len(biases[at]), -1)  # what each of these channels feeds
        strength = weights[at].flatten(1).norm(dim=1) * out.transpose(0, 1).flatten(1).norm(dim=1)
        keep = strength.topk(width).indices.sort().values
        weights[at], biases[at] = weights[at][keep], biases[at][keep]
        shape = (len(after), -1) if after.ndim == 2 else (len(after), width, *after.shape[2:])
        weights[at + 1] = out[:, keep].reshape(shape)
    smaller = models.network(widths)
    with torch.no_grad():
        for (_, layer), weight, bias in zip(layers(smaller), weights, biases, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    return smaller


def layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, layer) for name, layer in model.named_children() if isinstance(layer, nn.Conv2d | nn.Linear)]


@torch.inference_mode()
def score(model: nn.Module, part: Part) -> dict[str, float]:
    """Accuracy on all images, and on those of each garment that was made rare."""
    x, y = part
    answer = torch.cat([model(batch).argmax(dim=1) for batch in x.split(4096)])
    found = {"accuracy": answer == y}
    found |= {f"recall of {name}": (answer == y)[y == fetch.CLASSES.index(name)] for name in fetch.RARE}
    return {name: round(right.double().mean().item(), 4) for name, right in found.items()}


def versions() -> dict[str, str]:
    found = {name: package.__version__.split("+")[0] for name, package in {"torch": torch, "numpy": np}.items()}
    return {"python": platform.python_version(), **found}


if __name__ == "__main__":
    main()
