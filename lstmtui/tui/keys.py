"""Keys: bindings that the configuration can move, and Alt with a digit as terminals send it.

Alt with a digit is Escape, then the digit. Textual reads that as what Option with the digit types on a Mac
(¡ ™ £ ¢ ∞). A Mac's terminal sends those characters themselves, so nothing is lost when the two-byte form means the
key.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, cast

from textual import _ansi_sequences
from textual.binding import Binding

DIGITS = "12345"
AltDigit = Enum("AltDigit", {f"alt_{digit}": f"alt+{digit}" for digit in DIGITS})  # type: ignore[misc]


def bind(
    key: str, action: str, label: str, name: str, about: str, *, show: bool = False, priority: bool = False
) -> Binding:
    """Return a binding called `name` (screen.what) in the configuration; help tells it by `about` where there is one.

    The footer has room for eight, so a binding is shown there only when it says so.
    """
    return Binding(key, action, label, show=show, priority=priority, tooltip=about, id=name)


def read_alt_digits() -> None:
    """Let Textual's parser tell alt+1 to alt+5 as such. Its table is private; `tests/tui/test_keys.py` watches it."""
    table = cast("dict[str, Any]", _ansi_sequences.ANSI_SEQUENCES_KEYS)
    table.update({f"\x1b{digit}": (AltDigit[f"alt_{digit}"],) for digit in DIGITS})
