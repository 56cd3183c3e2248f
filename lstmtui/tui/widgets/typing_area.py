"""A text area whose grey suggestion is accepted with Tab, and that saves keystrokes around it."""

from __future__ import annotations

from typing import ClassVar, cast

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from lstmtui.common.word_boundaries import is_closing_punctuation, takes_space_after
from lstmtui.tui.keys import bind
from lstmtui.tui.textual_patches.text_area import SafeTextArea
from lstmtui.tui.textual_patches.text_document import TextDocument


class TypingArea(SafeTextArea):
    """Posts Accept and Choose to the screen, which holds the candidates."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("accept", "accept", "Accept", "text.accept", "Accept the grey text, or the chosen candidate"),
        Binding("down", "cursor_down", "Choose", key_display="↓↑", tooltip="Choose among the candidates"),
        bind("candidate", "accept_candidate(0)", "Accept", "text.accept-1", "Accept that candidate"),
        *(
            bind(f"candidate-{n}", f"accept_candidate({n - 1})", f"Accept {n}", f"text.accept-{n}", "")
            for n in range(2, 6)
        ),
    ]
    DEFAULT_CSS = """
    TypingArea {
        & .text-area--suggestion { color: $primary 75%; text-style: italic; }
        & .text-area--cursor-line { background: transparent; }
    }
    """

    class Accept(Message):
        """Insert candidate `index`; None for the grey suggestion."""

        def __init__(self, index: int | None = None) -> None:
            super().__init__()
            self.index = index

    class Choose(Message):
        """Go down (1) or up (-1) the list of candidates."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    _after_added_space: tuple[int, int] | None = None
    """The cursor's location after a candidate that was inserted with a space behind it."""
    choices: int = 0
    """Number of candidates in the list."""
    chosen: int = 0
    """Index of the chosen candidate."""

    @property
    def before(self) -> str:
        """The text up to the cursor. Textual's own range access takes 50 ms for a megabyte."""
        return self.typed.before(self.cursor_location)

    @property
    def typed(self) -> TextDocument:
        """The text with its proposals."""
        return cast(TextDocument, self.document)

    def find_matching_bracket(self, bracket: str, search_from: tuple[int, int]) -> tuple[int, int] | None:
        """Return None: the search would go through all of a long text at each move beside a bracket."""
        return None

    def at_line_end(self) -> bool:
        """Return whether nothing follows the cursor on its line, so that a suggestion can be shown there."""
        row, column = self.cursor_location
        return column == len(self.document.get_line(row))

    def insert_candidate(self, text: str, replaces: int = 0) -> None:
        """Insert a candidate at the cursor, in place of `replaces` characters before it.

        At the end of a line a space is added behind the word, in scripts that use spaces. Punctuation typed next
        removes it, and a space typed next is not doubled.
        """
        self.suggestion = ""
        text = text.replace("\r\n", "\n")
        row, column = self.cursor_location
        if replaces > column:
            return
        if self.at_line_end() and takes_space_after(self.document.get_line(row)[max(0, column - 16) :] + text):
            text += " "
        if replaces:
            self.history.checkpoint()  # so that one undo restores what was typed
            result = self.replace(text, (row, column - replaces), (row, column), maintain_selection_offset=False)
        else:
            result = self.insert(text)
        if result.end_location > (row, column):  # characters that were typed before are not saved
            self.typed.mark_proposal((row, column), result.end_location)
        self._after_added_space = self.cursor_location if text.endswith(" ") else None
        self.scroll_cursor_visible()

    async def _on_key(self, event: events.Key) -> None:
        after_space = self._after_added_space == self.cursor_location
        self._after_added_space = None
        if after_space and event.character == " ":
            event.prevent_default()
            event.stop()
            return
        if after_space and event.character and is_closing_punctuation(event.character):
            self.action_delete_left()
        await super()._on_key(event)

    def action_accept(self) -> None:
        self.post_message(self.Accept())

    def action_accept_candidate(self, index: int) -> None:
        self.post_message(self.Accept(index))

    def action_cursor_right(self, select: bool = False) -> None:
        if self.suggestion and not select:
            self.post_message(self.Accept())
        else:
            super().action_cursor_right(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """On the last line, go down the list of candidates instead."""
        if not select and self.choices and self.navigator.is_last_wrapped_line(self.cursor_location):
            self.post_message(self.Choose(1))
        else:
            super().action_cursor_down(select)

    def action_cursor_up(self, select: bool = False) -> None:
        """Go back up the list of candidates first, then through the text."""
        if not select and self.chosen > 0:
            self.post_message(self.Choose(-1))
        else:
            super().action_cursor_up(select)
