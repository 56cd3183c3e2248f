"""Untrusted text made safe for a terminal: the one door into widgets, Rich and stderr.

Text from a model, a file name, an exception or another program can hold escape sequences (OSC, CSI, C1) that neither
Textual nor Rich neutralises. After `safe` nothing is left that a terminal would obey.
"""

from __future__ import annotations

import unicodedata

PLACEHOLDER = "\N{REPLACEMENT CHARACTER}"
_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if code != 0x0A}
_CONTROL_PICTURES[0x7F] = "\N{SYMBOL FOR DELETE}"
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def safe(text: str, *, newlines: bool = True) -> str:
    """Return `text` with control characters as visible pictures and invisible format characters as a placeholder.

    `newlines=False` also shows line ends as a picture, for places that hold one line. A tab becomes a space.
    """
    if text.isascii() and text.isprintable():
        return text
    shown = []
    for character in text:
        code = ord(character)
        if character == "\n":
            shown.append("\n" if newlines else "\N{SYMBOL FOR NEWLINE}")
        elif character == "\t":
            shown.append(" ")
        elif code in _CONTROL_PICTURES:
            shown.append(_CONTROL_PICTURES[code])
        elif unicodedata.category(character) in _UNSAFE:
            shown.append(PLACEHOLDER)
        else:
            shown.append(character)
    return "".join(shown)


def one_line(text: str, width: int | None = None) -> str:
    """Return `text` safe, on one line, cut to `width` characters with an ellipsis."""
    line = safe(text, newlines=False)
    return line if width is None or len(line) <= width else line[: max(0, width - 1)] + "…"
