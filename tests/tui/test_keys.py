"""Alt with a digit, as terminals send it."""

from __future__ import annotations

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key

from lstmtui.tui.keys import read_alt_digits


@pytest.mark.parametrize(
    ("sequence", "key", "character"),
    [
        ("\x1b1", "alt+1", None),
        ("\x1b5", "alt+5", None),
        ("\x1b[50;3u", "alt+2", None),  # the kitty protocol
        ("™", "trade_mark_sign", "™"),  # typed on a Mac
        ("2", "2", "2"),
    ],
)
def test_alt_digits(sequence: str, key: str, character: str | None) -> None:
    read_alt_digits()
    (event,) = (e for e in XTermParser().feed(sequence) if isinstance(e, Key))
    assert (event.key, event.character) == (key, character)
