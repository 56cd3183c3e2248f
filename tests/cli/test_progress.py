"""One progress bar for every long command."""

from __future__ import annotations

import io
import sys

import pytest

from lstmtui.cli import progress


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    closed_by_user = False

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.closed_by_user:
            raise OSError("Input/output error")
        return super().write(text)


@pytest.fixture
def terminal(monkeypatch):
    """Give a function that puts a terminal in place of stderr; pytest's own capture undoes that between the phases."""

    def replace() -> Terminal:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "80")
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return replace


def test_without_a_terminal_a_line_comes_at_each_interval(capsys, monkeypatch):
    with progress.progress_bar() as bar:
        bar.show("Evaluating", 0.25)
        bar.note("A note.")
        monkeypatch.setattr(progress, "LINE_INTERVAL", 0.0)
        bar.show("Evaluating", 0.5, ["loss 1.2"])
        bar.show("Evaluating", 0.6, line="half")
        bar.show("Evaluating", 0.7, line="")
        bar.show("measuring", None)
    assert capsys.readouterr().err.splitlines() == ["A note.", "Evaluating  50%  loss 1.2", "half", "measuring"]


def test_a_terminal_shows_a_bar_and_restores_the_cursor(terminal):
    screen = terminal()
    with progress.progress_bar() as bar:
        bar.show("Eval\x1b[31muating", 0.5, ["loss 1.2"])
        bar.note("A note.")
    seen = screen.getvalue()
    assert "50%" in seen
    assert "loss 1.2" in seen
    assert "A note." in seen
    assert "\x1b[31muating" not in seen
    assert seen.count("\x1b[?25h") >= seen.count("\x1b[?25l")


def test_a_terminal_that_closes_does_not_end_the_work(terminal):
    screen = terminal()
    with progress.progress_bar() as bar:
        screen.closed_by_user = True
        bar.show("Evaluating", 0.5)
        bar.note("A note.")


def test_a_dumb_terminal_gets_lines(terminal, monkeypatch):
    terminal()
    monkeypatch.setenv("TERM", "dumb")
    with progress.progress_bar() as bar:
        assert not isinstance(bar, progress.Bar)
