"""Settings that hold for every test."""

from pathlib import Path

import pytest
from hypothesis import settings

from validate import cli
from validate.places import cache_dir

# no deadline: a first call pays for imports, and shared machines stall
settings.register_profile("paritygate", deadline=None)
settings.load_profile("paritygate")


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_session(tmp_path_factory):
    """Answers are kept for the tests of one session, and never among the user's own; what was fetched is shared."""
    folder = tmp_path_factory.mktemp("cache")
    if cache_dir().is_dir():
        for kept in cache_dir().iterdir():
            if kept.name != "answers":
                (folder / kept.name).symlink_to(kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARITYGATE_CACHE", str(folder))
        yield


@pytest.fixture
def mine(tmp_path, monkeypatch, capsys):
    """Give the folder of a fresh suite, with the folder above it as the current one, and no ledger named outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARITYGATE_LEDGER", raising=False)
    assert cli.main(["init", "mine"]) == 0
    capsys.readouterr()
    return Path("mine")
