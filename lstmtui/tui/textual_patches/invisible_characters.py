"""Keys that type an invisible character which is part of a text: a joiner, a no-break space.

Textual 8.2.8 inserts only what Python calls printable (events.Key.is_printable), which these are not.
"""

from __future__ import annotations

import unicodedata

PRIVATE_NAMES: tuple[str, ...] = ()


def is_invisible(character: str | None) -> bool:
    """Return whether a key types an invisible character that belongs to a text."""
    if character is None or len(character) != 1 or character.isprintable():
        return False
    return unicodedata.category(character) in ("Cf", "Zs", "Co", "Cn")
