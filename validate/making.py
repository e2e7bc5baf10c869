"""Compressed models that a sweep makes itself, from the suite's dense torch module, without writing into the suite."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from validate.data import load_dataset
from validate.errors import ModelError, SuiteError, did_you_mean
from validate.hooks import load_hook, user_code
from validate.progress import Progress
from validate.runners import open_runner
from validate.suite import ExportedModel, LoadedSuite, ModelSpec, TorchModel

FOLDER, TABLES = "models", "models.toml"
MOST_ROUNDS = 100


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asks to be made."""

    method: str | None = None
    levels: str | None = None  # percentages, such as "30,50,70"
    rounds: int | None = None
    schemes: str | None = None
    group: int | None = None

    def __bool__(self) -> bool:
        return any(value is not None for value in vars(self).values())


def made_suite(
    loaded: LoadedSuite, wanted: Wanted, out: Path, progress: Progress
) -> tuple[LoadedSuite, tuple[str, ...]]:
    """The suite with the models that were made beside its own, and their names; files lie below `out`.

    Raises:
        SuiteError: options that do not fit, a dense model that is no torch module, names that the suite has already.
        ModelError: a method that this model does not fit.
    """
    dense = loaded.suite.models.dense
    if not isinstance(dense, TorchModel):
        rule = "must be a torch module (torch = …): only those can be compressed here"
        raise SuiteError(f"{loaded.path.name}: models.dense", rule)
    from validate.compressors import recipes

    methods, schemes = tuple(recipes.METHODS), tuple(recipes.SCHEMES)
    recipe = recipes.Recipe(
        method=None if wanted.method is None else _known("--method", wanted.method, methods),
        levels=_levels(wanted),
        rounds=_rounds(wanted),
        schemes=tuple(_known("--scheme", part, schemes) for part in _parts(wanted.schemes)),
        group=_group(wanted),
        seed=loaded.suite.seed,
        tune=_tune(loaded),
    )
    names = recipes.names(recipe)
    taken = sorted(set(names) & set(loaded.suite.models.compressed))
    if taken:
        raise SuiteError(f"{loaded.path.name}: models.compressed", "has a model of a name that is made here", taken[0])
    specs: dict[str, ModelSpec] = {}
    classes = tuple(map(str, loaded.suite.data.classes))
    runner = open_runner(dense, name="dense", loaded=loaded, classes=classes)
    with progress.stage("compressing", len(names)) as advance:
        for made in recipes.make(runner, recipe, (out / FOLDER).absolute(), lambda: load_dataset(loaded)):
            file = str(made.file)
            spec = ExportedModel(exported=file) if made.program else TorchModel(torch=dense.torch, weights=file)
            step = made.step
            specs[made.name] = replace(spec, series=step.series, level=step.level, round=step.round)
            advance(1)
    models = replace(loaded.suite.models, compressed={**loaded.suite.models.compressed, **specs})
    return replace(loaded, suite=replace(loaded.suite, models=models)), names


def tables(loaded: LoadedSuite, names: Sequence[str]) -> str:
    """The models that were made as tables to paste into the suite file."""
    return "\n".join(line for name in names for line in _table(loaded, name)) + "\n"


def _table(loaded: LoadedSuite, name: str) -> Iterator[str]:
    yield f"[models.compressed.{json.dumps(name, ensure_ascii=False)}]"
    for key, value in vars(loaded.suite.models.compressed[name]).items():
        if value is None:
            continue
        place = os.path.relpath(value, loaded.folder.resolve()) if key in {"weights", "exported"} else value
        yield f"{key} = {json.dumps(place, ensure_ascii=False)}"
    yield ""


def _known(option: str, name: str, known: Sequence[str]) -> str:
    """The name, if it is one of these."""
    if name not in known:
        raise SuiteError(option, f"must be one of {', '.join(known)}{did_you_mean(name, known)}", name)
    return name


def _parts(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(dict.fromkeys(part.strip() for part in text.split(",")))


def _levels(wanted: Wanted) -> tuple[float, ...]:
    """Percentages as shares, the smallest first."""
    if (wanted.method is None) != (wanted.levels is None):
        raise SuiteError("--levels", "belongs to --method, and --method needs it, such as --levels 30,50,70,90")
    found = []
    for part in _parts(wanted.levels):
        try:
            share = round(float(part.removesuffix("%")) / 100, 6)
        except ValueError:
            share = 0.0
        if not 0 < share < 1:
            raise SuiteError("--levels", "must be percentages between 0 and 100, such as 30,50,70,90", part)
        found.append(share)
    return tuple(sorted(set(found)))


def _rounds(wanted: Wanted) -> int:
    if wanted.rounds is not None and (wanted.method is None or not 1 <= wanted.rounds <= MOST_ROUNDS):
        raise SuiteError("--rounds", f"belongs to --method, from 1 to {MOST_ROUNDS}", wanted.rounds)
    return wanted.rounds or 1


def _group(wanted: Wanted) -> int:
    if wanted.group is not None and ("int4-weights" not in _parts(wanted.schemes) or wanted.group < 1):
        raise SuiteError("--group", "belongs to --scheme int4-weights, and is at least 1", wanted.group)
    return 32 if wanted.group is None else wanted.group


def _tune(loaded: LoadedSuite) -> Callable[[Any, int], None] | None:
    """The suite's own training, whose mistakes name their line."""
    spec = loaded.suite.sweep.tune
    if spec is None:
        return None
    place = f"{loaded.path.name}: sweep.tune"
    hook = load_hook(loaded.folder, spec, place)

    def tune(model: Any, at: int) -> None:  # noqa: ANN401 - a torch module, which is not imported here
        with user_code(ModelError, f"{place}, round {at}", loaded.folder):
            hook(model, at)

    return tune
