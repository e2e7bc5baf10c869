"""Make the starter's data: 2,000 invented leaf photos and what two invented models said about them.

The compressed model is made to lose photos taken at dusk, so that there is something to find.
Run `python build.py` here to make the three files again; the seed is fixed.
"""

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent
CLASSES = ("healthy", "blight", "rust")
N = 2_000


def photos(rng: np.random.Generator) -> pd.DataFrame:
    """Invent the photos and the disease on each."""
    return pd.DataFrame(
        {
            "photo": [f"leaf-{i:04d}" for i in range(1, N + 1)],
            "crop": rng.choice(["tomato", "potato", "bean", "maize"], N, p=[0.45, 0.32, 0.20, 0.03]),
            "light": rng.choice(["daylight", "shade", "dusk"], N, p=[0.68, 0.26, 0.06]),
            "phone": rng.choice(["new", "old"], N, p=[0.6, 0.4]),
            "distance_cm": rng.gamma(6.0, 6.0, N).round().astype(int) + 5,
            "leaf": rng.choice(CLASSES, N, p=[0.58, 0.28, 0.14]),
        }
    )


def answers(truth: pd.Series, wrong: np.ndarray, rng: np.random.Generator) -> pd.Series:
    """Give the true class, or one of the two others where `wrong`."""
    shift = np.where(wrong, rng.integers(1, 3, len(truth)), 0)
    codes = truth.map({name: code for code, name in enumerate(CLASSES)}).to_numpy()
    return pd.Series(np.array(CLASSES)[(codes + shift) % 3])


def main() -> None:
    """Write photos.csv, dense.csv and int8.csv."""
    rng = np.random.default_rng(20)
    frame = photos(rng)
    dense_wrong = rng.random(N) < 0.08
    churn = rng.random(N) < 0.006  # as many gains as losses among the examples that it touches
    gains = dense_wrong & (rng.random(N) < 0.07)
    dusk = (frame["light"] == "dusk").to_numpy() & (rng.random(N) < 0.14)
    compressed_wrong = (dense_wrong & ~gains) | churn | dusk
    dense = answers(frame["leaf"], dense_wrong, rng)
    compressed = answers(frame["leaf"], compressed_wrong, rng).where(~(dense_wrong & compressed_wrong), dense)
    frame.to_csv(FOLDER / "photos.csv", index=False, lineterminator="\n")
    for name, prediction in (("dense", dense), ("int8", compressed)):
        table = pd.DataFrame({"photo": frame["photo"], "prediction": prediction})
        table.to_csv(FOLDER / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
