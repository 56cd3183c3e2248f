"""A paste as one event, from its start mark to its end mark, whatever it contains.

The parser of Textual 8.2.8 (XTermParser) looks for keys within a paste too: it drops an escape sequence there, or
splits the paste at it. It also parses a paste character by character, 0.9 s for a megabyte.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.message import Message

PRIVATE_NAMES = (
    "textual._xterm_parser:XTermParser",
    "textual._xterm_parser:BRACKETED_PASTE_END",
    "textual._xterm_parser:BRACKETED_PASTE_START",
)


class PasteParser(XTermParser):
    """Textual's parser, which is given only the marks of a paste."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._paste: list[str] | None = None
        """What has been pasted so far; None outside a paste."""
        self._tail = ""
        """The end of the input so far, where a mark may have begun."""

    def feed(self, data: str) -> Iterable[Message]:
        """Yield the events that `data` completes; the empty string ends the stream."""
        if not data:
            yield from super().feed(data)
        while data:
            if self._paste is None:
                whole, known = self._tail + data, len(self._tail)
                at = whole.find(BRACKETED_PASTE_START)
                stop = len(whole) if at < 0 else at + len(BRACKETED_PASTE_START)
                self._tail = whole[1 - len(BRACKETED_PASTE_START) :] if at < 0 else ""
                self._paste = None if at < 0 else []
                yield from super().feed(data[: stop - known])
                data = whole[stop:]
            else:
                whole = self._tail + data
                at = whole.find(BRACKETED_PASTE_END)
                stop = at if at >= 0 else len(whole) - _partial_mark(whole, BRACKETED_PASTE_END)
                self._paste.append(whole[:stop])
                self._tail = "" if at >= 0 else whole[stop:]
                data = "" if at < 0 else whole[stop + len(BRACKETED_PASTE_END) :]
                if at >= 0:
                    yield from self._end_paste()

    def tick(self) -> Iterable[Message]:
        """Yield the keys that are complete because nothing has followed for a while."""
        for event in super().tick():
            if self._paste is None:
                self._tail = ""  # an escape key, and not the beginning of a mark
            yield event

    def _end_paste(self) -> Iterable[Message]:
        text, self._paste = "".join(self._paste or ()), None
        for event in super().feed(BRACKETED_PASTE_END):  # Textual sees an empty paste
            # Textual drops NUL from a paste too.
            yield events.Paste(text.replace("\x00", "")) if isinstance(event, events.Paste) else event


def _partial_mark(text: str, mark: str) -> int:
    """Return how many characters at the end of `text` are the beginning of `mark`."""
    return next((size for size in range(len(mark) - 1, 0, -1) if text.endswith(mark[:size])), 0)
