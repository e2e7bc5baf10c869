"""Attacks: every model on inputs that were changed within a bound, to fool itself, the other, or by chance."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.attack_rules import attacked_models
from validate.changes import policy_level
from validate.data import Dataset
from validate.edge_cases.comparison import clustered_change
from validate.edge_cases.generate import candidates_of, code_of, stream
from validate.edge_cases.review import named
from validate.edge_cases.sets import Cell, EdgeCases, assemble
from validate.edge_rules import severity_name
from validate.metrics import Labels
from validate.predictions import PairedPredictions, Predictions, answers, pair, right
from validate.runners import Runner
from validate.stats.results import Interval
from validate.suite import Gate, LoadedSuite
from validate.suite_edge_cases import STEPS, AttackCases, set_name

# (what is asked, who is asked, what about) -> the answers
Ask = Callable[[str, Runner, Dataset], Predictions]

DENSE, COMPRESSED, NOISE = "dense", "compressed", "noise"
BY_DENSE = "and is told by the dense model's inputs alone"


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Both models on the same changed inputs, whoever they were to fool."""

    slice: str  # name of the set, or of one epsilon of it, as in the comparisons of edge cases
    set: str
    epsilon: float
    norm: str  # "linf" | "l2"
    made_on: str  # "dense" | "compressed" | "noise": chance in place of an attack, of the same size
    n: int
    dense: float  # share that is right
    compressed: float
    change: Interval  # compressed - dense


@dataclass(frozen=True, kw_only=True, eq=False)
class Attacked:
    """The suite's attacks and what the dense model answered to them."""

    edge: EdgeCases  # the sets that are attacks
    runner: Runner  # the dense model
    on_dense: Dataset  # inputs that were changed to fool it
    noise: Dataset  # changed by chance
    to_own: Predictions  # its answers to each
    to_noise: Predictions


@dataclass(frozen=True, kw_only=True, eq=False)
class Struck:
    """What the attacks did to one compressed model."""

    sha256: str = ""  # of what decides the attacks' sources
    cells: tuple[Cell, ...] = ()  # under which each model was attacked by itself
    dense: Predictions | None = None  # each model's answers to what was changed to fool itself, or to what else does
    compressed: Predictions | None = None
    transfers: tuple[Transfer, ...] = ()
    spared: str = ""  # which attacks were not made on it, and why


def attack_cells(loaded: LoadedSuite, dataset: Dataset) -> Iterator[Cell]:
    """The cells of all attacks: the sources as they are, which are changed once they are encoded."""
    for i, spec in enumerate(loaded.suite.edge_cases):
        if not isinstance(spec, AttackCases):
            continue
        drawn, count = candidates_of(spec, i, loaded, dataset)
        sources = drawn[:count]

        def make(sources: NDArray[np.intp] = sources) -> pd.DataFrame:
            return dataset.frame.iloc[sources].reset_index(drop=True)

        for severity, epsilon in zip(spec.severity, spec.epsilons, strict=True):
            yield Cell(
                spec=spec,
                severity=severity,
                sources=sources,
                make=make,
                digest=code_of(loaded),
                about=about(spec, epsilon),
            )


def about(spec: AttackCases, epsilon: float) -> str:
    """What is done to the sources, in words."""
    what = "each number of the inputs" if spec.norm == "linf" else "the length of the change of the inputs"
    steps = f", {spec.steps or STEPS} steps" if spec.attack == "pgd" else ""
    return f"{what} by at most {epsilon:g} ({'L∞' if spec.norm == 'linf' else 'L2'}){steps}"


def build_attacks(loaded: LoadedSuite, dataset: Dataset) -> EdgeCases | None:
    """The sources of all attacks; None where the suite has none.

    Raises:
        DataError: a predicate that matches no example.
    """
    return assemble(list(attack_cells(loaded, dataset)), dataset, loaded.suite.gate)


def attack_dense(edge: EdgeCases, loaded: LoadedSuite, dataset: Dataset, runner: Runner, ask: Ask) -> Attacked:
    """The suite's attacks on the dense model, and what it answers.

    Raises:
        ModelError: a model without a gradient, inputs that are not within the bounds.
    """
    on_dense, noise = _changed(edge, loaded, dataset, runner), _changed(edge, loaded, dataset, None)
    return Attacked(
        edge=edge,
        runner=runner,
        on_dense=on_dense,
        noise=noise,
        to_own=ask("dense, attacked", runner, on_dense),
        to_noise=ask("dense, noise", runner, noise),
    )


def attack_compressed(attacked: Attacked, runner: Runner, loaded: LoadedSuite, dataset: Dataset, ask: Ask) -> Struck:
    """The suite's attacks on a compressed model, and what carries over from one model to the other.

    Raises:
        ModelError: a model without a gradient that the suite does not spare.
    """
    name, cells, sha256 = runner.identity.name, attacked.edge.cells, attacked.edge.dataset.sha256
    mine = np.array([name in attacked_models(_spec(cell), loaded.suite) for cell in cells])
    spared = tuple(dict.fromkeys(set_name(cell.spec) for cell, own in zip(cells, mine, strict=True) if not own))
    if not _sees_the_same(runner, attacked.runner):
        return Struck(
            sha256=sha256, spared=_spared(spared, "and not asked: it does not see what [models] inputs makes")
        )
    on_dense = ask(f"{name}, attacks on dense", runner, attacked.on_dense)
    noise = ask(f"{name}, noise", runner, attacked.noise)
    carried = [
        *_carried(DENSE, cells, pair(attacked.on_dense, attacked.to_own, on_dense), loaded.suite.gate),
        *_carried(NOISE, cells, pair(attacked.noise, attacked.to_noise, noise), loaded.suite.gate),
    ]
    own = assemble([cell for cell, also in zip(cells, mine, strict=True) if also], dataset, loaded.suite.gate)
    if own is None:
        return Struck(sha256=sha256, transfers=tuple(carried), spared=_spared(spared, BY_DENSE))
    on_own = _changed(own, loaded, dataset, runner)
    to_own = ask(f"{name}, attacked", runner, on_own)
    dense_to_own = ask(f"dense, attacks on {name}", attacked.runner, on_own)
    carried += _carried(COMPRESSED, own.cells, pair(on_own, dense_to_own, to_own), loaded.suite.gate)
    rows = np.repeat(mine, [len(cell.sources) for cell in cells])
    dense = (attacked.to_own.scores[rows], dense_to_own.scores, attacked.to_noise.scores[rows])
    compressed = (to_own.scores, on_dense.scores[rows], noise.scores[rows])
    return Struck(
        cells=own.cells,
        dense=_fooled(replace(attacked.to_own, ids=own.dataset.ids), dense, own.dataset.labels),
        compressed=_fooled(to_own, compressed, own.dataset.labels),
        sha256=sha256,
        transfers=tuple(carried),
        spared=_spared(spared, BY_DENSE) if spared else "",
    )


def _fooled(own: Predictions, given: Sequence[NDArray[np.float64]], labels: Labels) -> Predictions:
    """A model's answers to the first change of each example that makes it err, of those that it was asked about.

    An attack that its own gradient misleads does not make it look stronger than what fools the other model shows.
    """
    scores = given[0]
    for others in given[1:]:
        holds = answers(replace(own, scores=scores)) == labels
        falls = holds & (answers(replace(own, scores=others)) != labels)
        scores = np.where(falls[:, None], others, scores)
    return replace(own, scores=scores)


@dataclass(frozen=True, kw_only=True, eq=False)
class AttackedExample:
    """One source under one attack on the dense model, as the model sees it."""

    set: str
    epsilon: float
    source: int  # row of the data
    clean: NDArray[np.float64]  # of its inputs, what may be changed; of several tensors the first
    changed: NDArray[np.float64]
    before: str  # the dense model's answer
    after: str


def attacked_examples(loaded: LoadedSuite, dataset: Dataset, shown: int) -> tuple[AttackedExample, ...]:
    """What the suite's attacks make of the first sources of each set, for people to look at.

    Raises:
        DataError, ModelError: as a run would.
    """
    cells = [_few(cell, shown) for cell in attack_cells(loaded, dataset)]
    edge = assemble(cells, dataset, loaded.suite.gate)
    if edge is None:
        return ()
    from validate.answers import answer
    from validate.runners import open_runner
    from validate.runners.batches import encode, listed, open_inputs

    runner = open_runner(loaded.suite.models.dense, name=DENSE, loaded=loaded, classes=dataset.classes)
    found, inputs = _changed(edge, loaded, dataset, runner), open_inputs(loaded)
    seen = []
    for data in (found, edge.dataset):  # attacks first: they refuse inputs that cannot be changed
        tensor = next(it for it in listed(encode(data, inputs, 0, len(data)).tensors) if it.is_floating_point())
        told = [named(dataset, int(code)) for code in answers(answer(runner, data).predictions)]
        seen.append((tensor.double().numpy(), told))
    (changed, after), (clean, before) = seen
    of = [(set_name(cell.spec), _spec(cell).epsilons[cell.severity - 1]) for cell in cells for _ in cell.sources]
    return tuple(
        AttackedExample(
            set=of[i][0],
            epsilon=of[i][1],
            source=int(edge.sources[i]),
            clean=clean[i],
            changed=changed[i],
            before=before[i],
            after=after[i],
        )
        for i in range(len(of))
    )


def _few(cell: Cell, shown: int) -> Cell:
    return replace(cell, sources=cell.sources[:shown], make=lambda: cell.make().iloc[:shown])


def _spared(sets: Sequence[str], why: str) -> str:
    return f"not attacked itself by {', '.join(sets)}, {why}" if sets else f"not attacked, {why}"


def _sees_the_same(runner: Runner, dense: Runner) -> bool:
    """Whether both models see what the suite's `inputs` makes."""
    own, its = (getattr(getattr(one, "inputs", None), "key", None) for one in (runner, dense))
    return own is not None and own == its


def _changed(edge: EdgeCases, loaded: LoadedSuite, dataset: Dataset, runner: Runner | None) -> Dataset:
    """The attacks' rows with inputs that fool this model, or that chance has changed as much."""
    from validate.runners.attacks import Attack, Stretch, attacked_dataset

    stops = np.cumsum([len(cell.sources) for cell in edge.cells]).tolist()
    stretches = []
    for cell, start, stop in zip(edge.cells, [0, *stops], stops, strict=False):
        spec = _spec(cell)
        attack = Attack(
            method=spec.attack,
            norm=spec.norm,
            epsilon=spec.epsilons[cell.severity - 1],
            steps=spec.steps or STEPS,
            bounds=spec.bounds,
        )
        stretches.append(Stretch(start=start, stop=stop, attack=attack))
    names = np.repeat([set_name(cell.spec) for cell in edge.cells], [len(cell.sources) for cell in edge.cells])

    def random(row: int) -> np.random.Generator:
        return stream(loaded.suite.seed, "attack", names[row], dataset.ids[edge.sources[row]])

    return attacked_dataset(edge.dataset, stretches, random, runner)


def _carried(made_on: str, cells: Sequence[Cell], paired: PairedPredictions, gate: Gate) -> Iterator[Transfer]:
    """Both models on the same inputs, cell by cell."""
    dense, compressed = right(paired, "dense"), right(paired, "compressed")
    assert paired.clusters is not None
    start = 0
    for cell in cells:
        rows, spec = slice(start, start + len(cell.sources)), _spec(cell)
        start = rows.stop
        was, is_now = dense[rows], compressed[rows]
        yield Transfer(
            slice=_title(cell),
            set=set_name(spec),
            epsilon=spec.epsilons[cell.severity - 1],
            norm=spec.norm,
            made_on=made_on,
            n=len(was),
            dense=float(was.mean()),
            compressed=float(is_now.mean()),
            change=clustered_change(
                paired.clusters[rows], is_now & ~was, was & ~is_now, np.ones(len(was)), policy_level(gate)
            ),
        )


def _title(cell: Cell) -> str:
    """The name of the cell's slice."""
    name = set_name(cell.spec)
    return name if len(_spec(cell).epsilons) == 1 else severity_name(name, cell.severity)


def _spec(cell: Cell) -> AttackCases:
    assert isinstance(cell.spec, AttackCases)
    return cell.spec
