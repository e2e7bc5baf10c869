"""What torchao and torch say of themselves while they are imported stays off the terminal, and only that."""

import logging
import subprocess
import sys

IMPORT = """
from validate.runners.quiet import quiet_imports
with quiet_imports():
    from transformers import AutoModelForSequenceClassification, modeling_utils
from validate.compressors import quantized
import torch
quantized(torch.nn.Linear(32, 2), "int8-weights")
import logging
logging.getLogger("torchao").warning("heard")
"""


def test_importing_them_says_nothing_and_what_they_say_later_is_heard():
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    assert done.stderr == "heard\n"
    assert done.stdout == ""


def test_levels_are_as_before():
    from validate.runners.quiet import quiet_imports

    logger = logging.getLogger("torchao")
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        with quiet_imports():
            assert not logger.isEnabledFor(logging.WARNING)
            assert logger.isEnabledFor(logging.ERROR)
        assert logger.level == logging.INFO
    finally:
        logger.setLevel(before)
