"""Corruptions of images, each a function of a block of them (n, h, w, c) from 0 to 1, a strength and random numbers.

The common corruptions of Hendrycks & Dietterich (ICLR 2019, arXiv:1903.12261), and small moves.
"""

from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np

from validate.edge_kinds.pixels import (
    Pixels,
    blurred,
    closer,
    convolved,
    disk,
    luminance,
    mapped,
    moved_blur,
    plasma,
    sampled,
)
from validate.errors import DataError
from validate.images import INSTALL


def gaussian_noise(x: Pixels, scale: float, rng: np.random.Generator) -> Pixels:
    """Normal noise on every pixel and channel."""
    return x + rng.normal(0, scale, x.shape)


def shot_noise(x: Pixels, photons: float, rng: np.random.Generator) -> Pixels:
    """Light counted photon by photon."""
    return rng.poisson(np.clip(x, 0, 1) * photons) / photons


def impulse_noise(x: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    """Values that are stuck at black or at white, as often the one as the other."""
    draw = rng.random(x.shape)
    return np.where(draw < share / 2, 0.0, np.where(draw < share, 1.0, x))


def speckle_noise(x: Pixels, scale: float, rng: np.random.Generator) -> Pixels:
    """Normal noise in proportion to the brightness."""
    return x + x * rng.normal(0, scale, x.shape)


def gaussian_blur(x: Pixels, sigma: float, _rng: np.random.Generator) -> Pixels:
    """Smoothing."""
    return blurred(x, sigma)


def glass_blur(x: Pixels, how: tuple[float, int, int], rng: np.random.Generator) -> Pixels:
    """Pixels that change places with near ones, between two smoothings."""
    sigma, reach, times = how
    x, each = blurred(x, sigma), np.arange(len(x))
    height, width = x.shape[1:3]
    for _ in range(times):
        moves = rng.integers(-reach, reach, (2, height, width, len(x)))
        for row in range(height - reach, reach, -1):
            for column in range(width - reach, reach, -1):
                other = (each, row + moves[0, row - 1, column - 1], column + moves[1, row - 1, column - 1])
                held = x[:, row, column].copy()
                x[:, row, column] = x[other]
                x[other] = held
    return blurred(x, sigma)


def defocus_blur(x: Pixels, how: tuple[float, float], _rng: np.random.Generator) -> Pixels:
    """Each point becomes a soft disk."""
    return convolved(x, disk(*how))


def motion_blur(x: Pixels, how: tuple[int, float], rng: np.random.Generator) -> Pixels:
    """Smearing along a direction, at most 45° from level."""
    return moved_blur(x, *how, rng.uniform(-45, 45, len(x)))


def zoom_blur(x: Pixels, how: tuple[float, float], _rng: np.random.Generator) -> Pixels:
    """The mean of the image and of itself seen closer and closer."""
    factors = np.arange(1, *how)
    return np.asarray(x + sum(closer(x, factor) for factor in factors)) / (len(factors) + 1)


def snow(x: Pixels, how: tuple[float, ...], rng: np.random.Generator) -> Pixels:
    """Streaks of bright flakes over a paler image."""
    loc, scale, zoom, least, radius, sigma, kept = how
    flakes = closer(rng.normal(loc, scale, (*x.shape[:3], 1)), zoom)
    flakes = np.clip(np.where(flakes < least, 0, flakes), 0, 1)
    flakes = moved_blur(flakes, int(radius), sigma, rng.uniform(-135, -45, len(x)))
    pale = kept * x + (1 - kept) * np.maximum(x, luminance(x) * 1.5 + 0.5)
    return np.asarray(pale + flakes + flakes[:, ::-1, ::-1])


def frost(x: Pixels, how: tuple[float, float], rng: np.random.Generator) -> Pixels:
    """Bright branches of ice over a darker image: ridges of drawn clouds."""
    ridges = (1 - np.abs(2 * plasma(x.shape[:3], 1.5, rng) - 1))[..., None] ** 2
    tint = np.array([0.85, 0.93, 1.0]) if x.shape[3] == 3 else 1.0
    return np.asarray(how[0] * x + how[1] * ridges * tint)


def fog(x: Pixels, how: tuple[float, float], rng: np.random.Generator) -> Pixels:
    """Clouds over an image whose brightest point stays as bright as it was."""
    thick, decay = how
    brightest = x.max(axis=(1, 2, 3), keepdims=True)
    clouds = plasma(x.shape[:3], decay, rng)[..., None]
    return np.asarray((x + thick * clouds) * brightest / np.maximum(brightest + thick, 1e-12))


def brightness(x: Pixels, more: float, _rng: np.random.Generator) -> Pixels:
    """The strongest of the three colours, and the others in proportion."""
    value = x.max(axis=3, keepdims=True)
    new = np.clip(value + more, 0, 1)
    return np.asarray(np.where(value > 0, x * new / np.where(value > 0, value, 1), new))


def contrast(x: Pixels, kept: float, _rng: np.random.Generator) -> Pixels:
    """Every value nearer to the mean of its channel."""
    means = x.mean(axis=(1, 2), keepdims=True)
    return np.asarray((x - means) * kept + means)


def saturate(x: Pixels, how: tuple[float, float], _rng: np.random.Generator) -> Pixels:
    """Colours weaker or stronger; hue and the strongest of the three colours stay."""
    value, lowest = x.max(axis=3, keepdims=True), x.min(axis=3, keepdims=True)
    saturation = (value - lowest) / np.where(value > 0, value, 1)
    new = np.clip(saturation * how[0] + how[1], 0, 1)
    coloured = value - (value - x) * new / np.where(saturation > 0, saturation, 1)
    red = np.concatenate([value, value * (1 - new), value * (1 - new)], axis=3)  # a grey's hue counts as red
    return np.where(saturation > 0, coloured, red)


def jpeg(x: Pixels, quality: int, _rng: np.random.Generator) -> Pixels:
    """Saved as JPEG of low quality, and read again."""

    def saved(image: Any) -> Any:  # noqa: ANN401  # Pillow is imported when it is needed
        held = BytesIO()
        image.save(held, "JPEG", quality=quality)
        return _pillow().open(held)

    return _by_pillow(x, saved)


def pixelate(x: Pixels, share: float, _rng: np.random.Generator) -> Pixels:
    """Made smaller, and larger again."""

    def coarse(image: Any) -> Any:  # noqa: ANN401  # as above
        box = _pillow().Resampling.BOX
        small = image.resize(tuple(max(1, int(side * share)) for side in image.size), box)
        return small.resize(image.size, box)

    return _by_pillow(x, coarse)


def elastic(x: Pixels, how: tuple[float, float, float], rng: np.random.Generator) -> Pixels:
    """A skewed image whose pixels are moved by a smooth random field; strengths are shares of the shorter side."""
    from scipy.ndimage import gaussian_filter

    n, height, width, _ = x.shape
    side = min(height, width)
    alpha, sigma, skew = (each * side for each in how)
    third, middle = side // 3, np.array([height, width]) // 2
    corners = middle + third * np.array([[1, 1], [-1, 1], [-1, -1]])
    moved = corners + rng.uniform(-skew, skew, (n, 3, 2))
    known = np.concatenate([moved, np.ones((n, 3, 1))], axis=2)
    back = np.linalg.solve(known, np.broadcast_to(corners, (n, 3, 2)))  # (n, 3, 2) from where each place came
    grid = np.stack([*np.mgrid[:height, :width], np.ones((height, width))], axis=2)
    places = np.einsum("hwk,nkj->njhw", grid, back)
    x = sampled(x, places[:, 0], places[:, 1], "mirror")
    field = rng.uniform(-1, 1, (n, 2, height, width))
    field = alpha * gaussian_filter(field, sigma, mode="reflect", truncate=3, axes=(2, 3))
    return sampled(x, grid[..., 0] + field[:, 0], grid[..., 1] + field[:, 1], "reflect")


def rotation(x: Pixels, degrees: float, rng: np.random.Generator) -> Pixels:
    """Turned to the left or to the right."""
    angle = np.deg2rad(degrees) * rng.choice([-1, 1], len(x))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
    return mapped(x, turn, np.zeros((len(x), 2)), "nearest")


def shift(x: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    """Moved in any direction by whole pixels."""
    angle = rng.uniform(0, 2 * np.pi, len(x))
    by = np.rint(share * min(x.shape[1:3]) * np.stack([np.sin(angle), np.cos(angle)], axis=1))
    return mapped(x, np.broadcast_to(np.eye(2), (len(x), 2, 2)), by, "nearest")


def scale(x: Pixels, factor: float, _rng: np.random.Generator) -> Pixels:
    """The middle, seen closer."""
    return closer(x, factor)


def flip(x: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    """Mirrored left to right."""
    mirrored = rng.random(len(x)) < share
    return np.where(mirrored[:, None, None, None], x[:, :, ::-1], x)


@cache
def _pillow() -> Any:  # noqa: ANN401  # a module
    try:
        from PIL import Image
    except ImportError as missing:
        raise DataError("edge cases of images", INSTALL) from missing
    return Image


def _by_pillow(x: Pixels, change: Callable[[Any], Any]) -> Pixels:
    """Each image changed by Pillow."""
    eight = np.rint(x * 255).astype(np.uint8)
    plain = eight[..., 0] if x.shape[3] == 1 else eight
    made = np.stack([np.asarray(change(_pillow().fromarray(image))) for image in plain])
    return made.reshape(x.shape) / 255
