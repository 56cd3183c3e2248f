"""The line of a screen that says what it is doing, or what went wrong."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from lstmtui.common.terminal_text import safe


class StatusLine(Static):
    """One sentence, which may quote untrusted text; an error stands out without colour too."""

    DEFAULT_CSS = """
    StatusLine {
        height: auto;
        max-height: 3;
        width: 1fr;
        padding: 0 1;
        color: $foreground 75%;
    }
    StatusLine.-error { color: $error; text-style: bold; }
    """

    def set_text(self, text: str, *, error: bool = False) -> None:
        """Show a sentence; the class -shown tells an empty line from one with text."""
        self.update(Text(safe(text, newlines=False)))
        self.set_class(error, "-error")
        self.set_class(bool(text), "-shown")
