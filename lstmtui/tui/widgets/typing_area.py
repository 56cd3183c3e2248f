"""Text areas that keep text exactly as it comes and draw it safely, and one whose ghost text is taken with Tab."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import DocumentBase
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.message import Message
from textual.widgets import TextArea

from lstmtui.common.word_boundaries import is_closing_punctuation, takes_space_after
from lstmtui.tui.widgets.text_document import ShownDocument, TextDocument, shown

if TYPE_CHECKING:
    from lstmtui.tui.app import LstmtuiApp

LONGEST_PASTE = 1 << 20
"""Characters of a paste that are taken: more would hold up the screen."""
LARGE_PASTE = 1 << 16
"""Characters of a paste that is longer than any screen."""


class SafeArea(TextArea):
    """A text area that keeps what is typed, pasted or loaded, and draws nothing that a terminal would obey."""

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document("", None)
        self.document = TextDocument(text)
        drawn = cast(DocumentBase, ShownDocument(self.document))
        self.wrapped_document = WrappedDocument(drawn, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def get_line(self, line_index: int) -> Text:
        return Text(shown(self.document.get_line(line_index)), end="", no_wrap=True)

    def _recompute_cursor_offset(self) -> None:
        """Note where the cursor is drawn.

        Textual 8.2.8 asks for it in the middle of an undo, where the scrollbar goes, while the cursor still stands on a
        row that the text no longer has: ValueError (TextArea._undo_batch).
        """
        row, column = self.cursor_location
        self._cursor_offset = self.wrapped_document.location_to_offset((min(row, self.document.line_count - 1), column))

    async def _on_key(self, event: events.Key) -> None:
        if not self.read_only and is_invisible(event.character):
            event.stop()
            event.prevent_default()
            self._replace_via_keyboard(event.character or "", *self.selection)
        else:
            await super()._on_key(event)

    def on_paste(self, event: events.Paste) -> None:
        # Textual calls the handler of the class above after this one, with the same event.
        if len(event.text) > LONGEST_PASTE:
            cut = f"The paste is too long: its first {LONGEST_PASTE:,} characters are here, the rest is not."
            cast("LstmtuiApp", self.app).show_message(cut, error=True)
        event.text = event.text[:LONGEST_PASTE].replace("\r\n", "\n").replace("\r", "\n")
        if len(event.text) > LARGE_PASTE:
            # It would come in the end, and have all of the text wrapped anew.
            self.styles.overflow_y = "scroll"
            self.show_vertical_scrollbar = True


def is_invisible(character: str | None) -> bool:
    """Return whether a key types a character that is not seen and is text all the same: a joiner, a no-break space.

    Textual takes for text what Python calls printable (8.2.8, events.Key.is_printable).
    """
    if character is None or len(character) != 1 or character.isprintable():
        return False
    return unicodedata.category(character) in ("Cf", "Zs", "Co", "Cn")


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
        return self.typed.before(self.cursor_location)

    @property
    def typed(self) -> TextDocument:
        """The text itself."""
        return cast(TextDocument, self.document)

    def find_matching_bracket(self, bracket: str, search_from: tuple[int, int]) -> tuple[int, int] | None:
        """Return None: at each move beside a bracket, all of a long text would be gone through for its partner."""
        return None

    def at_line_end(self) -> bool:
        """Return whether nothing follows the cursor on its line, so that ghost text can stand there."""
        row, column = self.cursor_location
        return column == len(self.document.get_line(row))

    def take(self, text: str, replaces: int = 0) -> None:
        """Insert a candidate at the cursor, in place of so many characters before it.

        At the end of a line the space behind the word comes with it, in scripts that have one. It goes again when
        punctuation follows, and a space that is typed all the same is not put twice.
        """
        self.suggestion = ""
        text = text.replace("\r\n", "\n")
        row, column = self.cursor_location
        if replaces > column:
            return
        if self.at_line_end() and takes_space_after(self.document.get_line(row)[max(0, column - 16) :] + text):
            text += " "
        if replaces:
            self.history.checkpoint()  # so that undoing brings back what was typed, and no less
            result = self.replace(text, (row, column - replaces), (row, column), maintain_selection_offset=False)
        else:
            result = self.insert(text)
        if result.end_location > (row, column):  # as many keys as were typed before are not saved
            self.typed.propose((row, column), result.end_location)
        self._brought = self.cursor_location if text.endswith(" ") else None
        self.scroll_cursor_visible()

    async def _on_key(self, event: events.Key) -> None:
        brought, self._brought = self._brought == self.cursor_location, None
        if brought and event.character == " ":
            event.prevent_default()
            event.stop()
            return
        if brought and event.character and is_closing_punctuation(event.character):
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
