"""Alt with a digit, as terminals send it: Escape, then the digit.

Textual 8.2.8 reads Escape and a digit as the character that Option with the digit types on a Mac. A
terminal on a Mac sends those characters themselves, so the two-byte form can mean the key.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, cast

from textual import _ansi_sequences

PRIVATE_NAMES = ("textual._ansi_sequences:ANSI_SEQUENCES_KEYS",)
DIGITS = "12345"
AltDigit = Enum("AltDigit", {f"alt_{digit}": f"alt+{digit}" for digit in DIGITS})  # type: ignore[misc]


def apply() -> None:
    """Have Textual's parser report alt+1 to alt+5."""
    table = cast("dict[str, Any]", _ansi_sequences.ANSI_SEQUENCES_KEYS)
    table.update({f"\x1b{digit}": (AltDigit[f"alt_{digit}"],) for digit in DIGITS})
