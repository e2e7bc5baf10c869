"""How often one test set was used to gate: an append-only list, so that a reader can weigh the verdict."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from validate.errors import OutputError


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One compressed model that was gated on one test set."""

    data_sha256: str
    artifact_sha256: str
    compressed: str  # the model's name
    date: str  # ISO 8601, UTC


class Attempts(Protocol):
    """Whoever counts attempts."""

    def number(self, attempt: Attempt) -> int:
        """Which attempt on its test set this is, 1 for the first; from now on it counts, however the run ends."""


class Remembered:
    """Counts the attempts that it is told, and this run's: for a folder of evidence, which has one writer."""

    def __init__(self, earlier: Sequence[Attempt] = ()) -> None:
        self._known = list(earlier)

    def number(self, attempt: Attempt) -> int:
        """Which attempt on its test set this is; the same artifact is one attempt."""
        self._known.append(attempt)
        return attempt_number(self._known, attempt.data_sha256, attempt.artifact_sha256)


def read_attempts(path: Path) -> tuple[Attempt, ...]:
    """The attempts in a file of JSON lines, oldest first; none where there is no file yet.

    Raises:
        OutputError: a line that is no attempt: the count would be wrong without it.
    """
    if not path.exists():
        return ()
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(Attempt(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise OutputError(
                f"{path}:{number}", "is no attempt; restore the file, or start a new one", line
            ) from error
    return tuple(found)


def attempt_number(attempts: Sequence[Attempt], data_sha256: str, artifact_sha256: str) -> int:
    """Which attempt on this test set judging this artifact is: 1 for the first; the same artifact is counted once."""
    digests = list(dict.fromkeys(a.artifact_sha256 for a in attempts if a.data_sha256 == data_sha256))
    return digests.index(artifact_sha256) + 1 if artifact_sha256 in digests else len(digests) + 1


def append_attempts(path: Path, attempts: Sequence[Attempt]) -> None:
    """Add attempts that are not in the file yet; it is replaced as a whole, so that it never holds half a line."""
    earlier = read_attempts(path)
    known = {(a.data_sha256, a.artifact_sha256) for a in earlier}
    new = [a for a in attempts if (a.data_sha256, a.artifact_sha256) not in known]
    lines = [json.dumps(asdict(attempt), sort_keys=True) + "\n" for attempt in (*earlier, *new)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".partial").write_text("".join(lines), encoding="utf-8")
        path.with_suffix(".partial").replace(path)
    except OSError as error:
        raise OutputError(str(path), f"cannot be written: {error.strerror or error}") from error
