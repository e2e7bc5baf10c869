"""What a runner adds to a bare loop over the same batches, and what a second run costs: `python benchmarks/runners.py`.

The census suite's dense network in each torch format and as ONNX; two scikit-learn estimators on its columns; a
sentence encoder on texts, the news suite's where it was fetched. Both sides encode the examples and answer them in the
same batches. In every round each has its turn, in an order drawn anew; overhead is the median over rounds of ours
divided by bare, with its quartiles: wall time, and the processor time, which other work disturbs less. Freed memory
stays with the process on both sides, for else whoever comes first pays for pages that the other finds ready.

The last line with --json is one object: `<format>_ratio` is bare over ours (1 = no overhead), `_cpu_ratio` the same of
processor time, `_seconds` ours, `_cached_seconds` a run that finds all answers in the cache.
"""

import argparse
import json
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from validate.answers import answer
from validate.cache import Cache
from validate.data import Dataset, load_dataset
from validate.places import cache_dir, suites_dir
from validate.runners import Runner, open_runner
from validate.runners.batches import chunks, open_inputs
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

TEXTS = 192
TOKENS = 64
CHUNK = 8192  # rows that are encoded at a time
# of glibc: one arena for all threads, nothing given back
MEMORY = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": str(2**32), "MALLOC_MMAP_THRESHOLD_": str(2**25)}

Bare = Callable[[Dataset, Sequence[int]], object]  # the loop that one would write, over batches of these sizes


@dataclass(frozen=True, kw_only=True)
class Case:
    """One format: how the suite names it, the loop that one would write for it, and the examples."""

    spec: ModelSpec
    bare: Bare
    dataset: Dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--only", nargs="*", default=[], metavar="FORMAT")
    asked = parser.parse_args()
    results: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load_suite(suites_dir() / "census_income")
        loaded = replace(loaded, suite=replace(loaded.suite, models=replace(loaded.suite.models, threads=1)))
        torch.set_num_threads(1)
        print(f"one thread, {asked.rounds} rounds; overhead: median of ratios (quartiles)")
        title = f"{'wall':>8} {'':18}{'processor':>11}"
        print(f"  {'format':14}{'n':>8}{'batch':>7}{'bare s':>9}{'ours s':>9}{title:>38}{'cached s':>19}")
        for name, case in cases(loaded, Path(made)):
            if not asked.only or name in asked.only:
                runner = open_runner(case.spec, name="dense", loaded=loaded, classes=case.dataset.classes)
                results |= measured(name, runner, case, rounds=asked.rounds, folder=Path(made))
    if asked.json:
        print(json.dumps(results))


def measured(name: str, runner: Runner, case: Case, *, rounds: int, folder: Path) -> dict[str, float]:
    """One row: the bare loop, ours without a cache, and ours where the cache knows all."""
    n, cache = len(case.dataset), Cache(folder=folder / f"cache-{name}")
    sizes = [len(scores) for scores in runner.answers(case.dataset, 0, n)]
    kept = answer(runner, case.dataset, cache=cache).predictions.scores
    assert np.allclose(np.asarray(case.bare(case.dataset, sizes)), kept, atol=1e-4), "another model"
    ways: dict[str, Callable[[], object]] = {
        "bare": lambda: case.bare(replace(case.dataset), sizes),  # a new dataset: nothing of it is encoded yet
        "ours": lambda: answer(runner, replace(case.dataset)),
        "cached": lambda: answer(runner, replace(case.dataset), cache=cache),
    }
    wall: dict[str, list[float]] = {key: [] for key in ways}
    processor: dict[str, list[float]] = {key: [] for key in ways}
    rng = np.random.default_rng(7)
    for at in range(-1, rounds):  # the first round warms up
        for key in rng.permutation(list(ways)):
            used, begun = time.process_time(), time.perf_counter()
            ways[key]()
            if at >= 0:
                wall[key].append(time.perf_counter() - begun)
                processor[key].append(time.process_time() - used)
    shown = {key: statistics.median(wall[key]) for key in wall}
    over, over_cpu = ratios(wall), ratios(processor)
    text = f"{spread(over):>28}{spread(over_cpu):>28}"
    print(f"  {name:14}{n:8,}{max(sizes):7,}{shown['bare']:9.3f}{shown['ours']:9.3f}{text}{shown['cached']:10.3f}")
    return {
        f"{name}_seconds": shown["ours"],
        f"{name}_ratio": 1 / statistics.median(over),
        f"{name}_cpu_ratio": 1 / statistics.median(over_cpu),
        f"{name}_cached_seconds": shown["cached"],
    }


def ratios(seconds: dict[str, list[float]]) -> list[float]:
    """Ours over bare, round by round."""
    return [ours / bare for ours, bare in zip(seconds["ours"], seconds["bare"], strict=True)]


def spread(found: Sequence[float]) -> str:
    """The median as overhead, and the quartiles."""
    low, middle, high = statistics.quantiles(found, n=4)
    return f"{middle - 1:+.1%} ({low - 1:+.1%} to {high - 1:+.1%})"


def cases(loaded: LoadedSuite, folder: Path) -> Iterator[tuple[str, Case]]:
    """Every format with its loop."""
    dataset = load_dataset(loaded)
    for name, (spec, bare) in networks(loaded, dataset, folder).items():
        yield name, Case(spec=spec, bare=bare, dataset=dataset)
    for name, (spec, bare) in estimators(loaded, dataset, folder).items():
        yield name, Case(spec=spec, bare=bare, dataset=dataset)
    yield "transformers", encoder(folder / "encoder")


def networks(loaded: LoadedSuite, dataset: Dataset, folder: Path) -> dict[str, tuple[ModelSpec, Bare]]:
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

    def loop(forward: Callable[[torch.Tensor], Any]) -> Bare:
        def run(data: Dataset, sizes: Sequence[int]) -> object:
            found = []
            with torch.inference_mode():
                for start in range(0, len(data), CHUNK):
                    part = inputs.function(data.frame.iloc[start : start + CHUNK].reset_index(drop=True))
                    at = 0
                    while at < len(part):
                        found.append(np.asarray(forward(part[at : at + sizes[0]]), dtype=np.float64))
                        at += sizes[0]
            return np.concatenate(found)

        return run

    return {
        "torch": (dense, loop(model)),
        "torchscript": (TorchScriptModel(torchscript=str(folder / "m.ts")), loop(script)),
        "exported": (ExportedModel(exported=str(folder / "m.pt2")), loop(program)),
        "onnx": (OnnxModel(onnx=str(folder / "m.onnx")), loop(lambda part: session.run(None, {"x": part.numpy()})[0])),
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


def estimators(loaded: LoadedSuite, dataset: Dataset, folder: Path) -> dict[str, tuple[ModelSpec, Bare]]:
    """A logistic regression and boosted trees on the columns of numbers, as frames; we answer with logarithms."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from skops import io
    from threadpoolctl import threadpool_limits

    columns = [name for name in dataset.frame.select_dtypes("number").columns if name != loaded.suite.data.id]
    made = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
        "trees": HistGradientBoostingClassifier(max_iter=100, random_state=7),
    }

    def seen(fitted: Any) -> Bare:
        def run(data: Dataset, sizes: Sequence[int]) -> object:
            frame, step = data.frame[columns], sizes[0]
            order = [list(fitted.classes_).index(name) for name in data.classes]
            with threadpool_limits(1), np.errstate(divide="ignore"):
                found = [fitted.predict_proba(frame.iloc[at : at + step]) for at in range(0, len(data), step)]
                return np.log(np.concatenate(found)[:, order])

        return run

    found: dict[str, tuple[ModelSpec, Bare]] = {}
    for name, model in made.items():
        model.fit(dataset.frame[columns], np.array(dataset.classes)[dataset.labels])
        path = folder / f"{name}.skops"
        io.dump(model, path)
        trusted = tuple(io.get_untrusted_types(file=path))
        found[f"sklearn-{name}"] = (SklearnModel(sklearn=str(path), trusted=trusted), seen(model))
    return found


def encoder(folder: Path) -> Case:
    """The news suite's sentence encoder with a classifier on it, or a smaller one of the same make on made words."""
    logging.disable(logging.WARNING)
    import transformers

    transformers.utils.logging.disable_progress_bar()
    fetched = cache_dir() / "news_topics"
    real = (fetched / "model.safetensors").is_file() and (fetched / "test.parquet").is_file()
    if real:
        config = transformers.AutoConfig.from_pretrained(fetched, local_files_only=True, num_labels=2)
        model = transformers.BertForSequenceClassification.from_pretrained(fetched, config=config)
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(fetched / "tokenizer.json"), pad_token="[PAD]"
        )
        sentences = pd.read_parquet(fetched / "test.parquet")["text"].astype(str).tolist()[:TEXTS]
    else:
        size = {"hidden_size": 384, "num_hidden_layers": 2, "num_attention_heads": 12, "intermediate_size": 1536}
        model = transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=15, num_labels=2, **size))
        folder.mkdir()
        (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]))
        tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
        rng = np.random.default_rng(7)
        sentences = [" ".join(rng.choice(list("abcdefghij"), rng.integers(3, 60))) for _ in range(TEXTS)]
    print(f"  {'transformers:':14} {'all-MiniLM-L6-v2, news' if real else 'two random layers of BERT, made texts'}")
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)

    def run(data: Dataset, sizes: Sequence[int]) -> object:
        found, at = [], 0
        with torch.inference_mode():
            for size in sizes:
                texts = data.frame["text"].tolist()[at : at + size]
                made = tokenizer(texts, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt")
                found.append(model(**made).logits.double().numpy())
                at += size
        return np.concatenate(found)

    return Case(
        spec=TransformersModel(transformers=str(folder), text="text", max_length=TOKENS),
        bare=run,
        dataset=texts_dataset(sentences),
    )


def texts_dataset(sentences: Sequence[str]) -> Dataset:
    from tests.small import small_dataset

    return small_dataset([0, 1] * (len(sentences) // 2), text=pd.Series(sentences))


if __name__ == "__main__":
    if any(os.environ.get(key) != value for key, value in MEMORY.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **MEMORY})
    main()
