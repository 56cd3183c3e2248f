"""What is on a screen with its colours, as text that is small and differs only where the screen does."""

from __future__ import annotations

import zlib
from itertools import groupby
from typing import Any

from rich.color import Color
from rich.style import Style
from textual.app import App

from lstmtui.tui.textual_patches.screen_text import screen_strips, screen_text

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
ATTRIBUTES = ("bold", "italic", "underline", "reverse", "strike")


def styled_screen(app: App[Any]) -> str:
    """Return the characters, then the styles of each row as runs (cells and key), then the styles by key.

    A key depends on its style, and where two have the same one on which comes first. Rows with the same runs as the row
    before are omitted.
    """
    legend: dict[str, str] = {}
    rows: list[str] = []
    for strip in screen_strips(app):
        cells = [(segment.cell_length, describe(segment.style)) for segment in strip if segment.cell_length]
        runs = []
        for description, group in groupby(cells, key=lambda cell: cell[1]):
            key = key_of(description)
            while legend.setdefault(key, description) != description:  # of many colours, two may have the same key
                key = key_of(key + description)
            runs.append(f"{sum(length for length, _ in group)}{key}")
        rows.append(" ".join(runs))
    styles = [f"{number:3} {row}" for number, row in enumerate(rows) if number == 0 or row != rows[number - 1]]
    return "\n".join([screen_text(app), *styles, "", *(f"{key} {legend[key]}" for key in sorted(legend)), ""])


def describe(style: Style | None) -> str:
    """Return a style in words: foreground, background and attributes."""
    if style is None:
        return "plain"
    attributes = [name for name in ATTRIBUTES if getattr(style, name)]
    return " ".join([colour(style.color), "on", colour(style.bgcolor), *attributes])


def colour(value: Color | None) -> str:
    """Return a colour as #rrggbb, or its name where a terminal chooses it."""
    if value is None or value.is_default:
        return "default"
    return value.get_truecolor().hex if value.triplet is not None else value.name


def key_of(description: str) -> str:
    """Return a key of three letters for a style."""
    number = zlib.crc32(description.encode()) % (26 * 36 * 36)
    return DIGITS[10 + number // 1296] + DIGITS[number // 36 % 36] + DIGITS[number % 36]
