"""The characters and styles on the screen. Textual 8.2.8 offers them as SVG only (App.export_screenshot)."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.strip import Strip

PRIVATE_NAMES = ("textual.screen:Screen._compositor", "textual._compositor:Compositor.render_strips")


def screen_strips(app: App[Any]) -> list[Strip]:
    """Return what is painted, line by line, before the application's filters."""
    return app.screen._compositor.render_strips()


def screen_text(app: App[Any]) -> str:
    """Return the characters on the screen, line by line, without trailing blanks."""
    lines = ["".join(s.text for s in strip if not s.control).rstrip() for strip in screen_strips(app)]
    return "\n".join(lines) + "\n"
