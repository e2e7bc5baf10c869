"""Images as arrays of bytes: (h, w) grey or (h, w, 3) red, green and blue, all of one size; from files and to PNG."""

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import DataError, one_line

if TYPE_CHECKING:  # pandas is imported when there is a table
    import pandas as pd

Image = NDArray[np.uint8]

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
FILE, LABEL, IMAGE = "file", "label", "image"  # columns of an image folder
INSTALL = "needs Pillow: pip install 'paritygate[image]'"
_BYTES = "bytes"  # of an image inside a parquet that other tools wrote


def image_files(folder: Path) -> list[Path]:
    """The images in a folder's sub-folders, one sub-folder per class, sorted; hidden files and folders apart."""
    classes = [each for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._"]
    found = [each for own in classes for each in own.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file()]
    return sorted(each for each in found if not any(part[0] in "._" for part in each.relative_to(folder).parts))


def read_images(
    column: "pd.Series[Any]", folder: Path, place: str, *, like: Image | None = None, within: Path | None = None
) -> "pd.Series[Any]":
    """A column's images as read-only arrays of bytes; given as such arrays, as encoded bytes, or as files in a folder.

    Raises:
        DataError: a file that is missing, truncated or no image, or lies outside the folder (and outside `within`);
            another size or mode than the first image (or than `like`); with the file's name or the row.
    """
    import pandas as pd

    made: list[Image] = []
    shape = None if like is None else like.shape
    for row, value in enumerate(column.tolist(), 1):
        where = f"{place}: {value}" if isinstance(value, str) else f"{place}, row {row}"
        if isinstance(value, str) and not any(_inside(folder / value, root) for root in (folder, within or folder)):
            raise DataError(where, "an image that a table names must lie in the table's folder, or below it")
        image = _read(value, folder, where)
        shape = shape or image.shape
        if image.shape != shape:
            raise DataError(where, f"must be {_size(shape)}, as the first image is", _size(image.shape))
        image.setflags(write=False)
        made.append(image)
    held = np.empty(len(made), dtype=object)
    held[:] = made
    return pd.Series(held, index=column.index, name=column.name)


def _inside(file: Path, root: Path) -> bool:
    """Whether a path leads below a folder as it is written; a link that somebody put there is theirs to answer for."""
    return Path(os.path.normpath(file.absolute())).is_relative_to(os.path.normpath(root.absolute()))


def to_png(image: Image) -> bytes:
    """The image as a PNG file's bytes."""
    from PIL import Image as Pillow

    held = BytesIO()
    Pillow.fromarray(image).save(held, "PNG")
    return held.getvalue()


def _read(value: object, folder: Path, where: str) -> Image:
    if isinstance(value, np.ndarray):
        if value.dtype != np.uint8 or not (value.ndim == 2 or (value.ndim == 3 and value.shape[2] == 3)):
            rule = "an array of an image is uint8 of shape (h, w) or (h, w, 3)"
            raise DataError(where, rule, f"{value.dtype} {value.shape}")
        return value.copy()
    inside = value.get(_BYTES) if isinstance(value, dict) else value
    if isinstance(inside, bytes):
        return _decoded(BytesIO(inside), where)
    if not isinstance(value, str):
        raise DataError(where, "an image is a file's name, its encoded bytes, or an array", type(value).__name__)
    if not (folder / value).is_file():
        raise DataError(where, "there is no such file")
    return _decoded(folder / value, where)


def _decoded(file: Path | BytesIO, where: str) -> Image:
    try:
        from PIL import Image as Pillow
    except ImportError as missing:
        raise DataError(where, INSTALL) from missing
    try:
        with Pillow.open(file) as opened:
            opened.load()
            mode, pixels = opened.mode, np.array(opened)
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as failure:
        raise DataError(where, f"could not be read as an image: {one_line(failure, 120)}") from failure
    if mode not in {"L", "RGB"}:
        raise DataError(where, 'must be grey or colour of eight bits (mode "L" or "RGB")', f"mode {mode!r}")
    return pixels


def _size(shape: tuple[int, ...]) -> str:
    """Width and height as people say them."""
    return f"{shape[1]} × {shape[0]} {'grey' if len(shape) == 2 else 'colour'}"
