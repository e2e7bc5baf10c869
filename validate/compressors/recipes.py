"""Models made for a sweep: one method at several levels and rounds, and number formats, each kept in a file."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from validate import compressors
from validate.compressors.heads import attentions
from validate.data import Dataset
from validate.errors import ModelError, OutputError, one_line
from validate.runners import Runner
from validate.runners.batches import Tensors
from validate.runners.pytorch import TorchRunner
from validate.runners.rehearsal import example
from validate.suite_sweep import Compressed


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """What a sweep makes of the dense model."""

    method: str | None = None
    levels: tuple[float, ...] = ()  # shares that the method takes away
    rounds: int = 1  # on the way to each level
    schemes: tuple[str, ...] = ()
    group: int = 32  # inputs that share a scale in four bits
    seed: int = 0
    tune: compressors.Tune | None = None


@dataclass(frozen=True, kw_only=True)
class Made:
    """One compressed model in its file."""

    name: str
    file: Path
    program: bool  # a program of torch.export, of other shapes; else a state dict that fits the dense model's factory
    step: Compressed


# (model, share, seed) -> the pruned copy
Prune = Callable[..., nn.Module]
METHODS: Mapping[str, Prune | None] = {
    "magnitude": lambda model, share, _seed, **tuned: compressors.magnitude(model, share, **tuned),
    "layer": lambda model, share, _seed, **tuned: compressors.magnitude(model, share, scope="layer", **tuned),
    "random": lambda model, share, seed, **tuned: compressors.random(model, share, seed=seed, **tuned),
    "heads": lambda model, share, _seed, **tuned: _heads(model, share, **tuned),
    "neurons": None,  # really removed, so that shapes change
}
SCHEMES: Mapping[str, compressors.Scheme] = {
    "int8-dynamic": "int8-dynamic",
    "int8-weights": "int8-weights",
    "int4-weights": "int4-weights",
}


def names(recipe: Recipe) -> tuple[str, ...]:
    """What the models will be called, in the order in which they are made."""
    pruned = [
        _name(recipe, level, at) for level in recipe.levels for at in range(1, recipe.rounds + 1) if recipe.method
    ]
    return (*pruned, *(_scheme_name(recipe, scheme) for scheme in recipe.schemes))


def make(runner: Runner, recipe: Recipe, folder: Path, data: Callable[[], Dataset]) -> Iterator[Made]:
    """Make each model of the recipe and save it below the folder; `data` is read where a method needs examples.

    Raises:
        ModelError: a dense model that is no torch module, or a method that it does not fit.
        OutputError: a folder that cannot be written.
    """
    if not isinstance(runner, TorchRunner):
        raise ModelError("models.dense", "must be a torch module to be compressed here", runner.identity.kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise OutputError(str(folder), f"cannot be made: {failure.strerror or failure}") from failure
    dense = copy.deepcopy(runner.model).cpu().requires_grad_(requires_grad=True)
    removes = recipe.method is not None and METHODS[recipe.method] is None
    few = example(runner, data(), 2) if removes and recipe.levels else None
    for level in recipe.levels if recipe.method else ():
        if few is not None:
            yield from _removed(dense, recipe, level, folder, few)
        else:
            yield from _pruned(dense, recipe, level, folder)
    for scheme in recipe.schemes:
        model = compressors.quantized(dense.eval(), SCHEMES[scheme], group=recipe.group)
        yield _saved(model, folder, _scheme_name(recipe, scheme), Compressed())


def _pruned(dense: nn.Module, recipe: Recipe, level: float, folder: Path) -> Iterator[Made]:
    """Round after round, each from the model of the one before: zeros are the smallest weights of the next."""
    prune, model = METHODS[str(recipe.method)], dense
    assert prune is not None
    for at, share in enumerate(compressors.schedule(level, recipe.rounds), 1):
        model = prune(model, share, recipe.seed, tune=_tuned(recipe, at))
        yield _saved(model, folder, _name(recipe, level, at), _step(recipe, level, at))


def _removed(dense: nn.Module, recipe: Recipe, level: float, folder: Path, inputs: Tensors) -> Iterator[Made]:
    """Neurons go, so each round's model is kept as a program."""
    if not isinstance(inputs, torch.Tensor):
        raise ModelError("removing neurons", "takes models with one tensor as input")
    kept: list[Made] = []

    def keep(model: nn.Module, at: int) -> None:
        tune = _tuned(recipe, at)
        if tune is not None:
            tune(model, at)
        name = _name(recipe, level, at)
        file = folder / f"{name}.pt2"
        _export(copy.deepcopy(model).eval(), inputs, file, name)
        kept.append(Made(name=name, file=file, program=True, step=_step(recipe, level, at)))

    compressors.structured(dense, level, inputs, rounds=recipe.rounds, tune=keep)
    yield from kept


def _tuned(recipe: Recipe, at: int) -> compressors.Tune | None:
    """The suite's own training, in training mode, told which round it is."""
    tune = recipe.tune
    if tune is None:
        return None

    def trained(model: nn.Module, _round: int) -> None:
        model.train()
        tune(model, at)
        model.eval()

    return trained


def _heads(model: nn.Module, share: float, *, tune: compressors.Tune | None) -> nn.Module:
    """Heads set to zero, which training leaves at zero."""
    made = compressors.heads(model, share)
    if tune is not None:
        found = [tensor for layer in attentions(made) for tensor in (*layer.rows, layer.columns)]
        zeros = [tensor == 0 for tensor in found]
        tune(made, 1)
        with torch.no_grad():
            for tensor, zero in zip(found, zeros, strict=True):
                tensor[zero] = 0
    return made


def _export(model: nn.Module, example: torch.Tensor, file: Path, name: str) -> None:
    try:
        program = torch.export.export(model, (example,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    except Exception as failure:  # whatever torch cannot trace
        raise ModelError(f"model {name!r}", f"could not be exported: {one_line(failure)}") from failure
    _write(file, lambda place: torch.export.save(program, place))


def _saved(model: nn.Module, folder: Path, name: str, step: Compressed) -> Made:
    file = folder / f"{name}.pt"
    _write(file, lambda place: torch.save(dict(model.state_dict()), place))
    return Made(name=name, file=file, program=False, step=step)


def _write(file: Path, save: Callable[[Path], None]) -> None:
    """Write under a temporary name, then rename."""
    part = file.with_name(f".part-{file.name}")
    try:
        save(part)
        part.replace(file)
    except (OSError, RuntimeError) as failure:  # torch's own writer raises the second where the disk is full
        part.unlink(missing_ok=True)
        raise OutputError(str(file), f"cannot be written: {one_line(failure)}") from failure


def _step(recipe: Recipe, level: float, at: int) -> Compressed:
    return Compressed(series=recipe.method, level=level, round=at if recipe.rounds > 1 else None)


def _name(recipe: Recipe, level: float, at: int) -> str:
    name = f"{recipe.method}-{100 * level:g}"
    return name if at == recipe.rounds else f"{name}-round-{at}"


def _scheme_name(recipe: Recipe, scheme: str) -> str:
    return f"{scheme}-g{recipe.group}" if scheme == "int4-weights" else scheme
