"""Pastes that reach the parser in one piece, or in any."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver

from lstmtui.tui.pastes import PasteParser
from lstmtui.tui.terminal import enduring

PIECES = st.lists(
    st.sampled_from(["\x1b[200~", "\x1b[201~", "a", "bc d\r", "é", "\x00", "\x1b", "\x1b[A", "\x1b[2", "00~", "01~"]),
    max_size=12,
).map("".join)


def fed(parser, data, cuts):
    """Return the events of `data` cut into pieces, as text."""
    found, low = [], 0
    for high in [*sorted(cuts), len(data)]:
        if data[low:high]:
            found += [repr(event) for event in parser.feed(data[low:high])]
        low = max(low, high)
    return found


@given(PIECES, st.lists(st.integers(0, 60), max_size=4))
def test_events_are_those_of_textual(data, cuts):
    assert fed(PasteParser(), data, cuts) == fed(XTermParser(), data, cuts)


def test_a_long_paste_is_gone_through_at_once():
    looked_at = []

    class Noting(PasteParser):
        def debug_log(self, *args):
            looked_at.append(args)  # once for each thing that Textual's generator is sent

    text = "some words in a line\r" * 50_000
    parser = Noting()
    paste, key = [event for part in ("\x1b[200~", text, "\x1b[201~x") for event in parser.feed(part)]
    assert isinstance(paste, events.Paste)
    assert paste.text == text
    assert key.key == "x"
    assert len(looked_at) < 50  # of a million characters


def test_the_terminals_driver_parses_with_it():
    enduring(linux_driver.LinuxDriver)
    assert linux_driver.XTermParser is PasteParser
