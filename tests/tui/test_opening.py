"""The frame before Textual's first one."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from support.prepared_run import make_run
from support.pseudo_terminal import PseudoTerminal
from support.screens import control_characters

from lstmtui.tui import opening

INTERRUPTED = """
import os, signal, sys
from lstmtui.tui.opening import opening
with opening("diary"):
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()
"""


@pytest.mark.parametrize("size", [(80, 24), (20, 5), (1, 1)])
@pytest.mark.parametrize("name", ["diary", None, "\x1b]0;hostile\x07" * 9])
def test_the_frame_names_what_opens_and_has_no_codes_but_its_own(size: tuple[int, int], name: str | None) -> None:
    text = opening.frame(name, *size)
    assert text.startswith(opening.BEGIN)
    if size == (80, 24):
        assert {"diary": " lstmtui  diary", None: " lstmtui  runs"}.get(name, " lstmtui  ") in text
        assert "\x1b[12;34Hopening ..." in text
    place = f"\x1b[{max(1, size[1] // 2)};"
    title, _, said = text.removeprefix(opening.BEGIN).partition(place)
    assert control_characters(title + said) == set()
    assert len(title) <= size[0]


def test_the_terminal_is_left_as_it_was_where_the_screens_cannot_open(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(opening, "write", written.append)
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((80, 24)))
    before = signal.getsignal(signal.SIGTERM)

    def interrupted() -> None:
        with opening.opening("diary"):
            assert signal.getsignal(signal.SIGTERM) is not before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert written[-1] == opening.END
    assert signal.getsignal(signal.SIGTERM) is before
    with opening.opening(None):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as the screens do once they answer
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    assert len(written) == 3
    signal.signal(signal.SIGTERM, before)


def test_a_signal_before_the_screens_answer_gives_the_terminal_back(tmp_path: Path) -> None:
    terminal = PseudoTerminal([sys.executable, "-c", INTERRUPTED], dict(os.environ), size=(24, 80), folder=tmp_path)
    terminal.close_slave()
    terminal.read_until(opening.END.encode())
    assert terminal.process.wait(10) == 128 + signal.SIGTERM
    terminal.close()


def test_a_wrong_theme_is_told_on_the_screen_that_was_there(tmp_path: Path) -> None:
    make_run(tmp_path)
    program = "from lstmtui.tui import run; run(theme='pink')"
    environment = {**os.environ, "LSTMTUI_RUNS": str(tmp_path), "TERM": "xterm-256color"}
    terminal = PseudoTerminal([sys.executable, "-c", program], environment, size=(24, 80), folder=tmp_path)
    terminal.close_slave()
    terminal.read_until(b"pink")
    assert opening.END.encode() in terminal.output
    assert terminal.process.wait(10) != 0
    terminal.close()
