"""What a model bought, in a line and in pictures: every number that was measured is there, and nothing that was not."""

from dataclasses import replace

import pytest

from tests.samples import many, passing
from tests.sweeps import judged
from validate.artifact_profile.cost import Cost, Measured
from validate.report import render
from validate.report.ladder import HEIGHT, WIDTH, ladder
from validate.report.trade import SLOWEST, gained, trade
from validate.stats.results import Interval


def interval(estimate, low, high):
    return Interval(estimate=estimate, low=low, high=high, level=0.95, method="rounds")


def rung(batch, dense, compressed):
    ratio = compressed / dense
    of = [interval(x, 0.9 * x, 1.2 * x) for x in (dense, compressed, ratio)]
    return Measured(quantity="throughput", unit="examples/s", batch=batch, dense=of[0], compressed=of[1], ratio=of[2])


def latency(ratio):
    of = [interval(x, 0.8 * x, 1.1 * x) for x in (0.002, 0.002 * ratio, ratio)]
    return Measured(quantity="latency_p50", unit="s", batch=1, dense=of[0], compressed=of[1], ratio=of[2])


def cost(*measured, deployment=None):
    return Cost(machine="four small cores", deployment=deployment, measured=measured)


RUNGS = (rung(1, 900.0, 1_200.0), rung(8, 7_000.0, 8_000.0), rung(64, 31_000.0, 30_000.0))


def measured_by(record, ratio, *more, **kind):
    return replace(record, run=replace(record.run, cost=cost(latency(ratio), *more, **kind)))


def test_the_ladder_keeps_order_and_stays_inside():
    found = ladder(cost(*RUNGS))
    assert [tick.text for tick in found.batches] == ["1", "8", "64"]
    assert [tick.text for tick in found.levels] == ["1,000", "10,000"]
    dense, compressed = found.lines
    for line in (dense, compressed):
        places = [tuple(map(float, it.split())) for it in line.path[1:].split("L")]
        assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in places)
        assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)  # upwards
        assert line.marks.count("M") == line.whiskers.count("V") == 3
    first, last = ([float(it.split()[1]) for it in line.path[1:].split("L")] for line in (dense, compressed))
    assert [a > b for a, b in zip(first, last, strict=True)] == [True, True, False]  # more is higher
    assert "batch 64: dense 31,000, compressed 30,000" in found.label
    assert dense.example != compressed.example


@pytest.mark.parametrize("found", [None, cost(), cost(RUNGS[0])])
def test_one_batch_size_is_no_ladder(found):
    assert ladder(found) is None


def test_equal_rates_need_no_room():
    flat = replace(RUNGS[0], dense=interval(5, 5, 5), compressed=interval(5, 5, 5))
    assert ladder(cost(flat, replace(flat, batch=2))).lines[0].path == "M14 186L306 186"


def test_the_line_says_size_speed_interval_and_machine():
    timed = measured_by(judged("half", (5, 5), zeros=8), 0.5)
    assert gained(timed).endswith(
        "; latency p50 0.5 times dense (95 % interval 0.4 to 0.55) on four small cores, not the deployment machine"
    )
    there = measured_by(judged("half", (5, 5)), 0.5, deployment="box 3")
    assert gained(there).endswith("on four small cores, deployment machine: box 3")


def test_what_was_not_measured_is_said():
    assert gained(passing()).endswith("latency not measured")
    assert gained(replace(passing(), profile=None)) == "size not known; latency not measured"


def test_models_are_drawn_by_latency_where_all_have_one():
    records = [measured_by(judged("slow", (5, 5)), 40.0), measured_by(judged("fast", (300, 300)), 0.5)]
    found = trade(records)
    assert found.axis.startswith("latency p50")
    slow, fast = found.curves[1].marks
    assert (slow.number, fast.number) == ("1", "2")
    assert slow.x < fast.x  # further right is cheaper
    assert "change of each model by its latency p50. 1, 200.0 % of the dense model’s" in found.curves[1].label
    assert found.curves[1].ticks[0].text == f"{100 * SLOWEST:.0f} %"
    assert trade([records[0], judged("fast", (300, 300))]).axis == "size left of the dense model"


def test_a_single_model_has_a_line_and_no_picture():
    found = trade([measured_by(judged("one", (5, 5)), 0.5)])
    assert len(found.gains) == 1
    assert found.curves == ()


def test_the_page_shows_both_pictures_and_stays_small():
    plain, timed = many(500), measured_by(many(500), 0.5, *RUNGS, deployment="<b>box</b>")
    page = render([timed])
    assert "What it bought" in page
    assert "Examples a second by batch size" in page
    assert "&lt;b&gt;box&lt;/b&gt;" in page
    assert "<b>box</b>" not in page
    assert len(page) - len(render([plain])) < 8_000
    assert len(page.encode()) < 2_000_000
    both = render([measured_by(judged("one", (5, 5)), 0.5), measured_by(judged("two", (300, 300)), 0.7)])
    assert "at most 200 % is drawn" in both
