"""Golden files: what a rendering looked like when somebody last looked at it.

`PARITYGATE_GOLDEN=write make test` (or pytest alone) writes them anew; read the difference before committing it.
"""

import os
import re
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def assert_golden(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("PARITYGATE_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} changed; see tests/goldens.py"


def scrub(text: str) -> str:
    """Without what changes though nobody changed the rendering: style and script and their hashes, hashes of whole records."""
    text = re.sub(r"<(style|script)>.*?</\1>", r"<\1>…</\1>", text, flags=re.DOTALL)
    text = re.sub(r"sha256-[\w+/=]{44}", "sha256-…", text)
    return re.sub(r"(SHA-256 |<code>|results\.sha256\" value=\")(?!(.)\2{63})[0-9a-f]{64}", r"\1…", text)
