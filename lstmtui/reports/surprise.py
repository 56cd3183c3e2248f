"""Levels of surprise: how many bits a token had, -log2 of the probability that the network gave it.

Below 1 bit a token was expected. Above 6 the network had held it for less likely than one in sixty-four.
"""

from __future__ import annotations

EDGES = (1.0, 3.0, 6.0)
"""Bits from which on a token is of the next level."""
NAMES = ("<1", "1–3", "3–6", ">6")
"""The levels in a legend."""
WITHOUT_COLOURS = ("dim", "", "bold", "reverse")
"""How each level looks on a terminal of which no colour is known."""


def level(bits: float) -> int:
    """Return the level of a token, 0 to 3."""
    return sum(bits >= edge for edge in EDGES)
