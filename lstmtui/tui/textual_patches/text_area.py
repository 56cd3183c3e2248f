"""A text area that keeps what is typed, pasted or loaded, and draws it safely.

The TextArea of Textual 8.2.8:

- splits lines at every separator that Unicode knows (see text_document), and draws control characters as they are;
- does not accept invisible characters that belong to a text;
- computes the cursor's offset in the middle of an undo, when the scrollbar is removed, while the cursor is still on a
  row that the text no longer has: ValueError (TextArea._undo_batch);
- wraps a large paste twice, once before and once after its scrollbar appears.
"""

from __future__ import annotations

from typing import cast

from rich.text import Text
from textual import events
from textual.document._document import DocumentBase
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.widgets import TextArea

from lstmtui.tui.textual_patches.invisible_characters import is_invisible
from lstmtui.tui.textual_patches.text_document import DrawnDocument, TextDocument, drawn

PRIVATE_NAMES = (
    "textual.document._document:DocumentBase",
    "textual.document._document_navigator:DocumentNavigator",
    "textual.document._wrapped_document:WrappedDocument",
    "textual.widgets:TextArea._set_document",
    "textual.widgets:TextArea._rewrap_and_refresh_virtual_size",
    "textual.widgets:TextArea._recompute_cursor_offset",
    "textual.widgets:TextArea._cursor_offset",
    "textual.widgets:TextArea._replace_via_keyboard",
    "textual.widgets:TextArea._on_key",
)
MAX_PASTE = 1 << 20
"""Characters of a paste that are accepted; more would block the screen."""
LARGE_PASTE = 1 << 16
"""Characters of a paste that surely needs a scrollbar."""


class SafeTextArea(TextArea):
    """A text area whose text may hold any character."""

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document("", None)
        self.document = TextDocument(text)
        drawn_document = cast(DocumentBase, DrawnDocument(self.document))
        self.wrapped_document = WrappedDocument(drawn_document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def get_line(self, line_index: int) -> Text:
        return Text(drawn(self.document.get_line(line_index)), end="", no_wrap=True)

    def _recompute_cursor_offset(self) -> None:
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
        # Textual calls TextArea's own handler after this one, with the same event.
        if len(event.text) > MAX_PASTE:
            message = f"The paste is too long; only its first {MAX_PASTE:,} characters were inserted."
            self.notify(message, severity="error", markup=False)
        event.text = event.text[:MAX_PASTE].replace("\r\n", "\n").replace("\r", "\n")
        if len(event.text) > LARGE_PASTE:
            self.styles.overflow_y = "scroll"
            self.show_vertical_scrollbar = True
