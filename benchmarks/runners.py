"""What a runner adds to a bare loop over the same batches, and what a second run costs: `python benchmarks/runners.py`.

The census suite's dense network in each format, on its examples; scikit-learn on the same inputs, a small BERT on made
texts. Both sides encode the examples and answer them in the same batches, in turn in one process; medians of rounds.
The last line with --json is one object: `<format>_ratio` is bare seconds over ours (1 = no overhead), `_seconds` ours.
"""

import argparse
import json
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from validate.answers import answer
from validate.cache import Cache
from validate.data import Dataset, load_dataset
from validate.places import suites_dir
from validate.runners import Runner, open_runner
from validate.runners.batches import chunks, mapped, open_inputs
from validate.suite import (
    ExportedModel,
    LoadedSuite,
    ModelSpec,
    OnnxModel,
    SklearnModel,
    TorchScriptModel,
    TransformersModel,
)
from validate.suite_file import load_suite

ROWS = 4096
TEXTS = 1024

Bare = Callable[[Dataset], object]  # the loop that one would write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    results: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load_suite(suites_dir() / "census_income")
        loaded = replace(loaded, suite=replace(loaded.suite, models=replace(loaded.suite.models, threads=1)))
        torch.set_num_threads(1)
        dataset = load_dataset(loaded)
        specs = formats(loaded, dataset, Path(made))
        print(f"{len(dataset):,} examples, batches of {ROWS:,}, one thread, median of {asked.rounds} rounds")
        print(f"  {'format':14}{'bare s':>9}{'ours s':>9}{'overhead':>10}{'cached s':>10}")
        for name, (spec, bare) in specs.items():
            data = texts() if name == "transformers" else dataset
            runner = open_runner(spec, name="dense", loaded=loaded, classes=dataset.classes)
            results |= measured(name, runner, bare, data, rounds=asked.rounds, folder=Path(made))
    if asked.json:
        print(json.dumps(results))


def measured(name: str, runner: Runner, bare: Bare, dataset: Dataset, *, rounds: int, folder: Path) -> dict[str, float]:
    """One row: the bare loop, ours without a cache, and ours where the cache knows all."""
    seconds: dict[str, list[float]] = {"bare": [], "ours": [], "cached": []}
    cache = Cache(folder=folder / f"cache-{name}")
    answer(runner, dataset, cache=cache)
    for _ in range(rounds):
        for key, what in (
            ("bare", lambda: bare(replace(dataset))),  # a new dataset: nothing of it is encoded yet
            ("ours", lambda: answer(runner, replace(dataset))),
            ("cached", lambda: answer(runner, replace(dataset), cache=cache)),
        ):
            begun = time.perf_counter()
            what()
            seconds[key].append(time.perf_counter() - begun)
    bare_s, ours, cached = (statistics.median(seconds[key]) for key in ("bare", "ours", "cached"))
    print(f"  {name:14}{bare_s:9.3f}{ours:9.3f}{ours / bare_s - 1:10.1%}{cached:10.3f}")
    return {f"{name}_seconds": ours, f"{name}_ratio": bare_s / ours, f"{name}_cached_seconds": cached}


def formats(loaded: LoadedSuite, dataset: Dataset, folder: Path) -> dict[str, tuple[ModelSpec, Bare]]:
    """The same network in every format, and the loop that one would write for it."""
    dense = loaded.suite.models.dense
    model: torch.nn.Module = open_runner(dense, name="dense", loaded=loaded, classes=dataset.classes).model
    inputs = open_inputs(loaded)
    few = next(iter(chunks(dataset, inputs, 0, 2))).tensors
    torch.jit.trace(model, few).save(folder / "m.ts")
    dynamic = {"input": {0: torch.export.Dim.DYNAMIC}}
    torch.export.save(torch.export.export(model, (few,), dynamic_shapes=dynamic), folder / "m.pt2")
    script, program = torch.jit.load(folder / "m.ts"), torch.export.load(folder / "m.pt2").module()
    onnx_file(model, folder / "m.onnx")
    session = onnx_session(folder / "m.onnx")
    forest, seen = sklearn_model(loaded, dataset, folder / "m.skops")
    bert = transformers_folder(folder / "bert")

    def loop(forward: Callable[[torch.Tensor], Any]) -> Bare:
        def run(data: Dataset) -> object:
            found = []
            with torch.inference_mode():
                for start in range(0, len(data), 2 * ROWS):
                    part = inputs.function(data.frame.iloc[start : start + 2 * ROWS].reset_index(drop=True))
                    found += [
                        np.asarray(forward(part[at : at + ROWS]), dtype=np.float64) for at in range(0, len(part), ROWS)
                    ]
            return np.concatenate(found)

        return run

    return {
        "torch": (dense, loop(model)),
        "torchscript": (TorchScriptModel(torchscript=str(folder / "m.ts")), loop(script)),
        "exported": (ExportedModel(exported=str(folder / "m.pt2")), loop(program)),
        "onnx": (OnnxModel(onnx=str(folder / "m.onnx")), loop(lambda part: session.run(None, {"x": part.numpy()})[0])),
        "sklearn": (SklearnModel(sklearn=str(folder / "m.skops")), seen(forest)),
        "transformers": (TransformersModel(transformers=str(folder / "bert"), text="text"), bert),
    }


def onnx_file(model: torch.nn.Module, path: Path) -> None:
    """The network's three layers as an ONNX graph."""
    from onnx import TensorProto, helper, numpy_helper, save

    state = model.state_dict()
    names = sorted({name.rpartition(".")[0] for name in state})
    nodes, tensors, before = [], [], "x"
    for i, layer in enumerate(names):
        for name in (f"{layer}.weight", f"{layer}.bias"):
            tensors += [numpy_helper.from_array(state[name].numpy(), name)]
        after = "scores" if i == len(names) - 1 else f"h{i}"
        nodes.append(helper.make_node("Gemm", [before, f"{layer}.weight", f"{layer}.bias"], [after], transB=1))
        before = after
        if after != "scores":
            nodes.append(helper.make_node("Relu", [after], [f"r{i}"]))
            before = f"r{i}"
    width = state[f"{names[0]}.weight"].shape[1]
    values = [helper.make_tensor_value_info(it, TensorProto.FLOAT, ["n", k]) for it, k in (("x", width), ("scores", 2))]
    graph = helper.make_graph(nodes, "mlp", values[:1], values[1:], tensors)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def onnx_session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.use_deterministic_compute = 1, True
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def sklearn_model(loaded: LoadedSuite, dataset: Dataset, path: Path) -> tuple[Any, Callable[[Any], Bare]]:
    """A logistic regression on the columns of numbers, as frames."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from skops import io

    columns = [name for name in dataset.frame.select_dtypes("number").columns if name != loaded.suite.data.id]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        dataset.frame[columns], np.array(dataset.classes)[dataset.labels]
    )
    io.dump(model, path)

    def seen(fitted: Any) -> Bare:
        return lambda data: np.concatenate(
            [fitted.predict_proba(data.frame[columns].iloc[at : at + ROWS]) for at in range(0, len(data), ROWS)]
        )

    return model, seen


def texts() -> Dataset:
    """Made sentences of three to forty words."""
    from tests.small import small_dataset

    rng = np.random.default_rng(7)
    sentences = [" ".join(rng.choice(list("abcdefghij"), rng.integers(3, 40))) for _ in range(TEXTS)]
    return small_dataset([0, 1] * (TEXTS // 2), text=pd.Series(sentences))


def transformers_folder(folder: Path) -> Bare:
    """A BERT of two layers with random weights, and the loop that one would write for it."""
    logging.disable(logging.WARNING)
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    size = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}
    config = BertConfig(vocab_size=15, num_labels=2, **size)
    BertForSequenceClassification(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    model = BertForSequenceClassification.from_pretrained(folder).eval()

    def run(data: Dataset) -> object:
        with torch.inference_mode():
            sentences = data.frame["text"].tolist()
            part = dict(tokenizer(sentences, padding=True, truncation=True, max_length=512, return_tensors="pt"))
            rows = 256
            found = [
                model(**mapped(lambda tensor, at=at: tensor[at : at + rows], part)).logits.double().numpy()
                for at in range(0, TEXTS, rows)
            ]
        return np.concatenate(found)

    return run


if __name__ == "__main__":
    main()
