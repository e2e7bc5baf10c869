import os
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from validate.cache import Cache, open_cache

KEY = {"model": "a", "data": "b"}


@pytest.fixture
def cache(tmp_path):
    return Cache(folder=tmp_path / "cache")


def pieces(entry, n=100):
    return [(start, scores.tolist()) for start, scores in entry.read(n).pieces]


def test_what_was_written_is_read_back(cache):
    entry = cache.entry(KEY)
    entry.write(0, np.array([[1.0, 2.0]]))
    entry.write(1, np.array([[np.nan, 1e300], [-np.inf, 0.1]]))
    read = cache.entry(dict(reversed(KEY.items()))).read(3)
    assert [start for start, _ in read.pieces] == [0, 1]
    np.testing.assert_array_equal(
        np.concatenate([it for _, it in read.pieces]), [[1, 2], [np.nan, 1e300], [-np.inf, 0.1]]
    )
    assert read.damaged == 0


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2)))
def test_no_bit_is_lost(tmp_path_factory, scores):
    entry = Cache(folder=tmp_path_factory.mktemp("cache")).entry(KEY)
    entry.write(0, scores)
    np.testing.assert_array_equal(entry.read(len(scores)).pieces[0][1], scores)


@pytest.mark.parametrize("other", [{"model": "c", "data": "b"}, {"model": "a"}, {"model": "ab", "data": ""}])
def test_another_key_is_another_entry(cache, other):
    cache.entry(KEY).write(0, np.ones((2, 2)))
    assert pieces(cache.entry(other)) == []


@pytest.mark.parametrize("at", [0, 20, 40, 60, -1])
def test_a_flipped_bit_is_found_and_the_piece_removed(cache, at):
    entry = cache.entry(KEY)
    entry.write(0, np.ones((2, 2)))
    entry.write(2, np.zeros((1, 2)))
    path = entry.folder / "0-2.answers"
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    read = entry.read(100)
    assert (read.damaged, [start for start, _ in read.pieces]) == (1, [2])
    assert not path.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes()[:50]),
        lambda path: path.write_bytes(b""),
        lambda path: path.rename(path.with_name("5-7.answers")),
        lambda path: path.rename(path.with_name("x.answers")),
    ],
)
def test_a_piece_that_is_cut_or_in_another_s_place_is_none(cache, change):
    entry = cache.entry(KEY)
    entry.write(0, np.ones((2, 2)))
    change(entry.folder / "0-2.answers")
    assert entry.read(100).damaged == 1
    assert entry.read(100).damaged == 0


def test_a_piece_of_another_entry_is_none(cache):
    one, other = cache.entry(KEY), cache.entry({"model": "z"})
    one.write(0, np.ones((2, 2)))
    other.write(0, np.zeros((2, 2)))
    (one.folder / "0-2.answers").replace(other.folder / "0-2.answers")
    assert other.read(100).damaged == 1


def test_pieces_beyond_the_data_are_none(cache):
    cache.entry(KEY).write(0, np.ones((8, 2)))
    assert cache.entry(KEY).read(7).damaged == 1


def test_the_least_recently_used_goes_first(tmp_path):
    cache = Cache(folder=tmp_path, limit=2000)
    entries = [cache.entry({"model": str(i)}) for i in range(4)]
    for age, entry in enumerate(entries):
        entry.write(0, np.ones((200, 1)))  # 4 bytes each, and a header
        os.utime(entry.folder, (time.time() - 1000 + age,) * 2)
    entries[0].read(200)  # used just now
    cache.prune()
    assert [bool(entry.read(200).pieces) for entry in entries] == [True, False, False, True]


def test_a_write_that_fails_leaves_nothing(cache, monkeypatch):
    entry = cache.entry(KEY)

    def refuse(*_):
        raise OSError("no space")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(OSError, match="no space"):
        entry.write(0, np.ones((2, 2)))
    assert list(entry.folder.iterdir()) == []


def test_where_it_lies(monkeypatch, tmp_path):
    monkeypatch.setenv("PARITYGATE_CACHE", str(tmp_path))
    assert open_cache().folder == tmp_path / "answers"
