"""The suite's own Python functions: found only in the suite's folder, and told apart by their hash."""

import ast
import importlib
import importlib.util
import re
import secrets
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from validate.errors import ParitygateError, SuiteError, one_line

_SPEC = re.compile(r"(?P<file>(?:[\w-]+/)*[\w-]+\.py):(?P<function>[A-Za-z_]\w*)", re.ASCII)
_PREFIX = "_paritygate_suite_"


def load_hook(folder: Path, spec: str, place: str) -> Callable[..., Any]:
    """The function that "file.py:function" names, freshly read from the suite's folder.

    The file may import its neighbours in the suite's folder relatively (`from .units import euros`). Nothing is
    cached between calls and no bytecode is read or written: what is hashed is what runs.

    Raises:
        SuiteError: a spec of another form, a file outside the folder, no such file or function, or code that fails.
    """
    path, function = _locate(folder, spec, place)
    package = ModuleType(_PREFIX + secrets.token_hex(8))
    package.__path__ = [str(folder.resolve())]
    name = ".".join([package.__name__, *path.relative_to(folder.resolve()).with_suffix("").parts])
    if _SuiteFinder not in sys.meta_path:
        sys.meta_path.insert(0, _SuiteFinder)
    sys.modules[package.__name__] = package
    with user_code(SuiteError, place, folder):
        module = importlib.import_module(name)
    hook = getattr(module, function, None)
    if not callable(hook):
        raise SuiteError(place, f"{path.name} must define the function {function}", spec)
    return hook  # type: ignore[no-any-return]  # callable() narrows to a callable that returns object


def hook_files(folder: Path, specs: Iterable[str]) -> list[tuple[str, str]]:
    """The Python files that take part, with the neighbours that they import: (relative path, sha256), sorted."""
    root = folder.resolve()
    found: dict[str, str] = {}
    waiting = [_locate(folder, spec, spec)[0] for spec in specs]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name not in found:
            source = path.read_bytes()
            found[name] = sha256(source).hexdigest()
            waiting += _neighbours(path, source, root)
    return sorted(found.items())


@contextmanager
def user_code(error: type[ParitygateError], place: str, folder: Path) -> Iterator[None]:
    """Whatever code of the suite raises becomes `error`, with file, line and message."""
    try:
        yield
    except ParitygateError:
        raise
    except (Exception, SystemExit) as failure:
        raise error(place, describe(failure, folder)) from failure


def describe(failure: BaseException, folder: Path) -> str:
    """An exception in one line: the innermost line of the suite's own code, and the message."""
    message = one_line(f"{type(failure).__name__}: {failure}").rstrip(": ")
    if isinstance(failure, SyntaxError) and failure.filename:
        return f"{Path(failure.filename).name}, line {failure.lineno}: {type(failure).__name__}: {failure.msg}"
    root = folder.resolve()
    for frame in reversed(traceback.extract_tb(failure.__traceback__)):
        if Path(frame.filename).is_relative_to(root):
            return f"{Path(frame.filename).relative_to(root).as_posix()}, line {frame.lineno}: {message}"
    return message


def _locate(folder: Path, spec: str, place: str) -> tuple[Path, str]:
    root = folder.resolve()
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise SuiteError(place, 'must read "file.py:function", a file in the suite\'s own folder', spec)
    path = (root / match["file"]).resolve()
    if not path.is_relative_to(root):
        raise SuiteError(place, "code is read only from the suite's own folder, and this link leads out of it", spec)
    if not path.is_file():
        raise SuiteError(place, f"there is no file {match['file']} in the suite's folder", spec)
    return path, match["function"]


def _neighbours(path: Path, source: bytes, root: Path) -> list[Path]:
    """Files that run when this one is imported: those it imports relatively, and its packages' own."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []  # load_hook says so
    names = [folder for folder in path.parents if folder != root and folder.is_relative_to(root)]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(path.parents):
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            names += [base, *(base / alias.name for alias in node.names)]
    files = [file for name in names for file in (name.with_suffix(".py"), name / "__init__.py")]
    return [file.resolve() for file in files if file.is_file() and file.resolve().is_relative_to(root)]


def _folder(name: str, path: Path) -> ModuleSpec:
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(path)]
    return spec


class _SuiteFinder:
    """Finds the neighbours of a hook file; every name outside our prefix is left to others."""

    @classmethod
    def find_spec(cls, name: str, path: Sequence[str] | None, _target: object = None) -> ModuleSpec | None:
        if not name.startswith(_PREFIX) or not path:
            return None
        root = Path(sys.modules[name.partition(".")[0]].__path__[0])
        base = Path(path[0]) / name.rpartition(".")[2]
        for file, inside in ((base.with_suffix(".py"), None), (base / "__init__.py", [str(base)])):
            if file.is_file() and file.resolve().is_relative_to(root):
                return importlib.util.spec_from_file_location(
                    name, file, loader=_Loader(name, str(file)), submodule_search_locations=inside
                )
        if base.is_dir() and base.resolve().is_relative_to(root):
            return _folder(name, base)
        raise ModuleNotFoundError(f"no {base.name}.py in the suite's folder")  # so that no other finder looks


class _Loader(SourceFileLoader):
    """Compiles what the file says now: neither reads nor writes bytecode."""

    def get_code(self, _name: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)
