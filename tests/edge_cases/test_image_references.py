"""Glass, elastic and frost against references of our own: the published steps, one image and one pixel at a time.

The package that the other kinds are checked by does not do these as the paper's code does, so the steps are written
down here again, with scipy's own interpolation, and are given the same random numbers.
"""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from validate.edge_kinds import corruptions
from validate.edge_kinds.pixels import plasma

RNG = np.random.default_rng(8)
COLOUR = gaussian_filter(RNG.random((2, 24, 31, 3)), (0, 1, 1, 0))
GREY = gaussian_filter(RNG.random((3, 20, 20, 1)), (0, 1, 1, 0))


class Recorded:
    """Random numbers that remember what they gave."""

    def __init__(self) -> None:
        self.rng, self.given = np.random.default_rng(5), []

    def integers(self, *how):
        self.given.append(self.rng.integers(*how))
        return self.given[-1]

    def uniform(self, *how):
        self.given.append(self.rng.uniform(*how))
        return self.given[-1]


def glass(image, how, moves):
    """Smoothed; from the last row and column to the first each pixel swapped with a near one; smoothed again."""
    sigma, reach, _ = how
    image = gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=4)
    for down, across in moves:
        for row in range(image.shape[0] - reach, reach, -1):
            for column in range(image.shape[1] - reach, reach, -1):
                other = row + down[row - 1, column - 1], column + across[row - 1, column - 1]
                one, two = image[row, column].copy(), image[other].copy()
                image[row, column], image[other] = two, one
    return gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=4)


@pytest.mark.parametrize("x", [COLOUR, GREY])
@pytest.mark.parametrize("how", [(0.4, 1, 2), (0.9, 2, 1), (1.5, 4, 2)])
def test_glass_swaps_pixels_as_published(x, how):
    rng = Recorded()
    made = corruptions.glass_blur(x.copy(), how, rng)
    assert len(rng.given) == how[2]
    for i, image in enumerate(x):
        moves = [(each[0, :, :, i], each[1, :, :, i]) for each in rng.given]
        assert all(np.abs(each).max() <= how[1] for pair in moves for each in pair)
        np.testing.assert_allclose(made[i], glass(image.copy(), how, moves), atol=1e-12)


def elastic(image, how, corners_moved, field):
    """An affine map that takes three points to three others; then every pixel moved by a smoothed field."""
    height, width, channels = image.shape
    side = min(height, width)
    alpha, sigma, _ = (each * side for each in how)
    third, middle = side // 3, np.array([height // 2, width // 2])
    before = np.array([middle + third, (middle[0] - third, middle[1] + third), middle - third], dtype=float)
    forward = np.linalg.lstsq(np.c_[before, np.ones(3)], before + corners_moved, rcond=None)[0].T  # (2, 3)
    linear, offset = forward[:, :2], forward[:, 2]
    rows, columns = np.mgrid[:height, :width]
    came = np.linalg.inv(linear) @ (np.stack([rows.ravel(), columns.ravel()]) - offset[:, None])
    skewed = [map_coordinates(image[..., c], came, order=1, mode="mirror") for c in range(channels)]
    move = [alpha * gaussian_filter(each, sigma, mode="reflect", truncate=3) for each in field]
    places = np.stack([(rows + move[0]).ravel(), (columns + move[1]).ravel()])
    bent = [map_coordinates(each.reshape(height, width), places, order=1, mode="reflect") for each in skewed]
    return np.stack([each.reshape(height, width) for each in bent], axis=2)


@pytest.mark.parametrize("x", [COLOUR, GREY])
@pytest.mark.parametrize("how", [(0, 0, 0.08), (0.08, 0.06, 0.06), (2, 0.7, 0.1), (0.12, 0.01, 0.02)])
def test_elastic_skews_and_bends_as_published(x, how):
    rng = Recorded()
    made = corruptions.elastic(x.copy(), how, rng)
    corners, field = rng.given
    side = min(x.shape[1:3])
    assert np.abs(corners).max() <= how[2] * side
    for i, image in enumerate(x):
        np.testing.assert_allclose(made[i], elastic(image, how, corners[i], field[i]), atol=1e-9)


@pytest.mark.parametrize("how", [(1, 0.2), (0.75, 0.45), (0.6, 0.75)])
def test_frost_is_ice_drawn_over_a_darker_image(how):
    """The paper adds a photograph of frost to a weighted image; what is drawn in its place is ridges of clouds."""
    made = corruptions.frost(COLOUR.copy(), how, np.random.default_rng(3))
    clouds = plasma(COLOUR.shape[:3], 1.5, np.random.default_rng(3))
    for i, row, column in np.ndindex(COLOUR.shape[:3]):
        ridge = (1 - abs(2 * clouds[i, row, column] - 1)) ** 2
        ice = np.array([0.85, 0.93, 1.0]) * ridge
        np.testing.assert_allclose(made[i, row, column], how[0] * COLOUR[i, row, column] + how[1] * ice, atol=1e-12)
    black = corruptions.frost(np.zeros_like(COLOUR), how, np.random.default_rng(4))
    assert 0 <= black.min() <= black.max() <= how[1]
    assert black[..., 2].max() > 0.9 * how[1]  # somewhere a ridge, somewhere none: branches, no veil
    assert np.median(black[..., 2]) < 0.7 * how[1]
