"""The suite that `init` writes: the shipped starter under a new name."""

import re
import shutil
import tempfile
from pathlib import Path

from validate.errors import OutputError, SuiteError
from validate.places import suites_dir

STARTER = "starter"
_NOT_COPIED = ("build.py", "__pycache__")  # how the starter's invented data was made is of no use to its reader


def create(folder: Path) -> None:
    """Write the starter suite, named after the folder, all of it or nothing.

    Raises SuiteError where the folder holds something already, OutputError where it cannot be written.
    """
    folder = folder.absolute()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise SuiteError("DIR", "must not exist yet, or be an empty folder", str(folder))
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
            copy = Path(scratch) / folder.name
            shutil.copytree(suites_dir() / STARTER, copy, ignore=shutil.ignore_patterns(*_NOT_COPIED))
            _rename(copy / "suite.toml", folder.name)
            if folder.exists():
                folder.rmdir()  # a rename onto an empty folder is refused by some systems
            copy.rename(folder)
    except OSError as error:
        raise OutputError(str(folder), f"cannot be written: {error.strerror or error}") from error


def _rename(file: Path, name: str) -> None:
    named = re.sub(r"[^\w.-]+", "-", name).strip("-") or STARTER
    text = file.read_text(encoding="utf-8").replace(f'suite = "{STARTER}"', f'suite = "{named}"')
    file.write_text(text, encoding="utf-8", newline="\n")
