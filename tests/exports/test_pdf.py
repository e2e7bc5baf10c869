"""The PDF: tagged, titled and whole, written with the sums, and one clear message where nothing can print."""

import io
import stat
import unicodedata

import pikepdf
import pypdf
import pytest

from tests import samples
from validate import cli
from validate.errors import OutputError
from validate.exports import pdf
from validate.exports.checksums import broken, read_checksums
from validate.exports.files import REPORT, write, write_together


def text_of(content):
    """Each page's letters, without spaces (which are a matter of distance) and ligatures."""
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]
    return [bare(page) for page in pages]


def bare(text):
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    write([samples.failing()], [None], out)
    assert cli.main(["report", str(out), "--pdf"]) == 0
    return out


@pytest.mark.browser
def test_tagged_titled_and_in_a_language(printed):
    with pikepdf.open(printed / pdf.NAME) as document:
        assert document.Root.MarkInfo.Marked
        assert str(document.Root.Lang) == "en"
        assert str(document.docinfo["/Title"]) == "Income screening: sign-off report"
        roles = set()
        below = [document.Root.StructTreeRoot]
        while below:
            node = below.pop()
            if isinstance(node, pikepdf.Dictionary):
                roles.add(str(node.get("/S", "")))
                kids = node.get("/K", [])
                below += list(kids) if isinstance(kids, pikepdf.Array) else [kids]
        assert {"/Table", "/TH", "/TD", "/Figure"} <= roles
        assert {"/H1", "/H2", "/H3"} <= roles
        assert document.Root.Outlines.Count != 0


@pytest.mark.browser
def test_it_says_what_the_page_says(printed):
    pages = text_of((printed / pdf.NAME).read_bytes())
    whole = "".join(pages)
    record = samples.failing()
    assert "FAIL" in pages[0]
    for words in (
        "Decision",
        "Top findings",
        "Guarded slices",
        "Disparity",
        "Approvals",
        "Reproduce and verify",
        "Files",
    ):
        assert bare(words) in whole
    for comparison in record.comparisons:  # also of those whose details are closed on the screen
        assert bare(comparison.slice.name) in whole
    assert all(len(page) > 100 for page in pages), "a page is blank"
    assert f"1/{len(pages)}" in pages[0]


@pytest.mark.browser
def test_the_heads_of_tables_that_can_be_sorted_repeat_on_the_next_page(tmp_path):
    write([samples.many(120)], [None], tmp_path)
    write_together([samples.many(120)], tmp_path, pdf=True)
    pages = text_of((tmp_path / pdf.NAME).read_bytes())
    long = [page for page in pages if page.count("&sex:") > 15 and "PASS" in page]
    assert len(long) > 1
    assert all("Outcome" in page for page in long)


@pytest.mark.browser
def test_it_is_in_the_sums_until_the_report_is_made_again(printed, capsys):
    assert pdf.NAME in read_checksums(printed)
    assert broken(printed, read_checksums(printed)) == ()
    write_together([samples.failing()], printed)
    assert not (printed / pdf.NAME).exists()
    assert pdf.NAME not in read_checksums(printed)
    write_together([samples.failing()], printed, pdf=True)


def test_without_a_browser_nothing_is_touched_and_the_message_says_what_to_do(tmp_path, monkeypatch, capsys):
    write([samples.failing()], [None], tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr(pdf, "BROWSERS", ())
    assert cli.main(["report", str(tmp_path), "--pdf"]) == 4
    assert "--pdf: needs Chromium, Chrome or Edge" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert (tmp_path / REPORT).exists()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'no space left' >&2; exit 3", "did not print: no space left"),
        ("exit 0", "did not print: exit code 0"),
        ('for a; do case $a in --print-to-pdf=*) printf "%%PDF-1.4 cut" > "${a#*=}";; esac; done', "did not print"),
        ("sleep 20", "did not print: no answer in 1 seconds"),
    ],
)
def test_a_browser_that_fails_is_no_pdf(tmp_path, monkeypatch, script, said):
    fake = tmp_path / "chromium"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(pdf, "BROWSERS", (str(fake),))
    monkeypatch.setattr(pdf, "SECONDS", 1 if "sleep" in script else 60)
    with pytest.raises(OutputError, match=said):
        pdf.print_pdf(b"<p>x</p>")


def test_a_browser_that_cannot_start_is_no_pdf(tmp_path, monkeypatch):
    fake = tmp_path / "chromium"
    fake.write_text("not a program")
    fake.chmod(0o755)
    monkeypatch.setattr(pdf, "BROWSERS", (str(fake),))
    with pytest.raises(OutputError, match="did not print: Exec format error"):
        pdf.print_pdf(b"")
