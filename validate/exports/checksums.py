"""SHA256SUMS: which bytes a run wrote, in the form that `sha256sum -c` reads."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from validate.errors import OutputError

NAME = "SHA256SUMS"
SIGNATURE = f"{NAME}.dsse.json"  # signs the list, so the list leaves it out
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def envelopes_in(folder: Path) -> tuple[Path, ...]:
    """The signatures that lie in a run's folder and in those of its models."""
    return tuple(path for path in (folder / SIGNATURE, *sorted(folder.glob(f"[!.]*/{SIGNATURE}"))) if path.is_file())


def checksums(folder: Path, names: Iterable[str]) -> bytes:
    """The content of a folder's SHA256SUMS: a line for each of these files below it, in this order."""
    return "".join(f"{_sha256(folder / name)}  {name}\n" for name in names).encode()


def with_file(sums: Mapping[str, str], name: str, content: bytes) -> bytes:
    """The content of SHA256SUMS with this file in its last line; the other lines say what they said."""
    kept = {other: digest for other, digest in sums.items() if other != name}
    kept[name] = hashlib.sha256(content).hexdigest()
    return as_lines(kept)


def as_lines(sums: Mapping[str, str]) -> bytes:
    """The content of SHA256SUMS that says these sums, in this order."""
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode()


def read_checksums(folder: Path) -> Mapping[str, str]:
    """The SHA-256 of each file that a folder's SHA256SUMS names, by its path relative to the folder.

    Raises:
        OutputError: it cannot be read, is empty, or has a line that names no file of this folder.
    """
    path = folder / NAME
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise OutputError(str(path), f"cannot be read: {reason}") from error
    found = {}
    for number, line in enumerate(lines, start=1):
        parts = _LINE.fullmatch(line)
        name = PurePosixPath(parts[2] if parts else "")
        if parts is None or name.is_absolute() or ".." in name.parts:
            rule = "must be a SHA-256, two spaces and the name of a file in this folder"
            raise OutputError(f"{path}: line {number}", rule, line)
        found[parts[2]] = parts[1]
    if not found:
        raise OutputError(str(path), "names no file")
    return found


def broken(folder: Path, sums: Mapping[str, str]) -> tuple[str, ...]:
    """Each file that is not what the sums say, with what is wrong with it; none where all are."""
    return tuple(f"{name}: {wrong}" for name, digest in sums.items() if (wrong := _wrong(folder / name, digest)))


def _wrong(path: Path, digest: str) -> str:
    if not path.is_file():
        return "is missing"
    try:
        return "" if _sha256(path) == digest else f"was changed: its SHA-256 is not the one in {NAME}"
    except OutputError as error:
        return error.rule


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise OutputError(str(path), f"cannot be read: {error.strerror or error}") from error
