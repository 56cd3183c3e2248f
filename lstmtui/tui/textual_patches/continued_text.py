"""A text area whose rows continue in another style, wrapped like the text itself.

The suggestion of Textual's TextArea (8.2.8) is drawn behind the cursor alone, and is cut at the edge, since only the
text is wrapped. Here the text that is wrapped has the continuations; the cursor stays within what was typed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from rich.text import Text
from textual.document._document import Document, DocumentBase, Location
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument

from lstmtui.common.terminal_text import safe
from lstmtui.tui.textual_patches.text_area import SafeTextArea
from lstmtui.tui.textual_patches.text_document import DrawnDocument, DrawnRows, drawn

PRIVATE_NAMES = (
    "textual.document._document:Document",
    "textual.document._document:DocumentBase",
    "textual.document._document:Location",
    "textual.document._document_navigator:DocumentNavigator.get_location_below",
    "textual.document._document_navigator:DocumentNavigator.is_last_wrapped_line",
    "textual.document._wrapped_document:WrappedDocument.get_target_document_column",
    "textual.widgets:TextArea._set_document",
    "textual.widgets:TextArea._rewrap_and_refresh_virtual_size",
)


class ContinuedTextArea(SafeTextArea):
    """A text area with a continuation for each row; those behind the last row are rows of their own."""

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document(text, language)
        self._continued = ContinuedDocument(cast(Document, self.document))
        self.wrapped_document = WrappedDocument(cast(DocumentBase, self._continued), tab_width=self.indent_width)
        self.navigator = TypedNavigator(self.wrapped_document, self.document)
        self._rewrap_and_refresh_virtual_size()

    @property
    def continuations(self) -> tuple[str, ...]:
        """What follows each row, from the first on; rows may be left out at the end."""
        return self._continued.continuations

    @continuations.setter
    def continuations(self, rows: Sequence[str]) -> None:
        rows = tuple(safe(row, newlines=False) for row in rows)
        if not rows and not self._continued.continuations:
            return
        self._continued.continuations = rows
        self._rewrap_and_refresh_virtual_size()  # also where they are the same: rows of text may have come or gone
        self.refresh()

    def get_line(self, line_index: int) -> Text:
        text, rest = self._continued.parts(line_index)
        line = Text(text, end="", no_wrap=True)
        return line.append(rest, self.get_component_rich_style("text-area--suggestion")) if rest else line

    def scroll_to_row(self, row: int) -> None:
        """Bring a row to the top of what is seen, also one that is a continuation alone."""
        if row < len(self._continued.lines):
            self.scroll_to(y=self.wrapped_document.location_to_offset((row, 0)).y, animate=False)


class ContinuedDocument(DrawnDocument):
    """A document as it is drawn, with its continuations."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._rows = document
        self.continuations: tuple[str, ...] = ()

    @property
    def lines(self) -> ContinuedRows:
        """The rows, put together on access."""
        return ContinuedRows(self)

    @property
    def height(self) -> int:
        """Number of rows of the text and of continuations."""
        return max(self._rows.line_count, len(self.continuations))

    def parts(self, index: int) -> tuple[str, str]:
        """Return what was typed in a row, and what continues it."""
        typed = drawn(self._rows.get_line(index)) if index < self._rows.line_count else ""
        return typed, self.continuations[index] if index < len(self.continuations) else ""

    def get_line(self, index: int) -> str:
        return "".join(self.parts(index))


class ContinuedRows(DrawnRows):
    """Rows as they are drawn, with their continuations."""

    def __init__(self, document: ContinuedDocument) -> None:
        self._document = document

    def __len__(self) -> int:
        return self._document.height

    def __iter__(self) -> Iterator[str]:
        return map(self._document.get_line, range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._document.get_line(n) for n in range(*index.indices(len(self)))]
        return self._document.get_line(range(len(self))[index])


class TypedNavigator(DocumentNavigator):
    """Moves within what was typed."""

    def __init__(self, wrapped_document: WrappedDocument, typed: DocumentBase) -> None:
        super().__init__(wrapped_document)
        self._document = typed

    def _is_last_section(self, location: Location) -> bool:
        """Return whether nothing typed stands on a later line of the same row."""
        row, column = location
        end = len(self._document[row])
        return not any(column < offset <= end for offset in self._wrapped_document.get_offsets(row))

    def is_last_wrapped_line(self, location: Location) -> bool:
        return self.is_last_document_line(location) and self._is_last_section(location)

    def get_location_below(self, location: Location) -> Location:
        row, _ = location
        if not self._is_last_section(location):
            return super().get_location_below(location)
        if self.is_last_document_line(location):
            return row, len(self._document[row])
        x = max(self._wrapped_document.location_to_offset(location).x, self.last_x_offset)
        return row + 1, self._wrapped_document.get_target_document_column(row + 1, x, 0)
