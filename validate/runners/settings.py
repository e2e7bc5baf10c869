"""What every computing runner's answers depend on: the key under which they are kept."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from validate.predictions import ModelIdentity
from validate.suite import LoadedSuite
from validate.suite_folder import surroundings_sha256


def settings(
    identity: ModelIdentity, loaded: LoadedSuite, *, hooks: Sequence[str], packages: Sequence[str], **more: object
) -> Mapping[str, str]:
    """The model by its bytes, hooks and the files they can read, versions, seed, and what else the runner names.

    A factory without weights of its own may read any file of the folder, the other models' weights included.
    """
    models = loaded.suite.models
    return {
        "kind": identity.kind,
        "model": identity.sha256 or "",
        "hooks": " ".join(hooks),
        "files": surroundings_sha256(loaded, hooks, models_too=identity.sha256 is None),
        "outputs": models.outputs,
        "seed": str(loaded.suite.seed),
        "versions": versions("paritygate", "numpy", "pandas", "torch", *packages),
        "machine": f"python {platform.python_version()} {platform.system()} {platform.machine()}",
        **{name: str(value) for name, value in more.items()},
    }


def versions(*packages: str) -> str:
    """Names and versions as one text, such as "torch 2.13.0, numpy 2.4.6"."""
    found = []
    for package in dict.fromkeys(packages):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return ", ".join(found)
