"""What a ledger tells of waivers over time."""

from dataclasses import replace

from tests import samples
from validate.ledger.entries import ORIGIN, chained, read_slices, run_draft
from validate.ledger.runs import runs
from validate.ledger.trends import Waivers, lines


def line_of(*records):
    """The one line of a ledger that holds these records, each as a run of its own."""
    made, drafts = [], []
    for i, record in enumerate(records, start=1):
        drafts.append(run_draft(replace(record, run=replace(record.run, id=f"run-{i}"))))
        prev = made[-1].sha256 if made else ORIGIN
        made.append(chained(drafts[-1], seq=i, at="2026-03-31T00:00:00+00:00", prev_sha256=prev))
    (line,) = lines(runs(made), lambda seq: read_slices(drafts[seq - 1].slices))
    return line


def test_waivers_burn_down_from_open_over_expired_to_closed():
    waived, expired, clean = samples.all_waived(), samples.expired(), samples.failing()
    nothing = replace(samples.error(), compressed_name="pruned-95")
    found = line_of(clean, waived, expired, nothing, clean)
    assert found.waivers == (
        Waivers(),
        Waivers(open=("W-1", "W-2", "W-3", "W-4")),  # W-5 was never needed
        Waivers(open=("W-4",), expired=("W-1", "W-2", "W-3")),
        Waivers(open=("W-4",), expired=("W-1", "W-2", "W-3")),  # a run that compared nothing knows no better
        Waivers(closed=("W-1", "W-2", "W-3", "W-4")),
    )
    assert found.waivers[2].text == "1 open (W-4), 3 expired (W-1, W-2 and W-3), 0 closed"
    assert [run.body.waived for run in found.runs] == [0, 3, 1, 0, 0]


def test_a_waiver_that_is_needed_again_is_open_again():
    waived = samples.all_waived()
    found = line_of(waived, samples.failing(), waived)
    assert found.waivers[1].closed == ("W-1", "W-2", "W-3", "W-4")
    assert found.waivers[2] == found.waivers[0]
