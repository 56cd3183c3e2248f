"""What is held out from training where nothing names the parts: it follows from the names alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MIN_GROUPS = 8
"""Groups, such as speakers, from which on whole ones are held out: of fewer, one would be too large a part."""


def drawn(names: Sequence[str], groups: Sequence[str], fraction: float, key: str) -> NDArray[np.bool_]:
    """Return (N,) which are held out: about this fraction, always the same for the same names and `key`.

    groups   of each name, empty where unknown; whole ones are held out where all are known, there are `MIN_GROUPS` and
             none of those drawn is too large a part
    """
    chosen = np.zeros(len(names), np.bool_)
    wanted = round(fraction * len(names)) if len(names) > 1 else 0
    if fraction and len(names) > 1:
        wanted = min(max(1, wanted), len(names) - 1)
    if not wanted:
        return chosen
    if own := _groups(groups, wanted, key):
        return np.isin(np.array(groups, dtype=np.str_), own)
    order = sorted(range(len(names)), key=lambda n: _draw(names[n], key))
    chosen[order[:wanted]] = True
    return chosen


def _groups(groups: Sequence[str], wanted: int, key: str) -> list[str]:
    """Return groups with about so many names together; none where that cannot be."""
    counts = Counter(groups)
    if len(counts) < MIN_GROUPS or "" in counts:
        return []
    chosen: list[str] = []
    total = 0
    for group in sorted(counts, key=lambda name: _draw(name, key)):
        if total < wanted and total + counts[group] <= 2 * wanted:
            chosen.append(group)
            total += counts[group]
    return chosen


def _draw(name: str, key: str) -> bytes:
    return hashlib.blake2b(f"{key}\n{name}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
