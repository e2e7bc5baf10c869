import os

import pytest

from validate import places
from validate.errors import SuiteError


def test_a_checkout_wins_over_the_copy_in_the_package():
    root = places.PACKAGE.parent
    assert places.suites_dir() == root / "suites"
    assert places.reports_dir() == root / "reports"


def test_an_installed_package_finds_its_own_copy(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "validate"
    (package / "suites").mkdir(parents=True)
    (tmp_path / "site-packages" / "suites").mkdir()  # somebody else's
    monkeypatch.setattr(places, "PACKAGE", package)
    assert places.suites_dir() == package / "suites"


def test_the_shipped_suites_are_found_by_name():
    assert {"census_income", "starter"} <= set(places.shipped_suites())
    assert places.find_suite("starter") == places.suites_dir() / "starter"


def test_a_path_wins_over_a_name(tmp_path, monkeypatch):
    (tmp_path / "starter").mkdir()
    monkeypatch.chdir(tmp_path)
    assert os.fspath(places.find_suite("starter")) == "starter"


def test_an_unknown_suite_is_told_the_shipped_ones():
    with pytest.raises(SuiteError, match=r"SUITE: must be .*census_income, .*starter.* \(found 'startre'\)"):
        places.find_suite("startre")
