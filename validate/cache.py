"""Answers that were computed before, kept outside the tree by the content of all that they depend on."""

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from validate.places import cache_dir

FORMAT = 1  # of the files, and of what their answers depend on beside their key
LIMIT_BYTES = 4 * 2**30  # of all that is kept: beyond it, what was not used for the longest time goes

_NAME = re.compile(r"(\d+)-(\d+)\.answers")
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What an entry held."""

    pieces: tuple[tuple[int, NDArray[np.float64]], ...]  # first row, and answers (rows, k) from there on
    damaged: int  # pieces that were not what had been written; they are gone


@dataclass(frozen=True, kw_only=True)
class Cache:
    """A folder of entries, one per model and dataset, of bounded size; several runs may share it."""

    folder: Path
    limit: int = LIMIT_BYTES

    def entry(self, key: Mapping[str, str]) -> "Entry":
        """The place for answers that depend on nothing but what the key says."""
        text = json.dumps({"format": FORMAT, **key}, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()
        return Entry(folder=self.folder / name[:2] / name, key=name)

    def prune(self) -> None:
        """Remove what was not used for the longest time, until the rest is within the limit."""
        entries = [(_used(folder), _size(folder), folder) for folder in self.folder.glob("??/*")]
        excess = sum(size for _, size, _ in entries) - self.limit
        for _, size, folder in sorted(entries):
            if excess <= 0:
                return
            shutil.rmtree(folder, ignore_errors=True)  # another run may be at it
            excess -= size


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model's answers to one dataset, in pieces of consecutive examples."""

    folder: Path
    key: str

    def read(self, n: int) -> Kept:
        """All pieces within the first `n` examples that are what was written; the others are removed."""
        pieces, damaged = [], 0
        for path in sorted(self.folder.glob("*.answers")):
            place = _NAME.fullmatch(path.name)
            try:
                content = path.read_bytes()
            except OSError:
                continue  # another run took it away
            start, stop = (int(place[1]), int(place[2])) if place else (0, 0)
            answers = self._opened(content, path.name, stop - start) if stop <= n else None
            if answers is None:
                damaged += 1
                path.unlink(missing_ok=True)
            else:
                pieces.append((start, answers))
        if pieces:
            os.utime(self.folder)  # used today
        return Kept(pieces=tuple(pieces), damaged=damaged)

    def write(self, start: int, answers: NDArray[np.float64]) -> int:
        """Keep the answers (rows, k) from row `start` on, and say how many bytes that took; whole or not at all.

        Raises:
            OSError: no space, or no right to write.
        """
        name = f"{start}-{start + len(answers)}.answers"
        payload = io.BytesIO()
        np.save(payload, _narrowed(answers), allow_pickle=False)
        content = self._digest(name, payload.getvalue()) + payload.getvalue()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".", delete=False) as file:
            try:
                file.write(content)
                file.close()
                Path(file.name).replace(self.folder / name)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        return len(content)

    def _opened(self, content: bytes, name: str, rows: int) -> NDArray[np.float64] | None:
        """The answers, or None where a byte is not what was written, or belongs elsewhere."""
        digest, payload = content[:_DIGEST], content[_DIGEST:]
        if digest != self._digest(name, payload):
            return None
        answers: NDArray[np.float64] = np.load(io.BytesIO(payload), allow_pickle=False).astype(np.float64)
        return answers if answers.ndim == 2 and len(answers) == rows > 0 else None

    def _digest(self, name: str, payload: bytes) -> bytes:
        return hashlib.sha256(f"{self.key}\0{name}\0".encode() + payload).digest()


def open_cache() -> Cache:
    """The answers in the user's cache folder, or in the one that PARITYGATE_CACHE names."""
    return Cache(folder=cache_dir() / "answers")


def _narrowed(answers: NDArray[np.float64]) -> NDArray[np.float64] | NDArray[np.float32]:
    """Half as many bytes where nothing is lost by it: most models answer in float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        half = answers.astype(np.float32)
    return half if np.array_equal(half, answers, equal_nan=True) else answers


def _used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            continue  # another run took it away
    return total
