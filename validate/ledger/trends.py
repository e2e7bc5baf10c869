"""What a ledger tells over time: verdicts, trends per slice, waivers burnt down, attempts per test set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from validate import wording
from validate.attempts import Attempt, attempt_number
from validate.ledger.entries import SliceSummary
from validate.ledger.runs import Run

MOST_SLICES = 40  # of one model that are followed
MOST_RUNS = 60  # of one model that a trend goes back


@dataclass(frozen=True, kw_only=True)
class SliceTrend:
    """One slice over the runs of its line: None where a run did not have it."""

    name: str
    guard: bool
    values: tuple[SliceSummary | None, ...]


@dataclass(frozen=True, kw_only=True)
class Waivers:
    """Where the waivers of a line stood at one run, by their ids."""

    open: tuple[str, ...] = ()  # in force
    expired: tuple[str, ...] = ()  # or lapsed or refused: still in the file, and without effect
    closed: tuple[str, ...] = ()  # seen before, and gone or not needed any more

    @property
    def text(self) -> str:
        """`1 open (W-2), 0 expired, 2 closed (W-1 and W-3)`."""
        named = ((word, ids, wording.listing(ids, most=9)) for word, ids in vars(self).items())
        return ", ".join(f"{len(ids):,} {word}" + (f" ({names})" if ids else "") for word, ids, names in named)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One compressed model's name in one suite, over time."""

    suite: str
    compressed: str
    runs: tuple[Run, ...]  # oldest first
    recent: tuple[Run, ...]  # the latest of them, which the trends go over
    slices: tuple[SliceTrend, ...]  # guarded ones, and those that once failed or were flagged
    left_out: int  # such slices beyond the most that are followed

    waivers: tuple[Waivers, ...]  # at each of the recent runs


@dataclass(frozen=True, kw_only=True)
class SetUse:
    """How often one test set was used to gate."""

    data_sha256: str
    suites: tuple[str, ...]
    n: int | None
    attempts: int  # different models that were gated on it
    runs: int  # also those that gated the same model again, or did not gate


def lines(found: Sequence[Run], slices: Callable[[int], tuple[SliceSummary, ...]]) -> tuple[Line, ...]:
    """A line for each compressed model of each suite, in the order of their first runs; `slices` gives an entry's."""
    grouped: dict[tuple[str, str], list[Run]] = {}
    for run in found:
        grouped.setdefault((run.body.suite, run.body.compressed), []).append(run)
    made = []
    for (suite, compressed), own in grouped.items():
        recent = own[-MOST_RUNS:]
        known = [{one.name: one for one in slices(run.entry.seq)} for run in recent]
        names = [name for name in dict.fromkeys(n for run in known for n in run) if _followed(name, known)]
        trends = tuple(_trend(name, known) for name in names[:MOST_SLICES])
        made.append(
            Line(
                suite=suite,
                compressed=compressed,
                runs=tuple(own),
                recent=tuple(recent),
                slices=trends,
                left_out=max(0, len(names) - MOST_SLICES),
                waivers=_waivers(own)[-MOST_RUNS:],
            )
        )
    return tuple(made)


def _waivers(found: Sequence[Run]) -> tuple[Waivers, ...]:
    """Where the waivers stood at each run; a run that compared nothing leaves them where they were."""
    made, last, seen = [], Waivers(), dict[str, None]()
    for run in found:
        if run.body.everything is not None:
            held, over = run.body.waivers, run.body.waivers_over
            seen |= dict.fromkeys((*held, *over))
            last = Waivers(open=held, expired=over, closed=tuple(it for it in seen if it not in {*held, *over}))
        made.append(last)
    return tuple(made)


def _followed(name: str, known: Sequence[dict[str, SliceSummary]]) -> bool:
    return any(run[name].guard or run[name].flagged for run in known if name in run)


def _trend(name: str, known: Sequence[dict[str, SliceSummary]]) -> SliceTrend:
    values = tuple(run.get(name) for run in known)
    return SliceTrend(name=name, guard=any(one.guard for one in values if one), values=values)


def set_uses(found: Sequence[Run], counted: Sequence[Attempt]) -> Iterator[SetUse]:
    """Each test set with how often it was used; the same artifact counts once, as it does for a run's own number."""
    for digest in dict.fromkeys(run.body.data_sha256 for run in found if run.body.data_sha256):
        own = [run for run in found if run.body.data_sha256 == digest]
        yield SetUse(
            data_sha256=digest,
            suites=tuple(dict.fromkeys(run.body.suite for run in own)),
            n=own[-1].body.n,
            attempts=attempt_number(counted, digest, "") - 1,  # of a model that nobody judged yet: the next number
            runs=len(own),
        )
