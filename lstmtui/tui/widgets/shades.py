"""Values between -1 and 1 as one character and one style each: dots below zero, shades above, as in the gate map."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget

from lstmtui.tui.widgets.gate_views import LEFT, LEVELS, PLAIN_LEFT, RIGHT

NAMES = ("none", *(f"{side}{level}" for side in ("low", "high") for level in (1, 2, 3, 4)))
"""Names of the styles: around zero, and four levels below and above it."""

CSS = """
    & > .shade--none { color: $foreground 40%; }
    & > .shade--low1 { color: $primary; background: $primary 8%; }
    & > .shade--low2 { color: $primary; background: $primary 18%; }
    & > .shade--low3 { color: $primary; background: $primary 30%; }
    & > .shade--low4 { color: $primary; background: $primary 45%; }
    & > .shade--high1 { color: $warning; background: $warning 8%; }
    & > .shade--high2 { color: $warning; background: $warning 20%; }
    & > .shade--high3 { color: $warning; background: $warning 35%; }
    & > .shade--high4 { color: $warning; background: $warning 50%; }
"""
"""Part of the DEFAULT_CSS of a widget with CLASSES."""
CLASSES = {f"shade--{name}" for name in NAMES}


def level(value: float) -> int:
    """Return -4 ... 4: how far from zero `value` is."""
    size = sum(abs(value) >= edge for edge in LEVELS)
    return -size if value < 0 else size


def dots(widget: Widget) -> str:
    """Return the characters of values below zero, LEFT, or PLAIN_LEFT where the terminal shows no braille.

    The filter on the way to the terminal cannot choose them: the same braille dots are part of a curve elsewhere.
    """
    return LEFT if getattr(widget.app, "charset", "braille") == "braille" else PLAIN_LEFT


def without_braille(widget: Widget, text: str) -> str:
    """Return a text about values below zero with the characters that the terminal shows."""
    return text.translate(str.maketrans(LEFT, dots(widget)))


def glyph(value: float, below: str = LEFT) -> str:
    """Return the character of `value`; `below` has those of values below zero, as of `dots`."""
    found = level(value)
    return below[-found] if found < 0 else RIGHT[found]


def name(value: float) -> str:
    """Return the name in NAMES of the style of `value`."""
    found = level(value)
    return "none" if not found else f"low{-found}" if found < 0 else f"high{found}"


def styles(widget: Widget) -> dict[str, Style]:
    """Return every style by its name. A theme of sixteen colours colours only the foreground."""
    found = {one: widget.get_component_rich_style(f"shade--{one}") for one in NAMES}
    if not widget.app.current_theme.ansi:
        return found
    ground = widget.rich_style.bgcolor
    return {one: Style(color=style.color, bgcolor=ground) for one, style in found.items()}
