"""Text areas where text from outside is made safe on its way in, and one whose ghost text is taken with Tab."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from lstmtui.common.word_boundaries import brings_space, closes
from lstmtui.text import safe

LONGEST_PASTE = 1 << 20
"""Characters of a paste that are taken: more would hold up the screen."""
LARGE_PASTE = 1 << 16
"""Characters of a paste that is longer than any screen."""
LONGEST_LINE = 2000
"""Characters of a line that is pasted: to draw a row of a line, all of it is gone through."""


class SafeArea(TextArea):
    """A text area into which nothing can be pasted that a terminal would obey."""

    def on_paste(self, event: events.Paste) -> None:
        # Textual calls the handler of the class above after this one, with the same event.
        event.text = broken(safe(event.text[:LONGEST_PASTE].replace("\r\n", "\n").replace("\r", "\n")))
        if len(event.text) > LARGE_PASTE:
            # It would come in the end, and have all of the text wrapped anew.
            self.styles.overflow_y = "scroll"
            self.show_vertical_scrollbar = True


def broken(text: str) -> str:
    """Return `text` with line ends in lines longer than LONGEST_LINE, in the place of spaces where it has any."""
    lines = []
    for line in text.split("\n"):
        low = 0
        while len(line) - low > LONGEST_LINE:
            high = line.rfind(" ", low + 1, low + LONGEST_LINE)
            lines.append(line[low:high] if high > 0 else line[low : low + LONGEST_LINE])
            low = high + 1 if high > 0 else low + LONGEST_LINE
        lines.append(line[low:])
    return "\n".join(lines)


class TypingArea(SafeArea):
    """Posts Accept and Choose; the screen knows the candidates."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "accept", "Accept", tooltip="Take the grey text, or the chosen candidate"),
        Binding("down", "cursor_down", "Choose", key_display="↓↑", tooltip="Choose among the candidates"),
        Binding("alt+1", "take(0)", "Take", key_display="alt+1…5", tooltip="Take that candidate at once"),
        *(Binding(f"alt+{n}", f"take({n - 1})", f"Take {n}", show=False) for n in range(2, 6)),
    ]
    DEFAULT_CSS = """
    TypingArea {
        & .text-area--suggestion { color: $primary 65%; text-style: italic; }
        & .text-area--cursor-line { background: transparent; }
    }
    """

    class Accept(Message):
        """Take candidate `index`; None: whatever the ghost text shows."""

        def __init__(self, index: int | None = None) -> None:
            super().__init__()
            self.index = index

    class Choose(Message):
        """Go down (1) or up (-1) the list of candidates."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    _brought: tuple[int, int] | None = None
    """Where the cursor stood after a candidate that brought its space."""
    choices: int = 0
    """How many candidates there are to choose from."""
    chosen: int = 0
    """Which of them is chosen."""

    @property
    def before(self) -> str:
        """The text up to the cursor. Textual's own way to a range takes 50 ms for a megabyte."""
        row, column = self.cursor_location
        lines = self.document.lines
        return "\n".join([*lines[:row], lines[row][:column]])

    def find_matching_bracket(self, bracket: str, search_from: tuple[int, int]) -> tuple[int, int] | None:
        """Return None: at each move beside a bracket, all of a long text would be gone through for its partner."""
        return None

    def at_line_end(self) -> bool:
        """Return whether nothing follows the cursor on its line, so that ghost text can stand there."""
        row, column = self.cursor_location
        return column == len(self.document.get_line(row))

    def take(self, text: str) -> int:
        """Insert a candidate at the cursor, and return how many characters that made.

        At the end of a line the space behind the word comes with it, in scripts that have one. It goes again when
        punctuation follows, and a space that is typed all the same is not put twice.
        """
        self.suggestion = ""
        text = safe(text.replace("\r\n", "\n"))
        row, column = self.cursor_location
        if self.at_line_end() and brings_space(self.document.get_line(row)[max(0, column - 16) :] + text):
            text += " "
        self.insert(text)
        self._brought = self.cursor_location if text.endswith(" ") else None
        self.scroll_cursor_visible()
        return len(text)

    async def _on_key(self, event: events.Key) -> None:
        brought, self._brought = self._brought == self.cursor_location, None
        if brought and event.character == " ":
            event.prevent_default()
            event.stop()
            return
        if brought and event.character and closes(event.character):
            self.action_delete_left()
        await super()._on_key(event)

    def action_accept(self) -> None:
        self.post_message(self.Accept())

    def action_take(self, index: int) -> None:
        self.post_message(self.Accept(index))

    def action_cursor_right(self, select: bool = False) -> None:
        if self.suggestion and not select:
            self.post_message(self.Accept())
        else:
            super().action_cursor_right(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """On the last line, where down leads nowhere, go down the candidates instead."""
        if not select and self.choices and self.navigator.is_last_wrapped_line(self.cursor_location):
            self.post_message(self.Choose(1))
        else:
            super().action_cursor_down(select)

    def action_cursor_up(self, select: bool = False) -> None:
        """Go back up the candidates first, then through the text."""
        if not select and self.chosen > 0:
            self.post_message(self.Choose(-1))
        else:
            super().action_cursor_up(select)
