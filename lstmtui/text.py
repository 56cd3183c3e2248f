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
    return text.translate(_LINES if newlines else _ONE_LINE)


class _Shown(dict[int, str]):
    """What each character is shown as. Found when it is first met: there are a million, and a pasted text is long."""

    def __missing__(self, code: int) -> str:
        shown = PLACEHOLDER if unicodedata.category(chr(code)) in _UNSAFE else chr(code)
        if len(self) < _KEPT:
            self[code] = shown
        return shown


_KEPT = 20_000
_LINES = _Shown({**_CONTROL_PICTURES, 0x09: " ", 0x0A: "\n"})
_ONE_LINE = _Shown({**_LINES, 0x0A: "\N{SYMBOL FOR NEWLINE}"})


def one_line(text: str, width: int | None = None) -> str:
    """Return `text` safe, on one line, cut to `width` characters with an ellipsis."""
    line = safe(text, newlines=False)
    return line if width is None or len(line) <= width else line[: max(0, width - 1)] + "…"
