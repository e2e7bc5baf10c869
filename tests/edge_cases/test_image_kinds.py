"""Corruptions of images are those of the paper: pixel by pixel where nothing is random, else in their moments.

The oracle is the package imagecorruptions 1.1.2 (with scikit-image 0.26, OpenCV 4.11 and Pillow 13), run once on `IMAGE`:
every fourth pixel of what is not random; of the rest, over 50 to 400 draws, the mean change, its root mean square and
the mean step between neighbours, with their standard errors. Its glass and elastic are not those of the paper's code.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from validate.edge_kinds.image import KINDS
from validate.edge_kinds.kind import NoOptions, Request
from validate.edge_kinds.pixels import closer, plasma
from validate.errors import DataError

ORACLES = Path(__file__).parent
EXACT = np.load(ORACLES / "imagecorruptions.npz")
MOMENTS = json.loads((ORACLES / "imagecorruptions.json").read_text())
GREY = [name for name in KINDS if name != "saturate"]
DIGITS = [  # 32 × 32
    np.array(Image.fromarray((digit * 15).astype(np.uint8)).resize((32, 32), Image.Resampling.BICUBIC))
    for digit in load_digits().images[:60]
]
# Their strengths in the paper do not grow in distance with the severity.
NOT_MONOTONE = {"saturate", "elastic", "glass-blur", "frost"}


def picture() -> np.ndarray:
    y, x = np.mgrid[:64, :64] / 63
    red, green = 0.5 + 0.5 * np.sin(9 * x + 4 * y * y), 0.2 + 0.6 * (x > 0.4) * (y < 0.7)
    blue = 0.9 * x * y + 0.1 * ((x * 8).astype(int) % 2)
    return np.rint(np.clip(np.stack([red, green, blue], 2), 0, 1) * 255).astype(np.uint8)


IMAGE = picture()


def made(name, severity, images, seed=0) -> np.ndarray:
    frame = pd.DataFrame({"image": pd.Series(images, dtype=object)})
    request = Request(columns=("image",), options=NoOptions(), named={}, data=frame)
    make = KINDS[name].make
    assert make is not None
    return np.stack(make(frame.copy(), severity, np.random.default_rng(seed), request)["image"].tolist())


@pytest.mark.parametrize("key", EXACT.files)
def test_what_is_not_random_agrees_with_the_reference_pixel_by_pixel(key):
    name, severity = key.split("/")
    ours = made(name, int(severity), [IMAGE])[0][::4, ::4].astype(float)
    np.testing.assert_allclose(ours, EXACT[key].astype(float), atol=0.6)  # we round, the reference keeps fractions


@pytest.mark.parametrize("key", MOMENTS)
def test_what_is_random_agrees_with_the_reference_in_its_moments(key):
    name, severity = key.split("/")
    draws = made(name, int(severity), [IMAGE] * 100, seed=3).astype(float)
    change = draws - IMAGE
    over = (1, 2, 3)
    own = [change.mean(over), np.sqrt((change**2).mean(over)), np.abs(np.diff(draws, axis=2)).mean(over)]
    for values, mean, error in zip(own, MOMENTS[key]["mean"], MOMENTS[key]["error"], strict=True):
        spread = np.hypot(values.std(ddof=1) / np.sqrt(len(values)), error)
        assert values.mean() == pytest.approx(mean, abs=5 * spread + 0.02 * abs(mean))


@pytest.mark.parametrize("name", KINDS)
def test_shape_type_and_source_are_kept_and_the_seed_decides(name):
    images = [IMAGE[i : i + 40, :50].copy() for i in range(3)] if name == "saturate" else DIGITS[:3]
    before = np.stack(images)
    for severity in (1, 5):
        first, again = made(name, severity, images), made(name, severity, images)
        assert first.dtype == np.uint8
        assert first.shape == before.shape
        assert np.array_equal(first, again)
        assert np.array_equal(before, np.stack(images))
    assert (made(name, 5, images) != before).any()


@pytest.mark.parametrize("name", sorted(set(GREY) - NOT_MONOTONE))
def test_a_higher_severity_is_farther_from_the_source(name):
    far = [np.abs(made(name, s, DIGITS).astype(float) - DIGITS).mean() for s in range(1, 6)]
    assert (np.diff(far) > -0.05 * np.array(far[1:])).all(), far
    assert far[-1] > far[0]


def test_colours_take_part_where_there_are_some():
    grey = np.repeat(IMAGE[:, :, :1], 3, axis=2)
    weak = made("saturate", 2, [IMAGE])[0].astype(int)
    assert (np.ptp(weak, axis=2) <= np.ptp(IMAGE.astype(int), axis=2) + 1).all()
    assert np.array_equal(weak.max(axis=2), IMAGE.max(axis=2))
    assert np.array_equal(made("saturate", 1, [grey])[0], grey)
    with pytest.raises(DataError, match="this kind changes colours, and the images are grey"):
        made("saturate", 1, DIGITS)


def test_moves_are_what_they_say():
    at = np.zeros((33, 33), dtype=np.uint8)
    at[16, 26] = 255  # ten to the right of the middle
    turned = made("rotation", 5, [at] * 2)
    assert {tuple(np.unravel_index(image.argmax(), image.shape)) for image in turned} <= {(9, 23), (23, 23)}
    assert np.array_equal(made("flip", 5, [at])[0], at[:, ::-1])
    row, column = np.unravel_index(made("shift", 3, [at])[0].argmax(), at.shape)
    assert np.hypot(row - 16, column - 26) == pytest.approx(0.12 * 33, abs=0.8)
    assert np.allclose(closer(at[None, :, :, None] / 255, 1.0)[0, :, :, 0], at / 255)


def test_clouds_fill_their_range_and_are_smoother_with_more_decay():
    rough, smooth = (plasma((5, 28, 28), decay, np.random.default_rng(1)) for decay in (1.5, 3))
    assert rough.shape == (5, 28, 28)
    assert rough.min() >= 0
    assert rough.max() <= 1
    assert np.abs(np.diff(smooth)).mean() < np.abs(np.diff(rough)).mean()
