"""Where a translation is typed: what the model would write goes on from each row, in grey."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import ClassVar

from textual.binding import Binding, BindingType

from lstmtui.tui.keys import bind
from lstmtui.tui.textual_patches.continued_text import ContinuedTextArea
from lstmtui.tui.widgets.typing_area import TypingArea


class TargetArea(TypingArea, ContinuedTextArea):
    """A typing area whose screen continues every row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("accept", "accept", "Accept", "target.accept", "Accept the next word of the grey text"),
        Binding("down", "cursor_down", "Choose", key_display="↓↑", tooltip="Choose among the translations"),
        bind("candidate", "accept_candidate(0)", "Accept", "target.accept-1", "Accept all of that translation"),
    ]
    continuation: Callable[[int, str], str] | None = None
    """Returns what follows a row: its number and its text."""
    continued_rows: int = 1
    """Rows that may be continued."""

    def go_to_row(self, row: int) -> None:
        """Put the cursor at the end of a row, after as many empty rows as it needs."""
        if (missing := row + 1 - self.document.line_count) > 0:
            self.insert("\n" * missing, self.document.end)
        self.move_cursor((row, len(self.document.get_line(row))))

    def update_suggestion(self) -> None:
        """Continue the rows as they are now; called after each edit, and by the screen."""
        if self.continuation is not None:
            self.continuations = tuple(self.continuation(n, text) for n, text in enumerate(self._texts()))

    def continued_lines(self) -> list[str]:
        """Return each row with what continues it."""
        pairs = zip_longest(self._texts(), self.continuations, fillvalue="")
        return ["".join(pair).strip() for pair in pairs]

    def _texts(self) -> list[str]:
        """Return what was typed in each row that may be continued."""
        count = self.document.line_count
        return [self.document.get_line(n) if n < count else "" for n in range(self.continued_rows)]

    def action_cursor_right(self, select: bool = False) -> None:
        row, _ = self.cursor_location
        if not select and self.at_line_end() and "".join(self.continuations[row : row + 1]):
            self.post_message(self.Accept())
        else:
            super().action_cursor_right(select)
