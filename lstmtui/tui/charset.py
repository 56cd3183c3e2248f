"""What is drawn with: braille, blocks, or ASCII alone, chosen by what the terminal can show.

Widgets paint the richest characters; a filter on the way to the terminal puts poorer ones in their place, one cell for
one cell, so that no widget needs to know and nothing is forgotten: frames, keys, marks and foreign text alike.
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
"""What hangs above, stands below, or leans through the cell."""
_PLAIN = {
    **dict.fromkeys("─━╌┄╴╶╸╺═▔", "-"), **dict.fromkeys("│┃┊┆╎║▏▎▕", "|"), **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╵╷┏┓┗┛▊", "+"),
    **dict(zip("▁▂▃▄▅▆▇█", "_..-=+*#", strict=True)), **dict(zip("░▒▓", ".+*", strict=True)),
    **dict(zip("▶‖✓■✗◌○◆◇●▼▲▾▴▸◂", ">=+#xoooo*v^v^><", strict=True)), **dict(zip("←→↑↓↵⏎⇥↶", "<>^v<<><", strict=True)),
    **dict(zip("…–—·×÷±≤≥≈•‹›", "~--.x/~<>~*<>", strict=True)),
    **dict(zip("▀▌▐▘▝▖▗▚▞▛▜▙▟", "'||''..//####", strict=True)), **dict(zip("▍▋▉", "|+#", strict=True)),
    **dict(zip("␣⟦⟧“”‘’µ≡", "_[]\"\"''u=", strict=True)),
}  # fmt: skip


def _masks(halves: str) -> dict[str, str]:
    """Return braille characters as what stands in `halves` for their quarters: upper, lower, left, right as bits."""
    found = {}
    for mask in range(256):
        quarters = sum(
            bit for bit, dots in zip((1, 2, 4, 8), (*_DOTS[0], *_DOTS[1]), strict=True) if mask & (dots[0] | dots[1])
        )
        found[chr(0x2800 + mask)] = halves[quarters]
    return found


_BELOW = "⠂⠒⠶⠿"
"""The dots that tell a value below zero, which must not look like the shades that tell one above."""


def _block() -> dict[str, str]:
    return {**_masks(_QUADRANTS), **dict(zip(_BELOW, "·-=≡", strict=True))}


def _ascii() -> dict[str, str]:
    return {**_masks(_STROKES), **_PLAIN, **dict(zip(_BELOW, "'-=%", strict=True))}


class CharsetFilter(LineFilter):
    """Puts what the terminal can show in the place of what it cannot."""

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
        """Return `text` in this character set, as many cells wide."""
        return "".join(self._plain(character) for character in text)

    def _plain(self, character: str) -> str:
        known = self._known.get(character)
        if known is None:
            known = character if not self._ascii or character.isascii() else _nearest(character)
            self._known[character] = known
        return known


def _nearest(character: str) -> str:
    """Return the letter below an accent, or question marks, as many cells wide as `character`."""
    width = get_character_cell_size(character)
    base = unicodedata.normalize("NFKD", character)[:1]
    return base if base.isascii() and base.isprintable() and width == 1 else "?" * width


def choose(given: str, environ: Mapping[str, str]) -> str:
    """Return `given`, or for "auto" what a terminal of this environment can be trusted to show."""
    if given != "auto":
        return given
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    utf8 = "utf8" in locale.lower().replace("-", "") or environ.get("PYTHONUTF8") == "1"
    if not utf8 or environ.get("TERM", "").startswith(("vt", "ansi")):
        return "ascii"
    # The fonts of the Linux console have blocks and no braille.
    return "block" if environ.get("TERM") == "linux" else "braille"
