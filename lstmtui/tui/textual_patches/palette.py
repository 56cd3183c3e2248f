"""A command palette that may be closed before its search begins.

The search of Textual 8.2.8 (CommandPalette._gather_commands) is a task of its own that queries the list of commands
when it begins. It raises NoMatches, and ends the application, when the palette has been closed by then.
"""

from __future__ import annotations

import inspect

from textual import work
from textual.command import CommandList, CommandPalette
from textual.css.query import NoMatches

from lstmtui.tui.textual_patches.screen import is_usable

PRIVATE_NAMES = (
    "textual.command:CommandPalette._gather_commands",
    "textual.command:CommandPalette._GATHER_COMMANDS_GROUP",
)
_gather_commands = inspect.unwrap(CommandPalette._gather_commands)


class ClosablePalette(CommandPalette):
    """Textual's palette; a search that begins after it was closed finds nothing."""

    @work(exclusive=True, group=CommandPalette._GATHER_COMMANDS_GROUP)
    async def _gather_commands(self, search_value: str) -> None:
        try:
            await _gather_commands(self, search_value)
        except NoMatches:
            # The list may be gone before the screen counts as being taken down.
            if is_usable(self) and self.query(CommandList):
                raise
