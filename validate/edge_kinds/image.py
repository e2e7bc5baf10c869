"""Kinds for images: the common corruptions of Hendrycks & Dietterich (ICLR 2019, arXiv:1903.12261), and small moves.

Each has two rows of strengths: those of CIFAR-10-C for images whose shorter side is below 64 pixels, else those of
ImageNet-C. Frost is drawn, where the paper lays photographs of frost over an image.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from validate.edge_kinds import corruptions
from validate.edge_kinds.kind import Kind, Request
from validate.edge_kinds.pixels import Pixels
from validate.errors import DataError
from validate.images import Image

if TYPE_CHECKING:
    import pandas as pd

Change = Callable[[Pixels, Any, np.random.Generator], Pixels]  # (n, h, w, c) from 0 to 1, a strength -> the same
Strengths = tuple[Sequence[Any], Sequence[Any]]  # for small images, for others; of severity 1 to 5

SMALL = 64  # pixels of the shorter side, below which an image is small
BLOCK = 2**22  # numbers that are worked on at once


def _kind(change: Change, about: str, strengths: Strengths, says: str, *, colour: bool = False) -> Kind:
    """A kind that changes the images of a column; `says` is a format for what a strength means."""

    def make(frame: "pd.DataFrame", severity: int, rng: np.random.Generator, request: Request) -> "pd.DataFrame":
        for column in request.columns:
            images = frame[column].tolist()
            held = np.empty(len(images), dtype=object)
            held[:] = list(changed(images, severity, rng))
            frame[column] = held
        return frame

    def changed(images: Sequence[Image], severity: int, rng: np.random.Generator) -> Iterator[Image]:
        shape = images[0].shape
        if colour and len(shape) == 2:
            raise DataError("edge cases of images", "this kind changes colours, and the images are grey", about)
        strength = strengths[is_large(images[0])][severity - 1]
        rows = max(1, BLOCK // int(np.prod(shape)))
        for first in range(0, len(images), rows):
            block = np.stack(images[first : first + rows]) / 255
            made = change(block.reshape(len(block), *shape[:2], -1), strength, rng)
            yield from np.rint(np.clip(made, 0, 1) * 255).astype(np.uint8).reshape(len(block), *shape)

    small, large = (tuple(_said(says, strength) for strength in row) for row in strengths)
    return Kind(about=about, severities=small, large=large, make=make, columns=frozenset({"other"}))


def is_large(image: Image) -> bool:
    """Whether an image has the strengths of the larger benchmark."""
    return bool(min(image.shape[:2]) >= SMALL)


def _said(says: str, strength: Any) -> str:  # noqa: ANN401  # a number or several
    return says.format(*(strength if isinstance(strength, tuple) else (strength,)))


def _same(*strengths: Any) -> Strengths:  # noqa: ANN401  # numbers or tuples
    return strengths, strengths


KINDS: Mapping[str, Kind] = {
    "gaussian-noise": _kind(
        corruptions.gaussian_noise,
        "Electronic noise: normal, on every pixel.",
        ((0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38)),
        "standard deviation {:g}",
    ),
    "shot-noise": _kind(
        corruptions.shot_noise,
        "Too little light: photons counted one by one.",
        ((500, 250, 100, 75, 50), (60, 25, 12, 5, 3)),
        "{:g} photons for white",
    ),
    "impulse-noise": _kind(
        corruptions.impulse_noise,
        "Values that are stuck at black or white.",
        ((0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27)),
        "{:.0%} of the values",
    ),
    "speckle-noise": _kind(
        corruptions.speckle_noise,
        "Noise in proportion to the brightness.",
        ((0.06, 0.1, 0.12, 0.16, 0.2), (0.15, 0.2, 0.35, 0.45, 0.6)),
        "standard deviation {:g} of the value",
    ),
    "defocus-blur": _kind(
        corruptions.defocus_blur,
        "Out of focus.",
        (
            ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
            ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        ),
        "a disk of radius {:g} pixels, its edge softened by {:g}",
    ),
    "glass-blur": _kind(
        corruptions.glass_blur,
        "Behind rough glass: near pixels change places.",
        (
            ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
            ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        ),
        "smoothed by {:g} pixels, moved by up to {}, {} times",
    ),
    "motion-blur": _kind(
        corruptions.motion_blur,
        "The camera moved.",
        (((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)), ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))),
        "at most {} pixels, standard deviation {:g}",
    ),
    "zoom-blur": _kind(
        corruptions.zoom_blur,
        "The camera came closer during the picture.",
        (
            ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
            ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
        ),
        "up to ×{:g} in steps of {:g}",
    ),
    "gaussian-blur": _kind(
        corruptions.gaussian_blur,
        "Smoothed.",
        ((0.4, 0.6, 0.7, 0.8, 1), (1, 2, 3, 4, 6)),
        "standard deviation of {:g} pixels",
    ),
    "snow": _kind(
        corruptions.snow,
        "Snow falls.",
        (
            (
                (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
                (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
                (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
                (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
                (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
            ),
            (
                (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
                (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
                (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
                (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
                (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
            ),
        ),
        "flakes of {:g} ± {:g}, ×{:g}, above {:g}; streaks of {} pixels, {:g}; {:g} of the image kept",
    ),
    "frost": _kind(
        corruptions.frost,
        "Ice on the lens (drawn).",
        (
            ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
            ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
        ),
        "{:g} of the image and {:g} of ice",
    ),
    "fog": _kind(
        corruptions.fog,
        "Fog.",
        (((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)), ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))),
        "thickness {:g}, smoothness {:g}",
    ),
    "brightness": _kind(
        corruptions.brightness,
        "Too bright.",
        ((0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5)),
        "{:g} more",
    ),
    "contrast": _kind(
        corruptions.contrast,
        "Too little contrast.",
        ((0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)),
        "{:g} of the contrast",
    ),
    "saturate": _kind(
        corruptions.saturate,
        "Colours too weak or too strong.",
        (((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)), ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2))),
        "saturation ×{:g} + {:g}",
        colour=True,
    ),
    "jpeg": _kind(corruptions.jpeg, "Saved as JPEG.", ((80, 65, 58, 50, 40), (25, 18, 15, 10, 7)), "quality {}"),
    "pixelate": _kind(
        corruptions.pixelate,
        "In coarse pixels.",
        ((0.95, 0.9, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25)),
        "{:.0%} of the pixels along a side",
    ),
    "elastic": _kind(
        corruptions.elastic,
        "Skewed and bent.",
        (
            ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
            ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)),
        ),
        "shares of a side: {:g} bent, {:g} smooth, {:g} skewed",
    ),
    "rotation": _kind(corruptions.rotation, "Turned left or right.", _same(5, 10, 20, 30, 45), "{}°"),
    "shift": _kind(
        corruptions.shift, "Moved in some direction.", _same(0.04, 0.08, 0.12, 0.18, 0.25), "{:.0%} of a side"
    ),
    "scale": _kind(corruptions.scale, "Seen closer, from the middle.", _same(1.1, 1.2, 1.35, 1.5, 2), "×{:g}"),
    "flip": _kind(corruptions.flip, "Mirrored left to right.", _same(0.2, 0.4, 0.6, 0.8, 1.0), "{:.0%} of the images"),
}
