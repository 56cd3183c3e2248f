"""Untrusted text as a terminal may draw it: the one way into widgets, Rich and stderr.

Text from a model, a file name, an exception or another program can hold escape sequences (OSC, CSI, C1) that neither
Textual nor Rich neutralises, and marks that turn the direction of what stands beside it. After `safe` nothing is left
that a terminal would obey. For drawing only: what is kept, piped, typed or learnt is never changed.
"""

from __future__ import annotations

import unicodedata

PLACEHOLDER = "\N{REPLACEMENT CHARACTER}"
_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if code != 0x0A}
_CONTROL_PICTURES[0x7F] = "\N{SYMBOL FOR DELETE}"
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}
"""Controls, halves of surrogate pairs, and ends of lines that are none to a terminal. Other invisible characters belong
to their scripts: joiners to Persian and Hindi, tags and joiners to emoji, soft hyphens to German."""
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
"""Embeddings, overrides and isolates: they show text in another order than it has, and beyond the text itself."""


def safe(text: str, *, newlines: bool = True, tabs: bool = False) -> str:
    """Return `text` with what a terminal would obey as visible pictures, or as a placeholder; each character is one.

    `newlines=False` also shows line ends as a picture, for places that hold one line. A tab becomes a space, or stays
    with `tabs`.
    """
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_TABBED if tabs else _LINES if newlines else _ONE_LINE)


class _Shown(dict[int, str]):
    """What each character is shown as. Found when it is first met: there are a million, and a pasted text is long."""

    def __missing__(self, code: int) -> str:
        unsafe = code in _TURNING or unicodedata.category(chr(code)) in _UNSAFE
        shown = PLACEHOLDER if unsafe else chr(code)
        if len(self) < _KEPT:
            self[code] = shown
        return shown


_KEPT = 20_000
_LINES = _Shown({**_CONTROL_PICTURES, 0x09: " ", 0x0A: "\n"})
_ONE_LINE = _Shown({**_LINES, 0x0A: "\N{SYMBOL FOR NEWLINE}"})
_TABBED = _Shown({**_LINES, 0x09: "\t"})


def one_line(text: str, width: int | None = None) -> str:
    """Return `text` safe, on one line, cut to `width` characters with an ellipsis."""
    line = safe(text, newlines=False)
    return line if width is None or len(line) <= width else line[: max(0, width - 1)] + "…"
