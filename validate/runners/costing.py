"""What a compressed model bought on this machine: both models opened anew and measured in turn, inputs encoded before.

No answer comes from a cache here, and none goes into one.
"""

import os
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from validate.artifact_profile.cost import Cost, Fresh
from validate.artifact_profile.timing import Call, in_turn, latency, throughput
from validate.data import Dataset
from validate.errors import ModelError
from validate.hooks import user_code
from validate.runners import RECORDED, open_runner
from validate.runners.fresh import fresh
from validate.runners.pytorch import TorchRunner, out_of_memory, reproducible
from validate.runners.rehearsal import example, rehearsal
from validate.suite import LoadedSuite, ModelSpec
from validate.suite_claims import CostPlan


def cost(name: str, loaded: LoadedSuite, dataset: Dataset, plan: CostPlan) -> Cost:
    """What answers of the dense model and of this compressed one cost here; with a reason where nothing is measured."""
    suite = loaded.suite
    try:
        dense = _open("dense", suite.models.dense, loaded, dataset)
        compressed = _open(name, suite.models.compressed[name], loaded, dataset)
        with (
            user_code(ModelError, f"model {name!r} beside the dense one", loaded.folder),
            reproducible(suite.seed, suite.models.threads),
        ):
            found = _timed((dense, compressed), dataset, plan)
    except ModelError as failure:
        return Cost(machine=machine(()), deployment=plan.deployment, reason=str(failure))
    notes = list(found.notes)
    if dense.identity.kind != compressed.identity.kind:
        notes.append("the two models run on different runtimes, which is part of the difference")
    opened: list[Fresh | None] = []
    for runner in (dense, compressed):
        try:
            batch = example(runner, dataset, found.measured[-1].batch)
            opened.append(fresh(runner.identity.name, loaded, dataset.classes, batch))
        except ModelError as failure:
            opened.append(None)
            notes.append(f"memory and time to load are not known: {failure}")
    return replace(found, dense_fresh=opened[0], compressed_fresh=opened[1], notes=tuple(notes))


def machine(runners: tuple[TorchRunner, ...]) -> str:
    """The processor, its cores, the threads that torch uses, and the devices that the models are on."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    devices = sorted({dict(runner.identity.details).get("device", runner.device.type) for runner in runners})
    facts = [processor, f"{os.cpu_count()} cores", f"{torch.get_num_threads()} threads", *devices]
    return ", ".join(dict.fromkeys(facts))


def _open(name: str, spec: ModelSpec, loaded: LoadedSuite, dataset: Dataset) -> TorchRunner:
    runner = open_runner(spec, name=name, loaded=loaded, classes=dataset.classes)
    if isinstance(runner, TorchRunner):
        return runner
    kind = runner.identity.kind
    reason = RECORDED if kind == "recorded" else f"a {kind} model cannot be timed here"
    raise ModelError(f"model {name!r}", reason)


def _timed(runners: tuple[TorchRunner, TorchRunner], dataset: Dataset, plan: CostPlan) -> Cost:
    """Latency at batch 1 in half of the time, then each batch size in its share of the other half.

    A batch size that the data do not fill, or that memory does not suffice for, ends the ladder.
    """
    loaded = runners[0].loaded
    rng, level = np.random.default_rng(loaded.suite.seed), loaded.suite.gate.confidence
    times = in_turn(*_calls(runners, dataset, 1), plan.seconds / 2)
    found, notes = list(latency(times, rng, level=level)), []
    rounds, calls = len(times.dense), times.dense.size
    for batch in plan.batches:
        if batch > len(dataset):
            notes.append(f"batches from {batch:,} on are left out: there are {len(dataset):,} examples")
            break
        try:
            times = in_turn(*_calls(runners, dataset, batch), plan.seconds / 2 / len(plan.batches))
        except (RuntimeError, MemoryError) as failure:
            if not out_of_memory(failure):
                raise
            notes.append(f"batches from {batch:,} on are left out: memory does not suffice")
            break
        found += throughput(times, batch, plan, rng, level=level)
        rounds = min(rounds, len(times.dense))
    return Cost(
        machine=machine(runners),
        deployment=plan.deployment,
        measured=tuple(found),
        rounds=rounds,
        calls=calls,
        notes=tuple(notes),
    )


def _calls(runners: tuple[TorchRunner, TorchRunner], dataset: Dataset, batch: int) -> tuple[Call, Call]:
    dense, compressed = (rehearsal(runner, example(runner, dataset, batch)) for runner in runners)
    return dense, compressed
