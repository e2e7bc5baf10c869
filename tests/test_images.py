"""Images come from folders, files, encoded bytes and arrays; those that do not fit are named."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.edge_cases.folder import photos, tiny
from validate.data import load_dataset
from validate.edge_cases.build import build_edge_cases
from validate.errors import DataError, SuiteError
from validate.images import read_images, to_png
from validate.pipeline import run
from validate.report.sheet import edge_sheet
from validate.suite_file import load_suite
from validate.tables import file_sha256, read_table

SUITE = """
suite = "pictures"
seed = 3
[data]
path = "photos"
label = "label"
classes = ["dark", "light"]
id = "file"
image = "image"
[models]
inputs = "models.py:inputs"
[models.dense]
torch = "models.py:build"
[models.compressed.small]
torch = "models.py:rough"
[[edge_cases]]
kind = "gaussian-noise"
severity = [1, 5]
examples = 20
[[edge_cases]]
python = "models.py:darker"
name = "darker"
severity = [2]
examples = 20
"""
MODELS = """
import numpy as np
import torch

def inputs(frame):
    return torch.from_numpy(np.stack(frame["image"].tolist()).mean(axis=(1, 2))[:, None] / 255).float()

class Threshold(torch.nn.Module):
    def __init__(self, at):
        super().__init__()
        self.at = at

    def forward(self, x):
        return torch.cat([self.at - x, x - self.at], dim=1)

def build():
    return Threshold(0.5)

def rough():
    return Threshold(0.55)

def darker(frame, severity, rng):
    frame["image"] = [image // severity for image in frame["image"]]
    return frame

def cropped(frame, severity, rng):
    frame["image"] = [image[1:] for image in frame["image"]]
    return frame
"""
RNG = np.random.default_rng(4)
PICTURE = RNG.integers(0, 256, (6, 9), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    photos(tmp_path)
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "suite.toml").write_text(SUITE)
    return tmp_path


def read(value, folder, **how):
    return read_images(pd.Series([value], dtype=object), folder, "data", **how).iloc[0]


def test_a_folder_of_images_is_a_table_and_runs_as_a_suite(folder):
    data = load_dataset(load_suite(folder))
    assert data.ids[0] == "dark/0.png"
    assert data.labels.tolist() == [0] * 15 + [1] * 15
    assert data.frame["image"].iloc[0].shape == (8, 10)
    (record,) = run(load_suite(folder))
    assert record.edge_cases is not None
    assert [result.slice for result in record.edge_cases.results if result.severity is None] == ["gaussian-noise"]


def test_variants_are_images_of_the_same_size(folder):
    loaded = load_suite(folder)
    edge = build_edge_cases(loaded, load_dataset(loaded))
    assert edge is not None
    rows = edge.dataset.rows(0, 60)
    assert {image.shape for image in rows["image"]} == {(8, 10)}
    assert {image.dtype for image in rows["image"]} == {np.dtype(np.uint8)}
    (folder / "suite.toml").write_text(SUITE.replace("py:darker", "py:cropped"))
    loaded = load_suite(folder)
    edge = build_edge_cases(loaded, load_dataset(loaded))
    with pytest.raises(DataError, match=r"darker.*row 1: must be 10 × 8 grey.*found '10 × 7 grey'"):
        edge.dataset.rows(40, 60)


def test_the_sheet_shows_images(folder):
    loaded = load_suite(folder)
    data = load_dataset(loaded)
    edge = build_edge_cases(loaded, data)
    assert edge is not None
    page = edge_sheet(loaded, data, edge)
    pictures = re.findall(r'<img class="picture" src="data:image/png;base64,([^"]+)" alt="image, 10 × 8">', page)
    assert len(pictures) == 4 * 3 + 4 * 2  # sources with their variants of two sets
    assert page.count(">source</bdi></th>") == 2  # side by side, a row for each source
    first = np.array(Image.open(io.BytesIO(base64.b64decode(pictures[0]))))
    assert any(np.array_equal(first, image) for image in data.frame["image"])


def test_another_image_is_other_data(folder):
    before = file_sha256(folder / "photos"), load_dataset(load_suite(folder)).fingerprint
    Image.fromarray(np.zeros((8, 10), dtype=np.uint8)).save(folder / "photos" / "dark" / "3.png")
    after = file_sha256(folder / "photos"), load_dataset(load_suite(folder)).fingerprint
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_arrays_bytes_and_files_are_the_same_image(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    for value in (PICTURE, to_png(PICTURE), {"bytes": to_png(PICTURE), "path": None}, "a.png"):
        image = read(value, tmp_path)
        assert np.array_equal(image, PICTURE)
        assert not image.flags.writeable


@pytest.mark.parametrize(
    ("mode", "message"), [("RGBA", "mode 'RGBA'"), ("P", "mode 'P'"), ("1", "mode '1'"), ("I;16", "mode 'I;16'")]
)
def test_another_mode_is_refused_by_name(tmp_path, mode, message):
    Image.new(mode, (9, 6)).save(tmp_path / "odd.png")
    with pytest.raises(DataError, match=rf"odd\.png: must be grey or colour of eight bits.*{message}"):
        read("odd.png", tmp_path)


def test_what_is_no_image_is_refused_by_name(tmp_path):
    whole = to_png(RNG.integers(0, 256, (60, 60), dtype=np.uint8))
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no image")
    for name, message in (
        ("cut.png", "could not be read as an image: .*truncated"),
        ("text.png", "could not be read as an image"),
        ("none.png", "there is no such file"),
    ):
        with pytest.raises(DataError, match=rf"data: {name}: {message}"):
            read(name, tmp_path)
    with pytest.raises(DataError, match="row 1: an image is a file's name, its encoded bytes, or an array"):
        read(7, tmp_path)
    with pytest.raises(DataError, match=r"uint8 of shape .*float64"):
        read(PICTURE / 255, tmp_path)


def test_another_size_is_refused(folder):
    Image.new("L", (4, 4)).save(folder / "photos" / "light" / "7.png")
    with pytest.raises(DataError, match=r"light/7\.png: must be 10 × 8 grey, as the first image is .*4 × 4 grey"):
        load_dataset(load_suite(folder))


def test_a_kind_for_images_needs_images(tmp_path):
    with pytest.raises(SuiteError, match=r"is a kind for images: name the column in data\.image"):
        tiny(tmp_path, '[[edge_cases]]\nkind = "fog"\n')


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(DataError, match="or a sub-folder of images for each class"):
        read_table(tmp_path, "photos")
