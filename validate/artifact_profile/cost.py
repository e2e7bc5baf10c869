"""What answers cost on one machine: the dense and the compressed model measured in turn, as numbers with intervals."""

from dataclasses import dataclass

from validate.stats.results import Interval


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One quantity of both models, from rounds in which both ran."""

    quantity: str  # "latency_p50", "latency_p95", "latency_p99", "throughput", "cpu_time", "cost"
    unit: str  # "s", "examples/s", "s per 1,000", a currency
    batch: int  # examples in one call
    dense: Interval
    compressed: Interval
    ratio: Interval  # compressed / dense


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """What opening a model and one answer take in a process of its own."""

    load_seconds: float  # median of some openings, files and libraries already in memory
    peak_bytes: int | None  # most memory of the whole process, Python and libraries included; None where not told
    added_bytes: int | None  # of that, above what the process held before it opened the model
    batch: int  # examples in the answer


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a compressed model bought, where it was measured; times differ from run to run."""

    machine: str  # processor, cores, threads, device
    deployment: str | None  # the name of the deployment machine, where the suite says that this is it
    measured: tuple[Measured, ...] = ()
    rounds: int = 0  # in which both models ran, of each quantity
    calls: int = 0  # of each model at batch 1
    dense_fresh: Fresh | None = None
    compressed_fresh: Fresh | None = None
    notes: tuple[str, ...] = ()  # what was left out, and why
    reason: str = ""  # why nothing was measured; empty where it was


def measured(cost: Cost, quantity: str, batch: int | None = None) -> Measured | None:
    """The quantity at this batch size, or at the largest that was measured; None where it was not."""
    found = [it for it in cost.measured if it.quantity == quantity and batch in (None, it.batch)]
    return max(found, key=lambda it: it.batch, default=None)
