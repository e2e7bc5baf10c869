"""Opening a model and answering once in a process of its own: how long it takes to load, and how much memory it adds.

Run as a module it is that process: it takes its orders as JSON on stdin and answers with JSON on stdout.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from validate.artifact_profile.cost import Fresh
from validate.errors import ModelError, ParitygateError, one_line
from validate.runners import open_runner
from validate.runners.batches import Tensors, listed
from validate.runners.pytorch import TorchRunner
from validate.runners.rehearsal import rehearsal
from validate.suite import LoadedSuite

OPENINGS = 5  # at most, timed after the first, which also reads files and libraries that were not in memory yet
SHORTEST = 0.5  # seconds below which no process is begun: reading the libraries alone takes longer


def fresh(name: str, loaded: LoadedSuite, classes: tuple[str, ...], tensors: Tensors, seconds: float) -> Fresh:
    """Open the model and answer these examples once, elsewhere; the examples come encoded, so no data are read there.

    Raises:
        ModelError: a process that fails, or does not answer within so many seconds.
    """
    place = f"model {name!r}, in a process of its own"
    late = f"no answer within the {max(seconds, 0):.2g} seconds that [cost] leaves for it"
    if seconds < SHORTEST:
        raise ModelError(place, late)
    with tempfile.TemporaryDirectory(prefix="paritygate-") as folder:
        examples = Path(folder) / "examples.pt"
        torch.save(tensors, examples)
        orders: dict[str, Any] = {"suite": str(loaded.path), "name": name, "classes": classes}
        orders |= {"examples": str(examples), "seconds": seconds / 4}
        try:
            done = subprocess.run(  # our own interpreter and module
                [sys.executable, "-P", "-m", "validate.runners.fresh"],
                input=json.dumps(orders),
                capture_output=True,
                text=True,
                timeout=seconds,
                check=True,
            )
            return Fresh(**json.loads(done.stdout.splitlines()[-1]), batch=len(listed(tensors)[0]))
        except subprocess.TimeoutExpired as failure:
            raise ModelError(place, late) from failure
        except subprocess.CalledProcessError as failure:
            last = failure.stderr.strip().splitlines()[-1:] or ["no message"]
            raise ModelError(place, f"failed: {one_line(last[0])}") from failure
        except (OSError, ValueError, IndexError, TypeError) as failure:
            raise ModelError(place, f"gave no answer: {one_line(failure)}") from failure


def main(orders: dict[str, Any]) -> dict[str, Any]:
    """What the process found out about itself."""
    from validate.suite_file import load_suite

    loaded = load_suite(orders["suite"])
    models, name, classes = loaded.suite.models, orders["name"], tuple(orders["classes"])
    spec = models.dense if name == "dense" else models.compressed[name]
    tensors = torch.load(orders["examples"], weights_only=True)
    before = _status("VmRSS") if _forget_peak() else None
    runner = open_runner(spec, name=name, loaded=loaded, classes=classes)
    assert isinstance(runner, TorchRunner)
    rehearsal(runner, tensors)()
    peak = _status("VmHWM")
    seconds: list[float] = []
    while len(seconds) < OPENINGS and sum(seconds) <= orders["seconds"]:
        begun = time.perf_counter()
        open_runner(spec, name=name, loaded=loaded, classes=classes)
        seconds.append(time.perf_counter() - begun)
    added = None if peak is None or before is None else max(0, peak - before)
    return {"load_seconds": statistics.median(seconds), "peak_bytes": peak, "added_bytes": added}


def _forget_peak() -> bool:
    """Let the most memory that the process ever held count from now on; whether the system allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _status(key: str) -> int | None:
    """Bytes that Linux counts under this key for the process; None on other systems."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:")), None)


if __name__ == "__main__":
    answer = sys.stdout
    sys.stdout = sys.stderr  # what a model prints is no answer
    try:
        print(json.dumps(main(json.load(sys.stdin))), file=answer)
    except ParitygateError as error:
        print(error, file=sys.stderr)
        sys.exit(os.EX_DATAERR)
