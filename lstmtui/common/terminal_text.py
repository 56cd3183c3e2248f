"""Untrusted text for a terminal: every text in widgets, in Rich and on stderr passes through here.

Text from a model, a file name, an exception or another program can hold escape sequences (OSC, CSI, C1) that neither
Textual nor Rich neutralises, and marks that change the direction of text. `safe` replaces them. It is for display only:
text that is stored, piped, typed or learnt is never changed.
"""

from __future__ import annotations

import unicodedata

PLACEHOLDER = "\N{REPLACEMENT CHARACTER}"
_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if code != 0x0A}
_CONTROL_PICTURES[0x7F] = "\N{SYMBOL FOR DELETE}"
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}
"""Controls, lone surrogates, and line separators of Unicode. Other invisible characters belong to their scripts:
joiners to Persian and Hindi, tags and joiners to emoji, soft hyphens to German."""
_DIRECTIONAL = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
"""Embeddings, overrides and isolates, which change the order of text, also after their own."""


def safe(text: str, *, newlines: bool = True, tabs: bool = False) -> str:
    """Return `text` with each control character as a visible picture or a placeholder of one character.

    `newlines=False` also shows line ends as pictures, for a single line. A tab becomes a space, or stays with `tabs`.
    """
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_TABBED if tabs else _LINES if newlines else _ONE_LINE)


class _Shown(dict[int, str]):
    """The replacement of each character, computed on first use."""

    def __missing__(self, code: int) -> str:
        unsafe = code in _DIRECTIONAL or unicodedata.category(chr(code)) in _UNSAFE
        shown = PLACEHOLDER if unsafe else chr(code)
        if len(self) < _MAX_CACHED:
            self[code] = shown
        return shown


_MAX_CACHED = 20_000
_LINES = _Shown({**_CONTROL_PICTURES, 0x09: " ", 0x0A: "\n"})
_ONE_LINE = _Shown({**_LINES, 0x0A: "\N{SYMBOL FOR NEWLINE}"})
_TABBED = _Shown({**_LINES, 0x09: "\t"})


def one_line(text: str, width: int | None = None) -> str:
    """Return `text` safe, on one line, truncated to `width` characters with an ellipsis."""
    line = safe(text, newlines=False)
    return line if width is None or len(line) <= width else line[: max(0, width - 1)] + "…"
