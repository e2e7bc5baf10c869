"""Many files that change together: a process that is killed leaves the old ones or the new ones, never some of each."""

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath, PurePosixPath

from validate.errors import OutputError

READY = ".paritygate-ready"  # new files, all of them written, on their way to their places
_STAGE = ".paritygate-new-"  # new files of a process that is at work, or was killed
_REMOVED = "removed.json"  # in READY: files that go
_FORGOTTEN = 3600  # seconds after which a killed process's files are cleared away


@contextmanager
def whole(out: Path, folders: Sequence[str], names: Iterable[str]) -> Iterator[Path]:
    """Give a folder to change in place of `out`: what became of it replaces what is there when the block ends well.

    It holds these files of `out`, and all of those in these folders below it. Until the block ends nothing in `out` has
    changed; afterwards `settle` finishes what a killed process could not. Raises OutputError.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        settle(out)
        _clear(out)
        stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=out))
    except OSError as error:
        raise OutputError(str(out), f"cannot be written: {error.strerror or error}") from error
    try:
        given = _given(out, folders, names)
        for name in given:
            _bring(out / name, stage / name)
        yield stage
        _commit(out, stage, given)
        settle(out)
    except OutputError as error:
        raise OutputError(error.place.replace(str(stage), str(out)), error.rule, error.value) from error
    except OSError as error:
        raise OutputError(str(out), f"cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def settle(out: Path) -> None:
    """Bring files to their places where a process was killed while it did. Raises OutputError."""
    ready = out / READY
    if not ready.is_dir():
        return
    try:
        removed = [name for name in json.loads((ready / _REMOVED).read_text(encoding="utf-8")) if _inside(name)]
        for path in sorted(path for path in ready.rglob("*") if path.is_file() and path.name != _REMOVED):
            target = out / path.relative_to(ready)
            target.parent.mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another process settles it too
                path.replace(target)
        for name in removed:
            (out / name).unlink(missing_ok=True)
        done = Path(tempfile.mkdtemp(prefix=_STAGE, dir=out))
        with contextlib.suppress(FileNotFoundError):
            ready.replace(done)
        shutil.rmtree(done, ignore_errors=True)
    except (OSError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged"
        rule = f"what an interrupted command had written cannot be brought to its place: {reason}"
        raise OutputError(str(ready), rule) from error


def interrupted(out: Path) -> bool:
    """Whether a process was killed while it brought new files to their places."""
    return (out / READY).is_dir()


def is_staged(path: PurePath) -> bool:
    """Whether a path in the folder of a run belongs to a process that is at work or was killed: no evidence."""
    return path.parts[0].startswith(_STAGE)


def _given(out: Path, folders: Sequence[str], names: Iterable[str]) -> list[str]:
    found = [name for name in names if (out / name).is_file()]
    for folder in folders:
        there = sorted((out / folder).glob("*"))
        found += [f"{folder}/{path.name}" for path in there if path.is_file() and not path.name.startswith(".")]
    return found


def _bring(source: Path, target: Path) -> None:
    """The same file in the stage: a second name for it where that is possible, which renaming leaves alone."""
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _commit(out: Path, stage: Path, given: Sequence[str]) -> None:
    """From here on the new files count; those that did not change stay where they are."""
    removed = [name for name in given if not (stage / name).is_file()]
    for name in given:
        if (stage / name).is_file() and (out / name).is_file() and (stage / name).samefile(out / name):
            (stage / name).unlink()
    (stage / _REMOVED).write_text(json.dumps(removed), encoding="utf-8")
    settle(out)  # what somebody else wrote at the same time
    stage.replace(out / READY)


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _clear(out: Path) -> None:
    """Clear away what processes left that were killed long ago; one that is at work may be another's."""
    for path in out.glob(f"{_STAGE}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _FORGOTTEN:
                shutil.rmtree(path, ignore_errors=True)
