"""What lies in a suite's folder and can change its models' answers: hooks, and the files that these can read."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from validate.hooks import hook_files
from validate.suite import CACHED, LoadedSuite, ModelSpec, TorchModel
from validate.suite_edge_cases import PythonCases
from validate.suite_sweep import ABOUT
from validate.tables import file_sha256

OUT = "paritygate-out"  # where runs write, unless told otherwise
ATTEMPTS = "attempts.jsonl"  # the file by which a folder that a run wrote is known


def _models(loaded: LoadedSuite) -> Iterator[ModelSpec]:
    """Every model that the suite names."""
    models = loaded.suite.models
    yield from (models.dense, *models.compressed.values())
    for population in loaded.suite.populations.values():
        yield from (*population.dense, *population.compressed)


def hooks_of(loaded: LoadedSuite) -> tuple[str, ...]:
    """Every hook that the suite names."""
    data, models = loaded.suite.data, loaded.suite.models
    specs = [model.torch for model in _models(loaded) if isinstance(model, TorchModel)]
    specs += [column.python for column in data.columns]
    features = None if loaded.suite.discover is None else loaded.suite.discover.features
    specs += [spec for spec in (data.python, models.inputs, features, loaded.suite.sweep.tune) if spec is not None]
    specs += [spec.python for spec in loaded.suite.edge_cases if isinstance(spec, PythonCases)]
    return tuple(specs)


def files_of(loaded: LoadedSuite) -> Iterator[tuple[str, str]]:
    """What the record lists of the suite's files: those in its folder, and its waivers wherever they lie."""
    yield from files_beside(loaded)
    waivers = loaded.suite.gate.waivers
    if waivers is not None and not (loaded.folder / waivers).resolve().is_relative_to(loaded.folder.resolve()):
        yield waivers, file_sha256(loaded.folder / waivers)


def files_beside(loaded: LoadedSuite, *, models_too: bool = False) -> Iterator[tuple[str, str]]:
    """Files of the suite's folder that hooks can read, such as an encoder's tables: (relative path, sha256), sorted.

    Data and Python files have hashes of their own in the record, and so have the models' files, which come along on
    request; what runs wrote is no part of the suite.
    """
    data = loaded.suite.data
    specs = [[value for key, value in vars(model).items() if key not in ABOUT] for model in _models(loaded)]
    named = [data.path, data.train, OUT, *(() if models_too else itertools.chain(*specs))]
    apart = {loaded.place(name).resolve() for name in named if isinstance(name, str)}
    apart |= {file.resolve().parent for file in loaded.folder.rglob(ATTEMPTS)}
    for path in sorted(loaded.folder.rglob("*")):
        relative = path.relative_to(loaded.folder)
        hidden = any(part.startswith((".", "__")) for part in relative.parts)
        known = {path.resolve(), *path.resolve().parents} & apart
        if path.is_file() and path.suffix != ".py" and not hidden and not known:
            yield relative.as_posix(), file_sha256(path)


def surroundings_sha256(loaded: LoadedSuite, specs: Iterable[str], *, models_too: bool) -> str:
    """One hash of these hooks' source and of the files that they can read.

    The suite file itself, its policy and its prose take no part: changing a margin changes no answer.
    """
    suite = loaded.suite
    prose = {loaded.path.name, suite.data.contract, suite.release.statements, suite.gate.waivers}
    files = [
        (name, digest)
        for name, digest in files_beside(loaded, models_too=models_too)
        if name not in prose and not name.endswith(".md")
    ]
    known = (*hook_files(loaded.folder, specs), *files, *_fetched(loaded.place(CACHED)))
    lines = [f"{name}\0{digest}\n" for name, digest in known]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _fetched(folder: Path) -> Iterator[tuple[str, str]]:
    """What was fetched or built for the suite, by size and time: it is large, and nobody edits it by hand."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            facts = path.stat()
            yield path.relative_to(folder).as_posix(), f"{facts.st_size} {facts.st_mtime_ns}"
