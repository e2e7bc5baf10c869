"""paritygate: the release gate for compressed models.

A lazy face for users (PEP 562); nothing of the project imports from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from validate.notebook import judge as judge
    from validate.pipeline import run as run
    from validate.suite_file import load_suite as load_suite

_HOMES = {"load_suite": "validate.suite_file", "run": "validate.pipeline", "judge": "validate.notebook"}
__all__ = ["judge", "load_suite", "run"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'validate' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
