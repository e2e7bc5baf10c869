"""What a compressed model bought on this machine: both models opened anew and measured in turn, inputs encoded before.

No answer comes from a cache here, and none goes into one.
"""

import math
import os
import platform
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from validate.artifact_profile.cost import Cost, Fresh
from validate.artifact_profile.timing import (
    LATENCIES,
    Call,
    Times,
    TooSlowError,
    calls_needed,
    in_turn,
    latency,
    refuse_slower,
    throughput,
)
from validate.data import Dataset
from validate.errors import ModelError
from validate.hooks import user_code
from validate.runners import RECORDED, open_runner
from validate.runners.fresh import fresh
from validate.runners.pytorch import TorchRunner, out_of_memory, reproducible
from validate.runners.rehearsal import example, rehearsal
from validate.suite import LoadedSuite, ModelSpec
from validate.suite_claims import CostPlan

ROUNDS_SHARE = 0.5  # of the seconds, for the rounds; the rest is for the fresh processes


def cost(name: str, loaded: LoadedSuite, dataset: Dataset, plan: CostPlan) -> Cost:
    """What answers of the dense model and of this compressed one cost here; with a reason where nothing is measured."""
    suite, end = loaded.suite, time.perf_counter() + plan.seconds
    try:
        dense = _open("dense", suite.models.dense, loaded, dataset)
        compressed = _open(name, suite.models.compressed[name], loaded, dataset)
        with (
            user_code(ModelError, f"model {name!r} beside the dense one", loaded.folder),
            reproducible(suite.seed, suite.models.threads),
        ):
            found = _timed((dense, compressed), dataset, plan, end - plan.seconds * (1 - ROUNDS_SHARE))
    except ModelError as failure:
        return Cost(machine=machine(()), deployment=plan.deployment, reason=str(failure))
    notes = list(found.notes)
    if dense.identity.kind != compressed.identity.kind:
        notes.append("the two models run on different runtimes, which is part of the difference")
    opened: list[Fresh | None] = []
    for runner, share in ((dense, 0.5), (compressed, 1.0)):
        try:
            batch = example(runner, dataset, max((it.batch for it in found.measured), default=1))
            seconds = share * (end - time.perf_counter())
            opened.append(fresh(runner.identity.name, loaded, dataset.classes, batch, seconds))
        except ModelError as failure:
            opened.append(None)
            notes.append(f"memory and time to load are not known: {failure}")
            break
    both = (*opened, None)[:2]
    return replace(found, dense_fresh=both[0], compressed_fresh=both[1], notes=tuple(notes))


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


def _timed(runners: tuple[TorchRunner, TorchRunner], dataset: Dataset, plan: CostPlan, end: float) -> Cost:
    """Latency at batch 1 in half of the time to the end, then each batch size in its share of what is left.

    A batch size that the data do not fill, or that time or memory does not suffice for, ends the ladder.
    """
    loaded = runners[0].loaded
    rng, level = np.random.default_rng(loaded.suite.seed), loaded.suite.gate.confidence
    notes: list[str] = []
    ladder: list[Times] = []
    single = None
    given, fewest = (end - time.perf_counter()) / 2, calls_needed(0.5, level=level)
    try:
        single = in_turn(*_calls(runners, dataset, 1), given, fewest)
        notes += _percentiles_left_out(single, level)
    except TooSlowError as failure:
        notes.append(_too_slow("latency is", failure, plan, (failure.needed - given) / 0.5, fewest))
    for batch, following in zip(plan.batches, range(len(plan.batches), 0, -1), strict=True):
        left_out = f"batches from {batch:,} on are"
        if batch > len(dataset):
            notes.append(f"{left_out} left out: there are {len(dataset):,} examples")
            break
        given = (end - time.perf_counter()) / following
        try:
            refuse_slower(ladder[-1:], given, fewest)
            again = single if batch == 1 else None  # the same calls
            ladder.append(again or in_turn(*_calls(runners, dataset, batch), given, fewest))
        except TooSlowError as failure:
            missing = (failure.needed - given) / 0.5 * len(plan.batches)
            notes.append(_too_slow(left_out, failure, plan, missing, fewest))
            break
        except (RuntimeError, MemoryError) as failure:
            if not out_of_memory(failure):
                raise
            notes.append(f"{left_out} left out: memory does not suffice")
            break
    found = list(latency(single, rng, level=level)) if single else []
    for batch, it in zip(plan.batches, ladder, strict=False):  # the ladder may end early
        found += throughput(it, batch, plan, rng, level=level)
    times = [*ladder, *([single] if single else [])]
    return Cost(
        machine=machine(runners),
        deployment=plan.deployment,
        measured=tuple(found),
        rounds=min((len(it.dense) for it in times), default=0),
        calls=single.dense.size if single else 0,
        notes=tuple(notes),
        reason="" if times else "; ".join(notes),
    )


def _percentiles_left_out(times: Times, level: float) -> list[str]:
    """Which percentiles so few calls do not tell."""
    needed = {name: calls_needed(share, level=level) for name, share in LATENCIES.items()}
    return [
        f"{name.replace('_', ' ')} is left out: {times.dense.size:,} calls fitted into the time, and it takes {least:,}"
        for name, least in needed.items()
        if times.dense.size < least
    ]


def _too_slow(what: str, failure: TooSlowError, plan: CostPlan, missing: float, fewest: int) -> str:
    """What does not fit, what one round costs at least, and the seconds of the suite with which it would fit."""
    round_seconds, asked = failure.needed / (2 + fewest), plan.seconds + missing / ROUNDS_SHARE
    return (
        f"{what} left out: one round of both models takes about {round_seconds:.2g} s, "
        f"an interval needs {fewest} rounds, and [cost] gives {plan.seconds:g} seconds for everything, "
        f"where about {math.ceil(asked):,} would do"
    )


def _calls(runners: tuple[TorchRunner, TorchRunner], dataset: Dataset, batch: int) -> tuple[Call, Call]:
    dense, compressed = (rehearsal(runner, example(runner, dataset, batch)) for runner in runners)
    return dense, compressed
