"""The report: complete, self-contained, escaped, ordered, and free of words that claim too much."""

import base64
import hashlib
import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests import samples
from tests.goldens import assert_golden, scrub
from tests.sweeps import example
from validate.evidence import EvidenceRecord, read_record, sha256, to_json
from validate.frameworks import frameworks
from validate.gate import CheckKind, CheckResult
from validate.ledger.entries import ORIGIN, chained, decision_draft, read_slices, run_draft
from validate.ledger.runs import attempts, runs
from validate.ledger.trends import lines, set_uses
from validate.outcome import Outcome
from validate.report import render
from validate.report.decision import decision, findings
from validate.report.facts import worst_guarded
from validate.report.forest import forest, scale
from validate.report.history import render_history
from validate.report.model import model_view
from validate.report.scatter import scatter
from validate.report.sweep import render_sweep
from validate.report.tables import score_table, slice_row
from validate.slices import Kind
from validate.stats.results import Interval

STATUSES = samples.of_every_status()
FORBIDDEN = re.compile(
    r"\b(compliant|complian\w*|certif\w+|approved|satisf\w+|safe|safely|fair|fairly|unbiased|robust\w*|"
    r"meets? the requirements?|(RMF|Act) coverage)\b",
    re.IGNORECASE,
)
VOID = {"meta", "link", "img", "br", "hr", "input", "path", "rect", "circle", "use", "polyline"}


class Outline(HTMLParser):
    """What a page is made of, and whether its elements close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[tuple[tuple[str, ...], str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text.append((tuple(self._open), data))

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)

    def visible(self, without=()):
        return " ".join(t for where, t in self.text if not {"style", "script", *without} & set(where))


@pytest.fixture(
    scope="module", params=[*STATUSES, "all together", "decided", "decided by a hostile hand", "history", "sweep"]
)
def page(request):
    if request.param == "sweep":
        return render_sweep(example(samples.HOSTILE))
    if request.param == "history":
        return history_page(samples.HOSTILE)
    if request.param.startswith("decided"):
        text = samples.HOSTILE if "hostile" in request.param else ""
        return render([STATUSES["fail"]], [samples.beside(STATUSES["fail"], text=text)])
    records = list(STATUSES.values()) if request.param == "all together" else [STATUSES[request.param]]
    return render(records)


def history_page(text: str = "") -> str:
    """A ledger of two models, one of them with a run that compared nothing, drawn."""
    found = [
        STATUSES["pass"],
        STATUSES["hostile"],
        STATUSES["fail"],
        *_waivers_over_time(),
        replace(STATUSES["error"], compressed_name="int8"),
    ]
    entries, drafts = [], [run_draft(record) for record in found]
    decision = samples.beside(found[0], text=text).decisions.decisions[0]
    drafts.append(decision_draft(found[0], sha256(found[0]), decision))
    for seq, draft in enumerate(drafts, start=1):
        prev = entries[-1].sha256 if entries else ORIGIN
        entries.append(chained(draft, seq=seq, at="2026-01-01T00:00:00+00:00", prev_sha256=prev))
    known = runs(entries)
    followed = lines(known, lambda seq: read_slices(drafts[seq - 1].slices))
    return render_history(followed, tuple(set_uses(known, attempts(entries))), head=entries[-1], as_of="2026-03-01")


def _waivers_over_time():
    """Five waivers, then one expired, one refused and one lapsed, then one of the five: the rest is closed."""
    last = samples.waived(samples.failing(), samples.waiver("disparity", "group: Black", id="W-4"))
    runs_ = (STATUSES["waived"], STATUSES["expired"], last)
    return [replace(record, run=replace(record.run, id=f"w-{i}")) for i, record in enumerate(runs_)]


def test_one_heading_of_the_first_rank_and_no_rank_skipped(page):
    ranks = [int(tag[1]) for tag, _ in Outline(page).tags if re.fullmatch(r"h[1-6]", tag)]
    assert ranks.count(1) == 1
    assert ranks[0] == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(ranks))


def test_tables_have_captions_and_scoped_headers(page):
    outline = Outline(page)
    assert outline.count("table") == outline.count("caption") > 0
    assert all("scope" in attrs for tag, attrs in outline.tags if tag == "th")


def test_every_link_and_label_leads_somewhere_and_ids_are_unique(page):
    tags = Outline(page).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"] for tag, attrs in tags if tag in {"a", "use"}]
    assert all(link.startswith("#") for link in links)
    wanted = {link[1:] for link in links} | {
        attrs["aria-labelledby"] for _, attrs in tags if "aria-labelledby" in attrs
    }
    assert wanted <= set(ids)


def test_nothing_but_its_own_script_runs_and_nothing_is_fetched(page):
    tags = Outline(page).tags
    assert [attrs for tag, attrs in tags if tag == "script"] in ([], [{}])
    assert not [tag for tag, _ in tags if tag in {"noscript", "iframe", "object", "embed", "img", "form", "base"}]
    assert not [name for _, attrs in tags for name in attrs if name == "style" or name.startswith("on")]
    assert [attrs["href"] for tag, attrs in tags if tag == "link"] == ["data:,"]
    assert not re.search(r"url\(|@import|@font-face", page)


def test_the_policy_of_the_page_admits_its_style_its_script_and_nothing_else(page):
    admitted = ""
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found]
        admitted += "".join(f"{kind} 'sha256-{digest}'; " for digest in digests)
    policy = next(a["content"] for t, a in Outline(page).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == (f"default-src 'none'; {admitted}img-src data:; base-uri 'none'; form-action 'none'")


def test_pictures_have_labels(page):
    for tag, attrs in Outline(page).tags:
        if tag == "svg":
            assert attrs.get("aria-hidden") == "true" or (attrs["role"] == "img" and attrs["aria-label"])


def test_the_page_can_be_written(page):
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", page)
    page.encode()


@pytest.mark.parametrize("name", [name for name in STATUSES if name != "hostile"])
def test_no_word_claims_too_much(name):
    page = render([STATUSES[name]])
    for framework in frameworks():
        assert f">{framework.framework}</h2>" in page
    text = Outline(page).visible(without={"blockquote"})
    assert FORBIDDEN.findall(text) == []
    assert re.findall(r"\d+ ?% of (the )?(rows|subcategories)", text) == []


def test_a_quoted_statement_keeps_its_words_and_its_author():
    page = render([STATUSES["pass"]])
    quote = re.search(r"<blockquote>.*?</blockquote>", page, re.DOTALL).group()
    assert "safe to share" in quote
    assert "A. Lind" in quote
    assert "2026-01-01" in quote


def test_markup_in_names_stays_text():
    page = render([STATUSES["hostile"]])
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert samples.RTL in page


@pytest.mark.parametrize(
    ("name", "word"),
    [("pass", "PASS"), ("fail", "FAIL"), ("inconclusive", "INCONCLUSIVE"), ("error", "ERROR"), ("empty", "ERROR")],
)
def test_the_verdict_stands_in_overview_and_decision(name, word):
    record = STATUSES[name]
    assert record.verdict.outcome == word
    page = render([record])
    assert len(re.findall(rf'class="badge {word.lower()}">.*?</svg>{word}</span>', page)) >= 2
    assert "No decision recorded." in page
    assert f"exit code {record.verdict.exit_code}" in page


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ((), ()),
        (("edge cases",), ("no other set of edge cases",)),
        (("edge cases: fog",), ("each guarded set of edge cases (1 here)",)),
        (("edge cases: fog: must not lose",), ("no case is lost that must not be, in 1 set",)),
        (
            ("edge cases: fog", "edge cases: fog: must not lose", "edge cases"),
            ("each guarded set", "no other set", "no case is lost"),
        ),
    ],
)
def test_the_rule_tells_what_edge_cases_take(ids, told):
    record = STATUSES["pass"]
    found = [
        CheckResult(
            id=one,
            kind=CheckKind.EDGE_CASES,
            slice=None if one == "edge cases" else "fog",
            outcome=Outcome.PASS,
            reason="",
            numbers={},
        )
        for one in ids
    ]
    shown = decision(replace(record, checks=(*record.checks, *found)))
    lines_of_edges = [line for line in shown.rule if "edge cases" in line or "case is lost" in line]
    assert len(lines_of_edges) == len(told)
    assert all(line.startswith(start) for line, start in zip(lines_of_edges, told, strict=True))
    assert ("that of the edge cases" in shown.false_reject) == ("edge cases" in ids)


def test_what_stopped_a_run_is_said_first():
    text = Outline(render([STATUSES["error"]])).visible()
    assert "1 of 2 expectations does not hold" in text
    assert "Nothing was compared" in text
    assert "17 of 40,000 values outside 0 to 120" in text
    assert "No guarded slice was compared." in text


def test_report_only_is_said_at_the_top_and_beside_the_verdict():
    record = STATUSES["fail"]
    text = render([replace(record, run=replace(record.run, report_only=True))])
    assert "Report only: this run did not gate." in text
    assert text.count("did not gate") >= 3


def test_several_models_share_a_page_and_differ_in_their_rows():
    page = render([STATUSES["pass"], STATUSES["fail"]])
    assert "2 compressed models were judged on the same examples" in page
    assert 'id="m1-decision"' in page
    assert 'id="m2-decision"' in page
    cited = re.search(r"of which PASS: (.*?)</li>", page, re.DOTALL).group(1)
    assert re.sub(r"<.*?>", "", cited) == "int8 5 of 5; pruned-95 4 of 5"


def test_a_persons_decision_stands_beside_the_verdict_and_is_not_mixed_with_it():
    record = STATUSES["fail"]
    page = render([record], [samples.beside(record)])
    text = Outline(page).visible()
    assert "no-go, by B. Berg (author) on 2026-03-01; without an end." in text
    assert "expired after 2026-02-01" in text
    assert "Report to the board." in text
    decided = re.search(r"m1-decisions-caption.*?</table>", page, re.DOTALL).group()
    assert re.findall(r"<td>(yes|no)</td></tr>", decided) == ["no", "yes"]
    assert "No decision" not in text
    assert "exit code 1" in text


def test_the_change_since_the_last_signed_run_is_told_with_its_numbers():
    record = STATUSES["fail"]
    page = render([record], [samples.beside(record)])
    text = Outline(page).visible()
    assert "Compared with the last signed run, which ended 2025-11-30 10:00 UTC with the verdict FAIL." in text
    assert "not among the slices" in text
    assert "as far as the ledger remembers" in text
    assert text.count("not comparable") == 1
    assert 'aria-label="Change on all examples and verdict of the earlier runs, oldest first: ' in page


def test_the_history_page_says_what_became_of_a_run():
    text = Outline(history_page()).visible()
    assert "census-income: int8" in text
    assert "conditional, by A. Lind (accountable owner), expired after 2026-02-01" in text
    assert text.count("not among the slices") == 5
    assert "−0.20 (−0.28 to −0.12)" in text
    assert 'run by run, oldest first: −0.20 points, PASS; not there"' in history_page()
    assert "No run had a waiver." in text
    assert "1 open (W-4), 0 expired, 3 closed (W-1, W-2 and W-3)" in text
    assert "4 open, 0 expired, 0 closed; 1 open, 3 expired, 0 closed; 1 open, 0 expired, 3 closed" in history_page()
    assert "PASS (3 waived)" in text
    assert FORBIDDEN.findall(text) == []


def test_findings_are_ordered_by_what_decides():
    found = findings(STATUSES["fail"], "m1")
    assert [f.slice for f in found] == [
        "label: 50000+.",
        "group: Black & sex: Female",
        "group: Black",
        "group: Black",
    ]
    assert [f.evidence for f in found] == ["check 6", "check 9", "check 9", "check 10"]
    assert 'id="m1-check-6"' in render([STATUSES["fail"]])


def test_a_pass_says_what_was_shown_and_not_more():
    (everything, closest) = findings(STATUSES["pass"], "m1")
    assert everything.slice == "all"
    assert everything.claim == "No loss larger than 0.28 points detected (95 % interval)"
    assert closest.slice == worst_guarded(STATUSES["pass"]).slice.name


def test_the_worst_guarded_slice_is_a_failed_one_before_a_wide_one():
    wide = samples.comparison("wide", 30, 0, 3, guard=True)
    failed = samples.comparison("failed", 9_000, 0, 240, guard=True)
    assert wide.outcome is Outcome.INCONCLUSIVE
    assert wide.change.low < failed.change.low
    assert worst_guarded(samples.record("m", [wide, failed])).slice.name == "failed"


def test_rounding_in_a_row_keeps_the_side_of_the_margin():
    found = samples.comparison("s", 5_000, 1, 1)
    near = Interval(estimate=-0.01, low=-0.019999, high=0.001, level=0.95, method="m")
    row = slice_row(replace(found, change=near), scale([found]))
    assert row.interval == "−1.9999 to +0.1000" or row.interval.startswith("−1.9999 ")
    assert row.margin == "2 points"


def test_a_margin_that_is_a_ratio_is_told_as_one():
    found = samples.comparison("s", 5_000, 10, 12)
    ratio = Interval(estimate=1.05, low=0.98, high=1.12, level=0.95, method="hybrid")
    judged = replace(found, slice=replace(found.slice, margin_ratio=1.1), ratio=ratio, outcome=Outcome.INCONCLUSIVE)
    row = slice_row(judged, scale([found]))
    assert row.margin == "errors × 1.1"
    assert "errors, compressed against dense: 1.050 (0.980 to 1.120)" in row.remarks
    assert row.forest.margin is None


def test_described_metrics_stand_in_one_row_per_slice():
    guarded = [c for c in STATUSES["pass"].comparisons if c.slice.guard]
    bare = replace(guarded[0], scores=guarded[0].scores[1:])
    table = score_table([bare, *guarded[1:], replace(bare, scores=())], most=2)
    assert table.metrics == ("false negative rate", "Brier score")
    assert table.more == len(guarded) - 2
    (_, (rate, missing)), (_, (_, brier)) = table.rows
    assert (rate.dense, rate.compressed, rate.change, rate.n) == ("52.00 %", "54.10 %", "−2.10 points", "40,000")
    assert missing is None
    assert (brier.dense, brier.change) == ("0.0712", "−0.0011")


def test_a_picked_slice_shows_the_wider_interval():
    found = samples.comparison("s", 5_000, 1, 200, p_adjusted=1e-9)
    wide = Interval(estimate=-0.04, low=-0.05, high=-0.03, level=0.99, method="m")
    row = slice_row(replace(found, fcr=wide), scale([found]))
    assert "−5.00 to −3.00 allowing for its having been picked" in row.remarks
    assert row.status.word == "FAIL, flagged"


def test_residual_risk_lists_what_is_open_small_or_lost_inside_the_margin():
    open_one = samples.comparison("open", 1_000, 20, 32)
    small = samples.comparison("small & small", 40, 0, 0, kind=Kind.CROSS)
    lost = samples.comparison("lost", 20_000, 0, 60, guard=True)
    named = samples.comparison("race: Eskimo", 31, 0, 0)
    view = model_view(samples.record("m", [open_one, small, lost, named]), "m1", most=10)
    assert {group.title: group.items for group in view.residual} == {
        "Guarded slices that this run could not decide": (),
        "Worse than before, inside the margin": ("lost (n 20,000)",),
        "Worse than the margin by itself, not after adjustment for looking at many": (),
        "Undecided slices without a say, large enough to be judged": ("open (n 1,000)",),
        "Undecided intersections and other slices, too small to be judged": ("small & small (n 40)",),
    }


def test_the_plot_keeps_order_and_shows_what_runs_out_of_it():
    found = samples.comparison("s", 5_000, 10, 20)
    on = scale([found])
    drawn = forest(replace(found.change, low=-0.9), 0.02, on, css="fail")
    assert drawn.arrow_low
    assert not drawn.arrow_high
    assert 0 < drawn.low < drawn.margin < drawn.at < drawn.high < 220
    assert [tick.x for tick in on.ticks] == sorted(tick.x for tick in on.ticks)
    assert forest(replace(found.change, low=float("nan")), 0.02, on, css="") is None
    beyond = forest(replace(found.change, estimate=-0.8, low=-0.9, high=-0.7), 0.02, on, css="fail")
    assert beyond.at is None
    assert beyond.arrow_low


@pytest.mark.parametrize(("slices", "limit"), [(500, 2_000_000), (5_000, 2_000_000)])
def test_the_page_stays_small_and_says_what_it_leaves_out(slices, limit):
    record = samples.many(slices)
    page = render([record])
    assert len(page.encode()) < limit
    assert ("more slices in slices.parquet" in page) == (slices > 600)


def test_every_guarded_flagged_and_blind_slice_is_shown_in_full():
    record = samples.many(5_000)
    special = samples.comparison("the flagged one", 3_000, 0, 300, p_adjusted=1e-12)
    page = render([replace(record, comparisons=(*record.comparisons, special))])
    for name in [c.slice.name for c in record.comparisons if c.slice.guard] + ["the flagged one"]:
        assert f"<bdi>{name}</bdi>" in page
    for spot in record.blind_spots:
        assert f"<bdi>{spot.slice}</bdi>" in page


@pytest.mark.slow
def test_six_models_of_three_thousand_slices_fit_in_one_page():
    names = [f"model-{i}" for i in range(6)]
    record = samples.many(3_000)
    page = render([replace(record, compressed_name=name) for name in names])
    assert len(page.encode()) < 2_000_000
    assert page.count("<bdi>all</bdi>") >= 6


SECTIONS = [
    "overview",
    "m1-decision",
    "m1-doubts",
    "m1-findings",
    "m1-blind",
    "m1-since",
    "m1-models",
    "m1-picture",
    "m1-guarded",
    "m1-screen",
    "m1-disparity",
    "m1-scores",
    "m1-notes",
    "m1-waivers",
    "m1-residual",
    "m1-approvals",
    "m1-checks",
    "scope",
    "data",
    "policy",
    "method",
    "limits",
    "framework-eu-ai-act",
    "framework-nist-ai-rmf",
    "reproduce",
    "glossary",
    "files",
]


@pytest.mark.parametrize("name", STATUSES)
def test_every_section_is_there_in_order_and_says_something(name):
    page = render([STATUSES[name]])
    places = [page.index(f'<h2 id="{it}">' if f'<h2 id="{it}">' in page else f'<h3 id="{it}">') for it in SECTIONS]
    assert places == sorted(places)
    for start, end in itertools.pairwise([*places, len(page)]):
        said = re.sub(
            r"<script>.*?</script>|<.*?>",
            "",
            page[start:end].partition("</h3>" if page[start + 2] == "3" else "</h2>")[2],
            flags=re.DOTALL,
        )
        assert len(said.split()) >= 4


def test_residual_risk_names_what_was_not_measured():
    bare = Outline(render([STATUSES["pass"]])).visible()
    assert bare.count("no edge-case set was declared or reached") == 2
    assert "Any slice:" not in bare
    assert Outline(render([STATUSES["error"]])).visible().count("the run ended before answers were compared") == 2


def test_files_are_listed_with_their_hashes():
    record = STATUSES["pass"]
    alone = render([record])
    assert "<bdi>int8/results.json</bdi>" in alone
    assert sha256(record) in alone.split('id="files-caption"')[1]
    known = replace(samples.beside(record), files={"rows.parquet": "7" * 64})
    assert "7" * 64 in render([record], [known]).split("<bdi>int8/rows.parquet</bdi>")[1]


def test_the_picture_draws_each_outcome_and_counts_what_is_too_small():
    found = [
        samples.comparison("passes", 9_000, 9, 9, dense=0.9),
        samples.comparison("fails", 9_000, 0, 900, dense=0.8),
        samples.comparison("small", 20, 0, 0),
    ]
    drawn = scatter(found)
    assert [(kind.css, kind.n) for kind in drawn.marks] == [("pass", 1), ("fail", 1)]
    assert drawn.small == 1
    assert drawn.marks[0].path == "M308 12h0"  # 90 %: the highest value of all, on both axes
    assert drawn.label.endswith("on 1 the compressed model’s value is lower")
    assert [tick.text for tick in drawn.ticks] == ["70.00 %", "80.00 %", "90.00 %"]
    across, down = drawn.margin[1:].replace("L320 ", "").split(" 320")
    assert float(across) == float(down) == pytest.approx(0.02 / 0.2 * 296, abs=0.1)
    assert scatter(found[:1]) is None
    assert scatter([found[0], found[0]]) is None


def test_no_record_is_no_report():
    with pytest.raises(ValueError, match="at least one record"):
        render([])


def test_rendering_is_a_function_of_the_records():
    assert render([STATUSES["fail"]]) == render([samples.failing()])


@pytest.mark.parametrize("name", STATUSES)
def test_a_record_read_back_gives_the_same_page(name, tmp_path):
    path = tmp_path / "results.json"
    path.write_bytes(to_json(STATUSES[name]))
    assert render([read_record(path)]) == render([STATUSES[name]])


def test_golden():
    record: EvidenceRecord = STATUSES["fail"]
    assert_golden("report.html", scrub(render([record])))


def test_slices_that_nobody_declared_are_listed_with_what_to_paste():
    page = render([STATUSES["fail"]])
    part = page.split("Slices nobody declared")[1].split("</section>")[0]
    for text in ("crop: maize", "1,204", "−5.21 points (−8.00 to −3.10)", "−6.00 points", "p1", "light: dusk"):
        assert text in part
    assert '<pre tabindex="0"><code>[[slices]]  # n = 1,204\nname = &#34;crop: maize&#34;' in part
    assert "Not looked at: <bdi>column &#39;id&#39;: too many values</bdi>" in part
    assert "Nothing here has a say in the verdict" in part
    assert "Slices nobody declared" not in render([STATUSES["pass"]])
    nothing = replace(STATUSES["fail"], discovery=samples.discovery(findings=(), summary="nothing found: 2 candidates"))
    part = render([nothing]).split("Slices nobody declared")[1].split("</section>")[0]
    assert "nothing found: 2 candidates." in part
    assert "<table" not in part
