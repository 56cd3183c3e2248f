"""The line that is written over."""

import io
import sys

from lstmtui.cli import progress
from lstmtui.cli.status_line import StatusLine


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_has_one_line_and_the_end_of_a_long_text(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    with StatusLine() as line:
        line.show("one\x1b[2J")
        line.show("a b c d e f g h i j k l")
    first, second, last = screen.getvalue().split("\r\x1b[K")[1:]
    assert first == "one␛[2J"
    assert second == "… d e f g h i j k l"
    assert last == ""


def test_elsewhere_lines_of_progress_come_at_intervals_and_nothing_of_the_present_text(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_INTERVAL", 0.0)
    with StatusLine() as line:
        line.show("what may still change")
        line.show("10%", "10% read")
    assert capsys.readouterr().err == "10% read\n"


def test_a_closed_terminal_is_ignored(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with StatusLine() as line:
        screen.close()
        monkeypatch.setattr(Terminal, "isatty", lambda self: True)
        line.show("text")
    assert screen.closed
