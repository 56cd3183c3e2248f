"""Pastes that reach the parser in one piece, or in any."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser

from lstmtui.tui.textual_patches.paste_parser import PasteParser

START, END = "\x1b[200~", "\x1b[201~"
KEYS = (
    st.lists(
        st.sampled_from(["a", "bc d\r", "é", "\x00", "\x1b", "\x1b[A", "\x1b[2", "00~", "01~", "\x1b[<35;10;5M"]),
        max_size=6,
    )
    .map("".join)
    .filter(lambda text: START not in text)
)
PASTED = (
    st.lists(
        st.sampled_from(["a", "bc d\r", "é", "\x1b", "\x1b[A", "\x1b[2", "\x1b[20", "00~", "[31m", START, "\x1b[0m"]),
        max_size=8,
    )
    .map("".join)
    .filter(lambda text: END not in text)
)
CUTS = st.lists(st.integers(0, 80), max_size=5)


def fed(parser, data, cuts):
    """Return the events of `data` cut into pieces, as text."""
    found, low = [], 0
    for high in [*sorted(cuts), len(data)]:
        if data[low:high]:
            found += [repr(event) for event in parser.feed(data[low:high])]
        low = max(low, high)
    return found


def test_plain_textual_still_splits_a_paste_at_an_escape_sequence():
    text = "one \x1b[Atwo"
    assert [getattr(event, "text", "") for event in XTermParser().feed(f"{START}{text}{END}")] != [text]


@given(KEYS, CUTS)
def test_keys_are_those_of_textual(data, cuts):
    assert fed(PasteParser(), data, cuts) == fed(XTermParser(), data, cuts)


@given(KEYS, PASTED, KEYS, CUTS)
def test_a_paste_is_one_piece_until_its_end_mark_whatever_is_in_it(before, text, after, cuts):
    found = fed(PasteParser(), f"{before}{START}{text}{END}{after}", cuts)
    reference = XTermParser()
    keys = fed(reference, f"{before}{START}{END}", [])  # the marks end what had begun before
    assert found[: len(keys)] == [*keys[:-1], repr(events.Paste(text))]
    assert found[len(keys) :] == fed(reference, after, [])


def test_an_escape_sequence_in_a_paste_stays_in_it():
    text = "one \x1b[31mtwo \x1b[0m three\rfour"
    assert [event.text for event in PasteParser().feed(f"{START}{text}{END}")] == [text]


def test_the_escape_key_and_what_looks_like_the_rest_of_a_mark_are_keys():
    parser = PasteParser()
    keys = list(parser.feed("\x1b"))
    time.sleep(0.15)
    keys += list(parser.tick())
    keys += list(parser.feed("[200~ab"))
    assert "".join(event.character for event in keys) == "\x1b[200~ab"


def test_a_long_paste_is_gone_through_at_once():
    looked_at = []

    class Noting(PasteParser):
        def debug_log(self, *args):
            looked_at.append(args)  # once for each thing that Textual's generator is sent

    text = "some words in a line\r" * 50_000
    parser = Noting()
    paste, key = [event for part in (START, text, f"{END}x") for event in parser.feed(part)]
    assert isinstance(paste, events.Paste)
    assert paste.text == text
    assert key.key == "x"
    assert len(looked_at) < 50  # of a million characters


def test_marks_may_come_character_by_character():
    parser = PasteParser()
    found = [event for character in f"x{START}a\x1b[20b{END}y" for event in parser.feed(character)]
    assert [getattr(event, "text", None) or event.character for event in found] == ["x", "a\x1b[20b", "y"]
