"""The tables of the suite file that say what compression is claimed to have bought, and how to measure it."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from validate.suite_words import FolderName, Table, Text

# Quantities of a claim that are measured, as a suite asks for by [cost].
TIMED = ("latency_p50", "latency_p95", "latency_p99", "throughput", "cpu_time", "cost")
Quantity = Literal[
    "bytes",
    "memory",
    "parameters",
    "nonzeros",
    "flops",
    "sparsity",
    "dtype",
    "pattern",
    "latency_p50",
    "latency_p95",
    "latency_p99",
    "throughput",
    "cpu_time",
    "cost",
    "accuracy",
]


@dataclass(frozen=True, kw_only=True)
class Claim(Table):
    """What a compressed model is said to be or to save: checked, and part of the policy."""

    claim: Quantity
    """What it is about: a size, a speed, a format, or the accuracy retained."""
    value: Text | None = None
    """For dtype and pattern: which, such as "int8" or "2:4"."""
    at_most_ratio: Annotated[float, Field(gt=0)] | None = None
    """Compressed divided by dense is at most this: 0.25 says four times smaller."""
    at_least_ratio: Annotated[float, Field(gt=0)] | None = None
    """Compressed divided by dense is at least this: 0.95 of accuracy says 95 % retained."""
    at_most: Annotated[float, Field(ge=0)] | None = None
    """The compressed model's own number is at most this."""
    at_least: Annotated[float, Field(ge=0)] | None = None
    """The compressed model's own number is at least this."""
    batch: Annotated[int, Field(ge=1)] | None = None
    """For throughput, cpu_time and cost: at this batch size; without it, the largest of [cost] batches."""
    models: tuple[FolderName, ...] = ()
    """The compressed models that it is about; without it, all of them."""


@dataclass(frozen=True, kw_only=True)
class CostPlan(Table):
    """How long to measure what answers cost on this machine; without this table, nothing is timed."""

    seconds: Annotated[float, Field(gt=0, le=3600)] = 20.0
    """For each compressed model, all told; what does not fit is left out, and the seconds that it needs are told."""
    batches: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1, max_length=12)] = (1, 8, 64, 512)
    """Examples in one call, increasing."""
    deployment: Text | None = None
    """The name of the machine of deployment, if the run is on it; else the numbers say that they are not of it."""
    price_per_cpu_hour: Annotated[float, Field(gt=0)] | None = None
    """Of one processor core."""
    currency: Text | None = None
    """Of the price, such as "EUR"."""
