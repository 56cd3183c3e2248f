"""Random bits as a hash of a key and a position, without a generator's state: the same on every device.

Source: Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators (splitmix64).
"""

from __future__ import annotations

import numpy as np

from lstm_kernels.jit import inlined

# All uint64: together with a signed integer Numba would promote them to float64.
STEP = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFT_1, SHIFT_2, SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)
LEVELS, TO_LEVEL = 1 << 24, np.uint64(40)  # 24 random bits: a rate is met to 6e-8


@inlined
def mix(z):
    """Return 64 bits that look random, from 64 that may not."""
    z = (z ^ (z >> SHIFT_1)) * MIX_1
    z = (z ^ (z >> SHIFT_2)) * MIX_2
    return z ^ (z >> SHIFT_3)


@inlined
def is_kept(key, index, drop_below):
    """Return whether the value at `index` is kept, for a key that has been mixed."""
    return (mix(key + np.uint64(index) * STEP) >> TO_LEVEL) >= drop_below


def mask_settings(rate: float, key: int) -> tuple[float, np.uint64, np.uint64]:
    """Return the factor of kept values, the level below which a value is dropped, and the key in 64 bits."""
    return 1.0 / (1.0 - rate), np.uint64(round(rate * LEVELS)), np.uint64(key & 0xFFFFFFFFFFFFFFFF)
