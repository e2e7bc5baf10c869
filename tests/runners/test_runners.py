import subprocess
import sys

import pytest

HEAVY = ("torch", "sklearn", "great_expectations", "statsmodels", "scipy.stats", "matplotlib")


@pytest.mark.parametrize(
    "module", ["hooks", "tables", "data", "contract", "predictions", "runners", "runners.recorded", "metrics"]
)
def test_importing_a_stage_imports_no_framework(module):
    code = f"import sys, validate.{module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
