"""Mistakes in [cost] and [[claims]], and a run that is asked what answers cost, through the command line."""

import json

import pytest

from tests.runners.test_costing import loaded_in
from validate import cli

HEAD = """
suite = "small"
seed = 7
[data]
path = "t.csv"
label = "y"
classes = ["no", "yes"]
[models]
outputs = "labels"
[models.dense]
recorded = "dense.csv"
[models.compressed.small]
recorded = "small.csv"
"""
PRICED = '[cost]\nprice_per_cpu_hour = 1.0\ncurrency = "EUR"\n'


def claim(text: str) -> str:
    return f"[[claims]]\n{text}\n"


MISTAKES = {  # what is written, and what is said: place, rule, value
    "no table": ("cost = 5\n", "suite.toml: cost: ", "5"),
    "wrong key": ("[cost]\nsecond = 3\n", "cost.second: unknown key", "seconds"),
    "a type": ('[cost]\nseconds = "3"\n', "cost.seconds: ", "'3'"),
    "no time": ("[cost]\nseconds = 0\n", "cost.seconds: ", "0"),
    "no number": ("[cost]\nseconds = nan\n", "cost.seconds: ", "nan"),
    "more than an hour": ("[cost]\nseconds = 3601\n", "cost.seconds: ", "3601"),
    "no batches": ("[cost]\nbatches = []\n", "cost.batches: ", "[]"),
    "half an example": ("[cost]\nbatches = [1, 1.5]\n", "cost.batches[1]: ", "1.5"),
    "an empty batch": ("[cost]\nbatches = [0]\n", "cost.batches[0]: ", "0"),
    "a ladder that goes down": ("[cost]\nbatches = [8, 1]\n", "cost.batches: batch sizes must increase", "[8, 1]"),
    "thirteen rungs": (f"[cost]\nbatches = {list(range(1, 14))}\n", "cost.batches: ", "12"),
    "a gift": ('[cost]\nprice_per_cpu_hour = 0\ncurrency = "EUR"\n', "cost.price_per_cpu_hour: ", "0"),
    "no currency": ("[cost]\nprice_per_cpu_hour = 1\n", "cost: a price needs a currency", ""),
    "a currency alone": ('[cost]\ncurrency = "EUR"\n', "cost: a price needs a currency", "'EUR'"),
    "an unknown quantity": (claim('claim = "latency"\nat_most = 1'), "claims[0].claim: ", "'latency'"),
    "a claim without a name": (claim("at_most = 1"), "claims[0].claim: ", ""),
    "a wrong bound": (claim('claim = "bytes"\nat_mots = 1'), "claims[0].at_mots: unknown key", "at_most"),
    "a bound in words": (claim('claim = "bytes"\nat_most = "4 MB"'), "claims[0].at_most: ", "'4 MB'"),
    "a percentage as text": (claim('claim = "bytes"\nat_most_ratio = "25 %"'), "claims[0].at_most_ratio: ", "'25 %'"),
    "a negative ratio": (claim('claim = "bytes"\nat_most_ratio = -0.3'), "claims[0].at_most_ratio: ", "-0.3"),
    "per cent for a ratio": (
        claim('claim = "bytes"\nat_most_ratio = 25'),
        "claims[0].at_most_ratio: is a fraction",
        "25",
    ),
    "no bound": (claim('claim = "bytes"'), "claims[0]: exactly one of at_most_ratio", "[]"),
    "two bounds": (claim('claim = "bytes"\nat_most = 1\nat_least = 0'), "claims[0]: exactly one of", "'at_least'"),
    "per cent for a share": (claim('claim = "sparsity"\nat_least = 80'), "claims[0].at_least: is a share", "80"),
    "per cent of a format": (claim('claim = "dtype"\nvalue = "int8"\nat_least = 90'), "claims[0].at_least: is a", "90"),
    "a ratio of shares": (claim('claim = "sparsity"\nat_least_ratio = 2'), "claims[0]: sparsity is a share", "ratio"),
    "a format without one": (claim('claim = "dtype"'), "claims[0]: dtype takes a value", ""),
    "a value too many": (
        claim('claim = "bytes"\nvalue = "int8"\nat_most = 1'),
        "claims[0].value: only dtype",
        "'int8'",
    ),
    "not measured": (
        claim('claim = "latency_p99"\nat_most = 0.1'),
        "claims[0]: latency_p99 is measured only",
        "[cost]",
    ),
    "no price": (
        "[cost]\n" + claim('claim = "cost"\nat_most_ratio = 0.7'),
        "claims[0]: a cost needs price_per",
        "'cost'",
    ),
    "another batch": (
        PRICED + claim('claim = "cost"\nat_most_ratio = 0.7\nbatch = 5'),
        "claims[0].batch: must be one of [cost] batches, [1, 8, 64, 512]",
        "5",
    ),
    "a batch of latency": (
        "[cost]\n" + claim('claim = "latency_p50"\nat_most = 1\nbatch = 8'),
        "claims[0].batch: belongs to throughput",
        "8",
    ),
    "accuracy in points": (claim('claim = "accuracy"\nat_least = 95'), "claims[0]: accuracy, of a class", "at_least"),
    "an unknown model": (
        claim('claim = "bytes"\nat_most = 1\nmodels = ["smal"]'),
        "claims[0].models: must be names of compressed models; did you mean 'small'?",
        "'smal'",
    ),
    "twice": (2 * claim('claim = "bytes"\nat_most = 1'), "claims[1]: this is claimed of 'small' twice", "'bytes'"),
}


@pytest.mark.parametrize(("text", "place", "value"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_is_told_with_its_place_rule_and_value(tmp_path, capsys, text, place, value):
    top, rest = (text, "") if text.startswith("cost =") else ("", text)
    (tmp_path / "suite.toml").write_text(top + HEAD + rest)
    for command in (["check"], ["run", "--out", str(tmp_path / "out")]):
        assert cli.main([command[0], str(tmp_path), *command[1:]]) == 2
        said = capsys.readouterr().err
        assert place in said, said
        assert value in said, said
        assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_a_ratio_that_only_a_per_cent_explains_is_refused(tmp_path, capsys):
    """Nothing retains 95 times the dense accuracy."""
    (tmp_path / "suite.toml").write_text(HEAD + claim('claim = "accuracy"\nat_least_ratio = 95'))
    assert cli.main(["check", str(tmp_path)]) == 2
    assert "claims[0].at_least_ratio: is a share of the dense model's accuracy" in capsys.readouterr().err


def test_cost_is_measured_on_request_where_the_suite_does_not_ask(tmp_path, capsys):
    suite = tmp_path / "suite"
    suite.mkdir()
    loaded_in(suite)
    with (suite / "models.py").open("a") as file:
        file.write('\ndef inputs(frame):\n    return torch.tensor(frame[["x"]].to_numpy(dtype="float32"))\n')
    rows = "".join(f"{i / 10},{'yes' if i % 2 else 'no'}\n" for i in range(400))
    (suite / "t.csv").write_text("x,y\n" + rows)
    out = tmp_path / "out"
    assert cli.main(["run", str(suite), "--no-cache", "--json", "--out", str(out)]) in (0, 1, 3, 4)
    assert json.loads((out / "small" / "results.json").read_text())["run"]["cost"] is None
    cli.main(["run", str(suite), "--cost", "--no-cache", "--json", "--out", str(out)])
    run = json.loads((out / "small" / "results.json").read_text())["run"]
    assert "--cost" in run["command"]
    assert {it["batch"] for it in run["cost"]["measured"] if it["quantity"] == "throughput"} == {1, 8, 64}
    assert run["cost"]["notes"][0] == "batches from 512 on are left out: there are 400 examples"
    assert run["cost"]["deployment"] is None
    capsys.readouterr()
    assert "not the deployment machine" in (out / "report.html").read_text()
