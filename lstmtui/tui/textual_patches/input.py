"""A line to type into that keeps what it is given and draws it safely.

The Input of Textual 8.2.8 draws control characters as they are (Input._value), so that a terminal obeys them, and does
not accept invisible characters that belong to a text.
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.widgets import Input

from lstmtui.common.terminal_text import safe
from lstmtui.tui.textual_patches.invisible_characters import is_invisible

PRIVATE_NAMES = (
    "textual.widgets:Input._value",
    "textual.widgets:Input._position_to_cell",
    "textual.widgets:Input._on_key",
)


class SafeInput(Input):
    """An Input whose value may hold any character."""

    @property
    def _value(self) -> Text:
        return Text(safe(self.value, newlines=False), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(safe(self.value[:position], newlines=False))

    async def _on_key(self, event: events.Key) -> None:
        if is_invisible(event.character):
            event.stop()
            event.prevent_default()
            self.replace(event.character or "", *self.selection)
        else:
            await super()._on_key(event)
