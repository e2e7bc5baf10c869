"""The report in a real browser: nothing fetched, nothing blocked, nothing wider than a telephone."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import axe_playwright_python
import pytest

from tests import samples
from tests.edge_cases.folder import tiny
from tests.edge_cases.test_sheet import CASES, SETS
from tests.sweeps import example
from tests.test_report import history_page
from validate import cli
from validate.report import render
from validate.report.sweep import render_sweep

pytestmark = pytest.mark.browser


@cache
def sheet() -> str:
    """The sheet of edge cases of a tiny suite, one of them hostile; made when a test first opens it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cases.csv").write_text(CASES)
        tiny(folder, SETS)
        assert cli.main(["edge-cases", name, "--out", str(folder / "sheet.html")]) == 0
        return (folder / "sheet.html").read_text(encoding="utf-8")


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STATUSES = samples.of_every_status()
GUARDED = [replace(c, slice=replace(c.slice, guard=True)) for c in samples.failing().comparisons]
MANY_GUARDED = samples.waived(
    replace(samples.failing(), comparisons=tuple(GUARDED)), samples.waiver("non-inferiority", "label: 50000+.")
)
PAGES = {name: render([record]) for name, record in STATUSES.items()} | {
    "all together": render([replace(record, compressed_name=name) for name, record in STATUSES.items()]),
    "waived among many": render([MANY_GUARDED]),
    "500 slices": render([samples.many(500)]),
    "decided": render([STATUSES["fail"]], [samples.beside(STATUSES["fail"], text=samples.HOSTILE)]),
    "history": history_page(samples.HOSTILE),
    "sweep": render_sweep(example(samples.HOSTILE)),
    "sheet": "",
}

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 320, "height": 800}},
    "print": {},
}
SLOW = [pytest.param(name, look, marks=pytest.mark.slow) for name in PAGES for look in LOOKS]
FAST = [
    ("fail", "light"),
    ("fail", "dark"),
    ("decided", "narrow"),
    ("sweep", "narrow"),
    ("sheet", "narrow"),
    ("history", "dark"),
    ("waived", "light"),
    ("expired", "dark"),
]

# contrast of every visible text against the first background behind it, as WCAG 2.2 counts it
CONTRAST = """() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let worst = 99, where = "";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const pair = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < worst) { worst = ratio; where = walker.currentNode.data.trim().slice(0, 60); }
  }
  return [worst, where];
}"""


# contrast of the strokes of these marks against the page
MARKS = """selector => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number).map(channel)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll(selector)].map(e => {
    const [high, low] = [light(getComputedStyle(e).stroke), paper].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing; in CI the report must be opened in a browser")
        pytest.skip("needs Chromium (Debian package chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens a page and returns it with what it said and asked for."""
    contexts = []

    def open_(name, **options):
        path = tmp_path / "report.html"
        path.write_text(PAGES[name] or sheet(), encoding="utf-8")
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page, said, [url for url in asked if url != path.as_uri()]

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_said_or_asked_for_and_the_style_applies(opened, name):
    page, said, asked = opened(name)
    assert said == []
    assert asked == []
    assert page.locator("meta[http-equiv=Content-Security-Policy]").count() == 1
    assert page.locator("h1").count() == 1
    shown = {
        "sheet": (".sheet", "maxWidth", "1472px"),
        "history": (".trend", "display", "block"),
        "sweep": (".scatter", "display", "flex"),
    }
    selector, key, value = shown.get(name, (".verdict", "borderLeftWidth", "6px"))
    assert page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{key}") == value


def test_the_policy_of_the_page_stops_what_would_be_smuggled_in(opened):
    page, said, asked = opened("pass")
    page.evaluate(
        """() => {
        document.body.insertAdjacentHTML("beforeend", "<p id='p' style='position:fixed'>x</p><img src='https://example.org/x.png'>");
        const script = document.createElement("script"); script.textContent = "window.ran = true"; document.body.append(script);
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None
    assert page.evaluate("getComputedStyle(document.getElementById('p')).position") == "static"
    assert len(said) >= 3
    assert asked == []


@pytest.mark.parametrize(("name", "width"), [*((name, 320) for name in PAGES), ("all together", 768)])
def test_the_page_is_never_wider_than_its_window(opened, name, width):
    page, _, _ = opened(name, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(opened, scheme):
    page, _, _ = opened("all together", color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    worst, where = page.evaluate(CONTRAST)
    assert worst >= 4.5, where


def test_the_keyboard_reaches_the_verdicts_and_the_wide_tables(opened):
    page, _, _ = opened("fail")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    assert page.evaluate("[...document.querySelectorAll('.scroll')].every(e => e.tabIndex === 0)")


def test_print_opens_what_is_closed_and_drops_the_contents(opened):
    page, _, _ = opened("fail")
    row = page.locator("details:not([open]) table tbody tr").first
    assert not row.is_visible()
    page.emulate_media(media="print")
    assert not page.locator(".contents").is_visible()
    assert page.evaluate("document.querySelector('details:not([open]) table').getBoundingClientRect().height") > 50
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4")[:5] == b"%PDF-"


def test_a_dark_window_gets_a_dark_page(opened):
    page, _, _ = opened("pass", color_scheme="dark")
    red, green, blue = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(red, green, blue) < 60


def violations(page) -> list[str]:
    """What axe finds, one line for each rule with the first three places."""
    page.evaluate(AXE)
    found = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", TAGS
    )
    assert len(found["passes"]) > 15  # axe did look
    return [f"{v['id']}: {[n['html'][:160] for n in v['nodes'][:3]]}" for v in found["violations"]]


@pytest.mark.parametrize(("name", "look"), [*FAST, *SLOW])
def test_axe_finds_nothing(opened, name, look):
    page, _, _ = opened(name, **LOOKS[look])
    if look == "print":
        page.emulate_media(media="print")
    page.evaluate(OPEN)
    found = [line for line in violations(page) if not (look == "print" and line.startswith("target-size"))]
    assert found == []  # nobody aims at a target on paper


def test_axe_would_find_something(opened):
    page, _, _ = opened("pass")
    page.evaluate(
        "document.querySelector('table').insertAdjacentHTML('beforebegin', '<img src=\"data:,\"><button></button>')"
    )
    assert {line.partition(":")[0] for line in violations(page)} >= {"image-alt", "button-name"}


def shown(page, table="#m1-rest-caption"):
    """The names of a table's rows that can be seen, from the top."""
    return page.locator(f"table:has({table}) tbody tr:visible th").evaluate_all("all => all.map(e => e.textContent)")


def test_rows_are_sorted_and_filtered_by_keyboard_and_printed_in_full(opened):
    page, said, _ = opened("fail")
    page.evaluate(OPEN)
    table = page.locator("table:has(#m1-rest-caption)")
    before = shown(page)
    head = table.locator("thead th", has_text="n").filter(has=page.locator("button")).nth(2)
    head.locator("button").focus()
    sizes = []
    for wanted in ("ascending", "descending", None):
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == wanted
        cells = table.locator("tbody tr td:nth-child(3)").evaluate_all("all => all.map(e => e.firstChild.data)")
        sizes.append([int(text.replace(",", "")) for text in cells])
    assert sizes[0] == sorted(sizes[0])
    assert sizes[1] == sorted(sizes[0], reverse=True)
    assert shown(page) == before
    tools = page.locator(".tools").filter(
        has=page.locator("xpath=following-sibling::*[1]//caption[@id='m1-rest-caption']")
    )
    tools.locator("[type=search]").press_sequentially("FEMALE")
    assert 0 < len(shown(page)) < len(before)
    assert all("female" in name.lower() for name in shown(page))
    assert tools.locator("output").text_content() == f"{len(shown(page))} of {len(before)} rows"
    tools.locator("[type=checkbox]").press("Space")
    assert shown(page) == []
    page.emulate_media(media="print")
    assert len(shown(page)) == len(before)
    assert not tools.is_visible()
    assert said == []


def test_what_failed_and_is_waived_stays_when_only_what_failed_is_asked_for(opened):
    page, _, _ = opened("waived among many")
    before = shown(page, "#m1-guarded-caption")
    tools = page.locator(".tools").filter(
        has=page.locator("xpath=following-sibling::*[1]//caption[@id='m1-guarded-caption']")
    )
    tools.locator("[type=checkbox]").check()
    assert len(before) > 10
    assert "label: 50000+." in " ".join(shown(page, "#m1-guarded-caption"))
    assert len(shown(page, "#m1-guarded-caption")) < len(before)
    row = page.locator("table:has(#m1-guarded-caption) tbody tr:visible", has_text="label: 50000+.")
    assert row.locator(".badge.waived").text_content() == "FAIL, waived"


@pytest.mark.parametrize("name", ["waived", "expired"])
def test_waivers_are_seen_on_page_one_and_the_link_leads_to_all_of_them(opened, name):
    page, _, _ = opened(name)
    assert (
        page.locator(".verdict .stamp .badge").text_content() == {"waived": "PASS (3 waived)", "expired": "ERROR"}[name]
    )
    link = page.locator(".doubts div", has_text="Waived").first.locator("a")
    link.click()
    heading = page.locator("#m1-waivers")
    assert page.url.endswith("#m1-waivers")
    assert heading.is_visible()
    states = page.locator("section:has(> #m1-waivers) .badge").all_text_contents()
    assert (
        states
        == {
            "waived": ["in force", "in force", "in force", "in force", "not needed"],
            "expired": ["lapsed", "expired", "refused", "in force"],
        }[name]
    )


def test_without_javascript_nothing_is_missing_and_nothing_is_dead(opened):
    page, said, _ = opened("fail", java_script_enabled=False)
    assert page.locator("button, input, .tools, noscript").count() == 0
    with_script, _, _ = opened("fail")
    count = "main tbody tr"
    assert page.locator(count).count() == with_script.locator(count).count() > 50
    assert said == []


def test_targets_are_large_and_focus_is_seen(opened):
    page, _, _ = opened("fail")
    page.evaluate(OPEN)
    small = page.evaluate(
        "[...document.querySelectorAll('button, input, summary, td a, nav a')].filter(e => e.checkVisibility())"
        ".map(e => [e.getBoundingClientRect(), e.outerHTML]).filter(([r]) => r.width < 23.5 || r.height < 23.5)"
        ".map(([r, html]) => html.slice(0, 99))"
    )
    assert small == []
    for selector in ("button.sort", ".tools input", ".scroll", "summary", "td a"):
        page.locator(f"main {selector}").first.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px", selector


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "marks", "least"),
    [("fail", ".scatter .mark, .forest .range, .forest .margin", 30), ("history", "rect[class^='waivers-']", 7)],
)
def test_marks_of_pictures_stand_out(opened, scheme, name, marks, least):
    page, _, _ = opened(name, color_scheme=scheme)
    found = page.evaluate(MARKS, marks)
    assert len(found) > least
    assert min(found) >= 3
