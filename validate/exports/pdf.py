"""The report as a tagged PDF, printed by the Chromium of this machine: on paper it says what the page says."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from validate.errors import OutputError

NAME = "report.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
SECONDS = 300  # that printing may take
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",  # it would hold the time and the path on this machine; the page numbers itself
    "--generate-pdf-document-outline",
)


def print_pdf(page: bytes) -> bytes:
    """The report's page as PDF, tagged for readers of screens, with its title, its language and an outline.

    Raises:
        OutputError: there is no Chromium here, or it did not print.
    """
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        rule = (
            "needs Chromium, Chrome or Edge, and none is on the PATH; `apt install chromium`, or print from a browser"
        )
        raise OutputError("--pdf", rule)
    with tempfile.TemporaryDirectory(prefix="paritygate-") as name:
        folder = Path(name)
        (folder / "report.html").write_bytes(page)
        target = folder / NAME
        root = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []  # it refuses to start as root else
        command = [browser, *_OPTIONS, *root, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}"]
        try:
            done = subprocess.run(  # noqa: S603 - a browser by its name on the PATH, on a page of our own
                [*command, (folder / "report.html").as_uri()], capture_output=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OutputError("--pdf", f"{browser} did not print: {_reason(error)}") from error
        content = target.read_bytes() if target.is_file() else b""
    if done.returncode or not content.startswith(b"%PDF-") or not content.rstrip().endswith(b"%%EOF"):
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise OutputError("--pdf", f"{browser} did not print: {last}")
    return content


def _reason(error: OSError | subprocess.TimeoutExpired) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else f"no answer in {SECONDS} seconds"
