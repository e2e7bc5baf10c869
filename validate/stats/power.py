"""How many examples a decision needs, and how likely it is with those there are."""

import math

from scipy.special import ndtri


def nam_sample_size(p_gain: float, p_loss: float, margin: float, *, power: float, level: float = 0.95) -> int:
    """Examples to PASS the margin with this power (Nam 1997; Liu et al. 2002)."""
    z = float(ndtri(1 - (1 - level) / 2))
    z_b = float(ndtri(power))
    b = -p_gain - p_loss + (2 - p_gain + p_loss) * -margin
    c = p_loss * margin * (1 + margin)
    q = (-b + math.sqrt(max(b * b - 8 * c, 0.0))) / 4
    v0 = 2 * q - margin * (1 + margin)
    change = p_gain - p_loss
    v1 = p_gain + p_loss - change**2
    return math.ceil(((z * math.sqrt(v0) + z_b * math.sqrt(v1)) / (change + margin)) ** 2)
