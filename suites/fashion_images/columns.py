"""What the images are, in numbers that people can slice by."""

import numpy as np
import pandas as pd

BACKGROUND = 16  # grey levels up to this are background


def ink(frame: pd.DataFrame) -> pd.Series:
    """Share of each picture that is not background."""
    pictures = np.stack(frame["image"].to_numpy())
    return pd.Series((pictures > BACKGROUND).mean(axis=(1, 2)))
