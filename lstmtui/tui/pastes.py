"""A paste in one piece: Textual's parser goes through it character by character, 0.9 s for a megabyte (Textual 8.2.8).

What its generator is sent inside a paste it only puts aside, so that a run without escape characters may come at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.message import Message

ESCAPE = "\x1b"


class PasteParser(XTermParser):
    """Textual's parser, with the same events in the same order."""

    _pasting = False
    """Whether what comes next belongs to a paste, and nothing in it had to be left to Textual."""

    def feed(self, data: str) -> Iterable[Message]:
        """Yield the events that `data` completes; the empty string ends the stream."""
        if not data:
            yield from super().feed(data)
        while data:
            if not self._pasting:
                before, start, data = data.partition(BRACKETED_PASTE_START)
                self._pasting = bool(start)
                yield from super().feed(before + start)
                continue
            run, escape, data = data.partition(ESCAPE)
            if run:
                self._awaiting = self._gen.send(run)
            if escape:
                # The end, or the beginning of it, or something else: in any case no longer only to be put aside.
                self._pasting = False
                data = escape + data
                if data.startswith(BRACKETED_PASTE_END):
                    yield from super().feed(BRACKETED_PASTE_END)
                    data = data[len(BRACKETED_PASTE_END) :]
                else:
                    yield from super().feed(data)
                    data = ""
