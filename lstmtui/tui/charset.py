"""Character sets of terminals: braille, blocks or ASCII.

Widgets draw with the richest characters. A filter on the way to the terminal replaces those that it cannot show, cell
by cell, in frames, keys, marks and foreign text alike, so that no widget depends on the character set.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

CHARSETS = ("braille", "block", "ascii")

_DOTS = (((0x01, 0x02), (0x08, 0x10)), ((0x04, 0x40), (0x20, 0x80)))
"""Dots of the upper and lower half, each left and right."""
_QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
_STROKES = " ''\".|//.\\|\\_\\/#"
"""The same in ASCII."""
_PLAIN = {
    **dict.fromkeys("─━╌┄╴╶╸╺═▔", "-"), **dict.fromkeys("│┃┊┆╎║▏▎▕", "|"), **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╵╷┏┓┗┛▊", "+"),
    **dict(zip("▁▂▃▄▅▆▇█", "_..-=+*#", strict=True)), **dict(zip("░▒▓", ".+*", strict=True)),
    **dict(zip("▶‖✓■✗◌○◆◇●▼▲▾▴▸◂", ">=+#xoo@o*v^v^><", strict=True)), **dict(zip("←→↑↓↵⏎⇥↶", "<>^v<<><", strict=True)),
    **dict(zip("…–—·×÷±≤≥≈•‹›", "~--.x/~<>~*<>", strict=True)),
    **dict(zip("▀▌▐▘▝▖▗▚▞▛▜▙▟", "'||''..//####", strict=True)), **dict(zip("▍▋▉", "|+#", strict=True)),
    **dict(zip("␣⟦⟧“”‘’µ≡", "_[]\"\"''u=", strict=True)),
}  # fmt: skip


def _masks(halves: str) -> dict[str, str]:
    """Return a character of `halves` for each braille character, indexed by which of its four quarters have dots."""
    found = {}
    for mask in range(256):
        quarters = sum(
            bit for bit, dots in zip((1, 2, 4, 8), (*_DOTS[0], *_DOTS[1]), strict=True) if mask & (dots[0] | dots[1])
        )
        found[chr(0x2800 + mask)] = halves[quarters]
    return found


def _block() -> dict[str, str]:
    return _masks(_QUADRANTS)


def _ascii() -> dict[str, str]:
    return {**_masks(_STROKES), **_PLAIN}


class CharsetFilter(LineFilter):
    """Replaces characters that the terminal cannot show."""

    def __init__(self, charset: str) -> None:
        super().__init__(enabled=charset != "braille")
        self._ascii = charset == "ascii"
        self._known: dict[str, str] = {"braille": dict, "block": _block, "ascii": _ascii}[charset]()

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment if segment.control or segment.text.isascii() else Segment(self.plain(segment.text), segment.style)
            for segment in segments
        ]

    def plain(self, text: str) -> str:
        """Return `text` in this character set, with the same width in cells."""
        return "".join(self._plain(character) for character in text)

    def _plain(self, character: str) -> str:
        known = self._known.get(character)
        if known is None:
            known = character if not self._ascii or character.isascii() else _nearest(character)
            self._known[character] = known
        return known


def _nearest(character: str) -> str:
    """Return the letter without its accent, or question marks, with the width of `character`."""
    width = get_character_cell_size(character)
    base = unicodedata.normalize("NFKD", character)[:1]
    return base if base.isascii() and base.isprintable() and width == 1 else "?" * width


def choose(given: str, environ: Mapping[str, str]) -> str:
    """Return `given`, or for "auto" the richest set that a terminal with this environment surely shows."""
    if given != "auto":
        return given
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    utf8 = "utf8" in locale.lower().replace("-", "") or environ.get("PYTHONUTF8") == "1"
    if not utf8 or environ.get("TERM", "").startswith(("vt", "ansi")):
        return "ascii"
    # The fonts of the Linux console have blocks but no braille.
    return "block" if environ.get("TERM") == "linux" else "braille"
