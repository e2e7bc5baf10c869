"""What corruptions of images are made of: arrays (n, h, w, c) from 0 to 1, all images of a block at once."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float64]
MATRIX = 64  # pixels of a side up to which a product of matrices for each image is faster than one over all
Border = Literal["nearest", "reflect", "mirror"]  # reflect repeats the outermost pixel, mirror does not

GREY = np.array([0.299, 0.587, 0.114])  # weights of red, green and blue in brightness (ITU-R BT.601)


def luminance(x: Pixels) -> Pixels:
    """(n, h, w, 1) how bright each pixel looks."""
    return x if x.shape[3] == 1 else np.asarray((x * GREY).sum(axis=3, keepdims=True))


def blurred(x: Pixels, sigma: float) -> Pixels:
    """Smoothed by a normal distribution cut off at four standard deviations, with the edge continued outwards."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(x, sigma, mode="nearest", axes=(1, 2)))


def disk(radius: float, softness: float) -> Pixels:
    """A disk of sum one whose edge is smoothed: what a point of light becomes out of focus."""
    from scipy.ndimage import gaussian_filter

    reach = max(8, int(np.ceil(radius)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = (x**2 + y**2 <= radius**2).astype(np.float64)
    soft = gaussian_filter(inside / inside.sum(), softness, mode="mirror", radius=1 if radius <= 8 else 2)
    used = np.flatnonzero(soft.any(axis=0))
    return np.asarray(soft[used[0] : used[-1] + 1, used[0] : used[-1] + 1])


def convolved(x: Pixels, kernel: Pixels) -> Pixels:
    """Each channel convolved with a kernel (k, k), mirrored at the edges."""
    from scipy.ndimage import convolve

    return np.asarray(convolve(x, kernel[None, :, :, None], mode="mirror"))


def moved_blur(x: Pixels, radius: int, sigma: float, degrees: Pixels) -> Pixels:
    """Smeared along a direction for each image (n,): half a normal distribution of up to 2·radius + 1 steps."""
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    steps, weights = steps[weights > 1e-4], weights[weights > 1e-4]
    weights /= weights.sum()
    reach, (height, width) = int(steps[-1]), x.shape[1:3]
    wide = np.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    out = np.zeros_like(x)
    for image, way in enumerate(np.deg2rad(degrees)):
        rows = reach + np.rint(steps * np.sin(way)).astype(int)
        columns = reach + np.rint(steps * np.cos(way)).astype(int)
        for row, column, weight in zip(rows, columns, weights, strict=True):
            out[image] += weight * wide[image, row : row + height, column : column + width]
    return out


def closer(x: Pixels, factor: float) -> Pixels:
    """The middle of each image enlarged to its whole size, by linear interpolation."""
    down, across = _enlarging(x.shape[1], factor), _enlarging(x.shape[2], factor)
    n, height, width, channels = x.shape
    if max(height, width) > MATRIX:
        return np.asarray(np.einsum("ij,njkc,lk->nilc", down, x, across, optimize=True))
    rows = (down @ x.reshape(n, height, -1)).reshape(n, height, width, channels)  # one product of matrices per image
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(rows, 3, 1)) @ across.T, 1, 3)


def sampled(x: Pixels, rows: Pixels, columns: Pixels, border: Border) -> Pixels:
    """Each image at other places (n, h, w), by linear interpolation."""
    rows, columns = _inside(rows, x.shape[1], border), _inside(columns, x.shape[2], border)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    bottom, right = np.minimum(top + 1, x.shape[1] - 1), np.minimum(left + 1, x.shape[2] - 1)
    down, across = (rows - top)[..., None], (columns - left)[..., None]
    upper = _at(x, top, left) * (1 - across) + _at(x, top, right) * across
    lower = _at(x, bottom, left) * (1 - across) + _at(x, bottom, right) * across
    return np.asarray(upper * (1 - down) + lower * down)


def mapped(x: Pixels, matrix: Pixels, offset: Pixels, border: Border) -> Pixels:
    """Each image seen through a linear map (n, 2, 2) of row and column about its middle, and an offset (n, 2)."""
    size = x.shape[1:3]
    middle = (np.array(size) - 1) / 2
    grid = np.stack(np.meshgrid(*(np.arange(side) for side in size), indexing="ij")) - middle[:, None, None]
    places = np.einsum("nij,jhw->nihw", matrix, grid) + (middle + offset)[:, :, None, None]
    return sampled(x, places[:, 0], places[:, 1], border)


def plasma(shape: Sequence[int], decay: float, rng: np.random.Generator) -> Pixels:
    """(n, h, w) clouds from 0 to 1 by midpoint displacement on a torus; a larger decay makes them smoother."""
    n, height, width = shape
    size = 1 << (max(height, width, 2) - 1).bit_length()
    clouds = np.zeros((n, size, size))
    step, amplitude = size, 100.0
    while step >= 2:
        half = step // 2
        corners = clouds[:, ::step, ::step]

        def rough(around: Pixels, amplitude: float = amplitude) -> Pixels:
            return around / 4 + amplitude * rng.uniform(-amplitude, amplitude, around.shape)

        beside, below = np.roll(corners, -1, axis=2), np.roll(corners, -1, axis=1)
        middles = rough(corners + beside + below + np.roll(below, -1, axis=2))
        across = rough(middles + np.roll(middles, 1, axis=1) + corners + beside)
        down = rough(middles + np.roll(middles, 1, axis=2) + corners + below)
        clouds[:, half::step, half::step], clouds[:, ::step, half::step] = middles, across
        clouds[:, half::step, ::step] = down
        step, amplitude = half, amplitude / decay
    clouds -= clouds.min(axis=(1, 2), keepdims=True)
    clouds /= clouds.max(axis=(1, 2), keepdims=True)
    return clouds[:, :height, :width]


def _enlarging(side: int, factor: float) -> Pixels:
    """(side, side) linear interpolation from the middle ceil(side / factor) pixels, their ends kept at the ends."""
    crop = int(np.ceil(side / factor))
    size = max(side, round(crop * factor))
    places = (np.arange(side) + (size - side) // 2) * (crop - 1) / max(1, size - 1)
    left = np.minimum(places.astype(int), max(0, crop - 2))
    matrix = np.zeros((side, side))
    first = (side - crop) // 2
    np.add.at(matrix, (np.arange(side), first + left), 1 - (places - left))
    np.add.at(matrix, (np.arange(side), first + np.minimum(left + 1, crop - 1)), places - left)
    return matrix


def _at(x: Pixels, rows: NDArray[np.int_], columns: NDArray[np.int_]) -> Pixels:
    return np.asarray(x[np.arange(len(x))[:, None, None], rows, columns])


def _inside(places: Pixels, side: int, border: Border) -> Pixels:
    """Places outside an image as places inside of it."""
    if border == "reflect":
        period = 2 * side
        places = np.mod(places + 0.5, period)
        places = np.where(places >= side, period - places, places) - 0.5
    if border == "mirror":
        period = max(2 * (side - 1), 1)
        places = np.mod(places, period)
        places = np.where(places > side - 1, period - places, places)
    return np.clip(places, 0, side - 1)
