"""How loud the microphone is, as a bar, in decibels and in words."""

from __future__ import annotations

import math

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

FLOOR = -60.0
"""Decibels of an empty bar; 0 is the loudest sample there can be."""
QUIET = -45.0
CLIPPED = 0.99
"""The peak from which on samples are cut."""
BAR = 24


class LevelMeter(Widget):
    """One line."""

    DEFAULT_CSS = """
    LevelMeter { height: 1; width: 1fr; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    level: reactive[float] = reactive(0.0)
    """The root of the mean square of the newest samples, from 0 to 1."""
    peak: reactive[float] = reactive(0.0)
    """The largest of them."""

    def render(self) -> Content:
        bar = min(BAR, max(0, self.size.width - 40))
        filled = round(bar * (1 - decibels(self.level) / FLOOR))
        word, colour = describe(self.level, self.peak)
        return Content.assemble(
            ("microphone ", "$foreground 60%"),
            ("█" * filled, f"${colour}"),
            ("░" * (bar - filled), "$foreground 30%"),
            f" {decibels(self.level):3.0f} dB ",
            (word, f"bold ${colour}"),
        )


def decibels(level: float) -> float:
    """Return a level below the loudest one, at least FLOOR."""
    return max(FLOOR, 20 * math.log10(level)) if level > 0 else FLOOR


def describe(level: float, peak: float) -> tuple[str, str]:
    """Return a level in words, and the theme variable of its colour."""
    if peak >= CLIPPED:
        return "too loud", "error"
    if decibels(level) <= FLOOR:
        return "silent", "warning"
    return ("quiet", "warning") if decibels(level) < QUIET else ("good", "success")
