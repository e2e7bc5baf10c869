"""Two real models measured end to end, with a fresh process each; and what cannot be measured says why."""

import re
import time

from torch import nn

from tests.runners.folders import suite_of
from tests.small import small_dataset
from validate.runners import describe, open_runner
from validate.runners.costing import cost
from validate.suite import RecordedModel, TorchModel
from validate.suite_claims import CostPlan

PLAN = CostPlan(seconds=40, batches=(1, 4, 512))
BUILD = "\n\ndef build():\n    return torch.nn.Linear(1, 2)\n"
SLOW = """
import time

class Slow(torch.nn.Linear):
    def forward(self, x):
        time.sleep(0.03 * len(x))
        return super().forward(x)

def build():
    return Slow(1, 2)
"""
SUITE = """
suite = "small"
seed = 7
[data]
path = "t.csv"
label = "y"
classes = ["no", "yes"]
[models]
inputs = "models.py:inputs"
[models.dense]
torch = "models.py:build"
[models.compressed.small]
torch = "models.py:build"
"""


def loaded_in(folder):
    spec = TorchModel(torch="models.py:build")
    loaded = suite_of(folder, spec)
    with (folder / "models.py").open("a") as file:
        file.write(BUILD)
    (folder / "suite.toml").write_text(SUITE)
    return loaded


def test_two_models_are_measured(tmp_path):
    found = cost("small", loaded_in(tmp_path), small_dataset([0, 1] * 10), PLAN)
    assert found.reason == ""
    assert {(it.quantity, it.batch) for it in found.measured} >= {
        ("latency_p99", 1),
        ("throughput", 1),
        ("throughput", 4),
    }
    assert found.notes == ("batches from 512 on are left out: there are 20 examples",)
    for fresh in (found.dense_fresh, found.compressed_fresh):
        assert fresh.load_seconds > 0
        assert fresh.batch == 4
        assert fresh.added_bytes is None or 0 <= fresh.added_bytes <= fresh.peak_bytes


def test_the_seconds_are_kept_and_what_does_not_fit_says_how_many_would_do(tmp_path):
    loaded = loaded_in(tmp_path)
    with (tmp_path / "models.py").open("a") as file:
        file.write(SLOW)
    begun = time.perf_counter()
    found = cost("small", loaded, small_dataset([0, 1] * 10), CostPlan(seconds=1.5, batches=(1, 4, 20)))
    assert time.perf_counter() - begun < 3  # a busy machine is given one second and a half
    assert {(it.quantity, it.batch) for it in found.measured} <= {
        ("latency_p50", 1),
        ("throughput", 1),
        ("cpu_time", 1),
    }
    ladder, memory = found.notes[-2:]
    assert re.match(
        r"batches from \d+ on are left out: one round of both models takes about 0\.\d+ s, an interval", ladder
    )
    assert int(ladder.split("where about ")[1].split(" ")[0]) >= 2
    assert memory.startswith("memory and time to load are not known: model 'dense', in a process of its own: no answer")
    assert (found.dense_fresh, found.compressed_fresh) == (None, None)


def test_where_not_even_latency_fits_nothing_is_measured_and_the_reason_says_so(tmp_path):
    found = cost("small", loaded_in(tmp_path), small_dataset([0, 1] * 10), CostPlan(seconds=1e-6))
    assert found.measured == ()
    assert found.reason.startswith("latency is left out: one round of both models takes about ")


def test_a_batch_that_memory_does_not_suffice_for_ends_the_ladder(tmp_path):
    loaded = loaded_in(tmp_path)
    with (tmp_path / "models.py").open("a") as file:
        file.write(SLOW.replace("time.sleep(0.03 * len(x))", "x = x if len(x) < 8 else torch.empty(2**60)"))
    found = cost("small", loaded, small_dataset([0, 1] * 10), CostPlan(seconds=0.8, batches=(1, 4, 8, 16)))
    assert "batches from 8 on are left out: memory does not suffice" in found.notes
    assert {it.batch for it in found.measured if it.quantity == "throughput"} == {1, 4}


def test_recorded_predictions_are_not_measured(tmp_path):
    loaded = suite_of(tmp_path, RecordedModel(recorded="m.csv"))
    (tmp_path / "m.csv").write_text("id,no,yes\n" + "".join(f"id{i},1,0\n" for i in range(20)))
    data = small_dataset([0, 1] * 10)
    assert "the model itself was not at hand" in cost("small", loaded, data, PLAN).reason
    runner = open_runner(loaded.suite.models.dense, name="dense", loaded=loaded, classes=data.classes)
    assert describe(runner, data).reason == "recorded predictions: the model itself was not at hand"


def test_a_torch_model_is_described(tmp_path):
    loaded, data = loaded_in(tmp_path), small_dataset([0, 1] * 10)
    runner = open_runner(loaded.suite.models.dense, name="dense", loaded=loaded, classes=data.classes)
    found = describe(runner, data)
    assert isinstance(runner.model, nn.Linear)
    assert found.flops == 2 * 1 * 2
    assert [name for name, _ in found.tensors] == ["weight", "bias"]
