"""Attacks in the report: both models on inputs that were changed to fool one of them, and what carries over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validate import wording
from validate.edge_cases.attacked import COMPRESSED, DENSE, NOISE, Transfer
from validate.edge_cases.evidence import EdgeEvidence

_MADE_ON = {DENSE: "to fool the dense model", COMPRESSED: "to fool the compressed model", NOISE: "by chance, as much"}


@dataclass(frozen=True, kw_only=True)
class TransferRow:
    """Both models on the same changed inputs."""

    name: str  # the set; "" where the row above has the same
    bound: str  # epsilon and its norm
    made_on: str
    n: str
    dense: str
    compressed: str
    own: str  # which of the two levels is a model's under its own attack: "dense", "compressed" or ""
    change: str


@dataclass(frozen=True, kw_only=True)
class AttackView:
    """What one model's section says of attacks."""

    rows: tuple[TransferRow, ...]
    spared: str  # which attacks were not made on the compressed model, and why
    doubts: tuple[str, ...]  # signs that an attack did not find what it should have


def attack_view(found: EdgeEvidence) -> AttackView | None:
    """The attacks of one model's edge cases; None without any."""
    if not found.transfers and not found.spared:
        return None
    order = {name: i for i, name in enumerate(dict.fromkeys(t.slice for t in found.transfers))}
    ordered = sorted(found.transfers, key=lambda t: (order[t.slice], list(_MADE_ON).index(t.made_on)))
    return AttackView(
        rows=tuple(_row(one, first=i == 0 or ordered[i - 1].slice != one.slice) for i, one in enumerate(ordered)),
        spared=found.spared,
        doubts=tuple(_doubts(ordered)),
    )


def bounds_of(found: EdgeEvidence) -> dict[str, str]:
    """The epsilon of each slice that is an attack, as an axis shows it."""
    return {one.slice: f"{one.epsilon:g}" for one in found.transfers}


def _row(one: Transfer, *, first: bool) -> TransferRow:
    interval = wording.interval(one.change, rate=True)
    return TransferRow(
        name=one.slice if first else "",
        bound=f"{one.epsilon:g} ({'L∞' if one.norm == 'linf' else 'L2'})" if first else "",
        made_on=_MADE_ON[one.made_on],
        n=wording.count(one.n),
        dense=wording.level(one.dense, rate=True),
        compressed=wording.level(one.compressed, rate=True),
        own="" if one.made_on == NOISE else one.made_on,
        change=f"{wording.change(one.change.estimate, rate=True)} ({interval})",
    )


def _doubts(transfers: Sequence[Transfer]) -> Iterator[str]:
    """Where a model errs more on what was not made for it: its own gradient may mislead the attack."""
    told = {(one.slice, one.made_on): {DENSE: one.dense, COMPRESSED: one.compressed} for one in transfers}
    for (name, made_on), right in told.items():
        for other, made in _MADE_ON.items():
            if made_on in {NOISE, other} or (name, other) not in told:
                continue
            weaker, stronger = right[made_on], told[name, other][made_on]
            if stronger < weaker:
                yield (
                    f"{name}: the {made_on} model is right in {wording.percent(weaker, 1)} of what was changed to fool "
                    f"it, and in {wording.percent(stronger, 1)} of what was changed {made}: its gradients "
                    "may mislead the attack, which then makes it look stronger than it is"
                )
