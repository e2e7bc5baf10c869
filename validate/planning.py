"""What each slice is, and what it could show, before any model runs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from validate.changes import policy_level
from validate.contract import ContractResult, check_contract
from validate.data import Dataset, load_dataset
from validate.sample_size import POWER, fewest, needed
from validate.slices import Kind, Membership, Slice, build_membership, members
from validate.stats.noninferiority import smallest_passing_margin
from validate.stats.power import nam_power
from validate.suite import Gate, LoadedSuite

CHURN = 0.02  # share of examples that flip, where no earlier run tells


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """One slice as it stands in the data."""

    slice: Slice
    labels: tuple[tuple[str, int], ...]  # examples of each class; empty for a regression
    ids: tuple[str, ...]  # three of its examples
    n_smallest: int  # examples without which it cannot PASS unless it gains
    n_power: int | None  # for 80 % power if nothing changed, at the assumed churn; None for metrics without counts
    power: float | None  # to PASS if nothing changed
    smallest_margin: float | None  # that it could PASS, without a single flip
    suggestion: str  # TOML that would guard it with a margin that it could pass; "" where it is guarded already


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All slices of a suite before any model runs."""

    suite: str
    n: int
    churn: float  # assumed
    rows: tuple[PlanRow, ...]
    power: float | None  # that all guarded slices PASS together if nothing changed, at least
    contract: tuple[ContractResult, ...]
