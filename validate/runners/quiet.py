"""Imports that talk: what libraries say to the log of themselves while they are read is not for our user's terminal."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

# torchao tells which of its compiled kernels are for other machines, and torch of an old way in which torchao registers
_TALK = ("torchao", "torch.utils._pytree")


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Within it these two report errors only; afterwards they report as before."""
    loggers = [logging.getLogger(name) for name in _TALK]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
