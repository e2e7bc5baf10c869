"""Checks, their outcomes and the verdict; `decide` is pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from validate.outcome import Outcome


class CheckKind(StrEnum):
    INTEGRITY = "integrity"
    POLICY = "policy"
    NON_INFERIORITY = "non-inferiority"
    SCREEN = "screen"
    DISPARITY = "disparity"


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check and why it came out so."""

    id: str  # "non-inferiority: race: Black", "screen", "integrity: contract"
    kind: CheckKind
    slice: str | None  # the slice's name, for checks of one slice
    outcome: Outcome
    reason: str  # one sentence with numbers
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)
    gates: bool = True


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The worst outcome of the gating checks, as words and as an exit code."""

    outcome: Outcome
    exit_code: int  # 0 | 1 | 2 | 3 | 4
    line: str  # "PASS · 9 guarded checks · 112 slices screened · 27 (0.8 % of examples) too small to judge alone, …"
    reasons: tuple[str, ...]  # of the checks that are not PASS, the deciding ones first
