"""Where the shipped suites and report templates lie, in a checkout or inside the installed package; and the cache."""

import os
from pathlib import Path

from validate.errors import SuiteError

PACKAGE = Path(__file__).resolve().parent


def suites_dir() -> Path:
    """Give the folder that holds the shipped suites, one folder each."""
    return _shipped("suites", PACKAGE)


def reports_dir() -> Path:
    """Give the folder that holds the report's templates, frameworks and schemas."""
    return _shipped("reports", PACKAGE)


def shipped_suites() -> tuple[str, ...]:
    """Name the suites that came with this installation, sorted."""
    return tuple(sorted(file.parent.name for file in suites_dir().glob("*/suite.toml")))


def find_suite(name: str) -> Path:
    """Find a suite by file, by folder, or by the name of a shipped one; a path that exists wins over a name."""
    path = Path(name)
    if path.exists():
        return path
    if name in shipped_suites():
        return suites_dir() / name
    known = ", ".join(shipped_suites()) or "none"
    raise SuiteError("SUITE", f"must be a suite file, a folder with a suite.toml, or a shipped suite ({known})", name)


def in_repository(path: Path) -> str:
    """The file as its repository names it, else as the working directory does, else by its name alone."""
    file = path.resolve()
    root = next((folder for folder in file.parents if (folder / ".git").exists()), Path.cwd().resolve())
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name


def cache_dir() -> Path:
    """The folder for what can be had or made again: PARITYGATE_CACHE, else a folder in the user's cache."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "paritygate"
    return Path(os.environ.get("PARITYGATE_CACHE") or default)


def _shipped(name: str, package: Path) -> Path:
    # An editable install leaves a copy inside the package that ages; a checkout's own folder is the living one.
    # A folder of that name in site-packages belongs to somebody else, hence the look for our pyproject.toml.
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    return package / name
