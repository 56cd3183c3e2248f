"""Alt with a digit, as terminals send it."""

from __future__ import annotations

import importlib.util

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key

from lstmtui.tui.textual_patches import alt_digits


def test_plain_textual_still_reads_alt_and_a_digit_as_a_character_of_a_mac() -> None:
    spec = importlib.util.find_spec("textual._ansi_sequences")
    assert spec is not None
    assert spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    assert "alt+1" not in [str(getattr(key, "value", key)) for key in fresh.ANSI_SEQUENCES_KEYS["\x1b1"]]


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
def test_alt_and_a_digit_is_a_key(sequence: str, key: str, character: str | None) -> None:
    alt_digits.apply()
    (event,) = (e for e in XTermParser().feed(sequence) if isinstance(e, Key))
    assert (event.key, event.character) == (key, character)
