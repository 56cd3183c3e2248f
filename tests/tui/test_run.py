"""The screens open in a terminal only, and restore it when they end."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from support.prepared_run import make_run
from support.pseudo_terminal import PseudoTerminal

from lstmtui import tui
from lstmtui.errors import UsageError
from lstmtui.runs.listing import find_run
from lstmtui.tui.app import begin_collecting

PROGRAM = """
import sys
from lstmtui.errors import LstmtuiError
from lstmtui.tui import run
try:
    code = run(*sys.argv[1:])
except LstmtuiError as error:
    print(error, file=sys.stderr)
    code = error.exit_code
sys.exit(code)
"""


def environment(root: Path, **changes: str) -> dict[str, str]:
    return {**os.environ, "LSTMTUI_RUNS": str(root), "TERM": "xterm-256color", **changes}


def test_without_a_terminal_the_error_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment(tmp_path), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "'lstmtui ls' or 'lstmtui train'" in done.stderr


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_raises(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", term)
    with pytest.raises(UsageError, match=r"'lstmtui complete diary TEXT'"):
        tui.run("diary", screen="type")


def test_the_screens_do_not_import_the_engine(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-c",
            "import sys, lstmtui.tui; assert 'textual' not in sys.modules; import lstmtui.tui.app;"
            "print([m for m in sys.modules if m in ('numba', 'lstm_kernels.jit', 'lstmtui.engine')])",
        ],
        env=environment(tmp_path), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"


class Terminal(PseudoTerminal):
    """The screens in a terminal of their own."""

    def __init__(self, root: Path, *arguments: str, term: str = "xterm-256color", before: str = "") -> None:
        command = [sys.executable, "-c", before + PROGRAM, *arguments]
        super().__init__(command, environment(root, TERM=term, LANG="C.UTF-8"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_restores_the_terminal(tmp_path: Path, number: int, code: int) -> None:
    terminal = Terminal(tmp_path)
    try:
        terminal.read_until(b"Train on the built-in text")
        assert termios.tcgetattr(terminal.slave) != terminal.attributes
        terminal.process.send_signal(number)
        assert terminal.wait_for_exit() == code
        assert termios.tcgetattr(terminal.slave) == terminal.attributes
        last = terminal.output[terminal.output.rfind(b"Train on the built-in text") :]
        assert b"\x1b[?1049l" in last  # the screen from before
        assert b"\x1b[?25h" in last  # a cursor
        assert b"Traceback" not in terminal.output
    finally:
        terminal.close()


@pytest.mark.parametrize("seconds", [0, 0.03, 0.1])
def test_a_signal_during_the_start_restores_the_terminal(tmp_path: Path, seconds: float) -> None:
    make_run(tmp_path, "newest", state="stopped")
    terminal = Terminal(tmp_path)
    try:
        terminal.read_until(b"\x1b[?1049h")
        time.sleep(seconds)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait_for_exit() == 143
        assert termios.tcgetattr(terminal.slave) == terminal.attributes
        assert terminal.output.rfind(b"\x1b[?1049l") > terminal.output.rfind(b"\x1b[?1049h")
        assert terminal.output.rfind(b"\x1b[?25h") > terminal.output.rfind(b"\x1b[?25l")
        assert b"Traceback" not in terminal.output
    finally:
        terminal.close()


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_without_cursor_control_is_refused_in_one_sentence(tmp_path: Path, term: str) -> None:
    terminal = Terminal(tmp_path, term=term)
    try:
        assert terminal.wait_for_exit() == 2
        assert terminal.output.count(b"\n") == 1
        assert b"need a terminal" in terminal.output
        assert b"\x1b" not in terminal.output
        assert termios.tcgetattr(terminal.slave) == terminal.attributes
    finally:
        terminal.close()


def test_a_terminal_that_goes_away_without_a_signal_ends_the_screens(tmp_path: Path) -> None:
    make_run(tmp_path, "newest", state="stopped")
    terminal = Terminal(tmp_path)
    try:
        terminal.read_until(b"Gates by unit")
        terminal.close_slave()
        terminal.close_master()
        assert terminal.process.wait(30) == 129
    finally:
        terminal.close()


def test_the_latest_run_opens_live_and_ctrl_q_quits(tmp_path: Path) -> None:
    make_run(tmp_path, "older", state="finished")
    make_run(tmp_path, "newest", state="stopped")
    os.utime(find_run("older", tmp_path).status, (1, 1))
    terminal = Terminal(tmp_path)
    try:
        terminal.read_until(b"Gates by unit")
        assert b"newest" in terminal.output
        os.write(terminal.master, b"\x11")
        assert terminal.wait_for_exit() == 0
        assert termios.tcgetattr(terminal.slave) == terminal.attributes
    finally:
        terminal.close()


def test_an_unknown_run_is_refused_before_the_screen_opens(tmp_path: Path) -> None:
    make_run(tmp_path, "diary", state="stopped")
    terminal = Terminal(tmp_path, "dairy", "type")
    try:
        assert terminal.wait_for_exit() == 2
        assert b"did you mean 'diary'?" in terminal.output
        assert b"\x1b[?1049h" not in terminal.output
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("variables", "uses", "never"),
    [
        ({"COLORTERM": "truecolor"}, rb"\x1b\[[0-9;]*38;2;", None),
        ({"TERM": "xterm-256color"}, rb"\x1b\[[0-9;]*38;5;", rb"[34]8;2;"),
        ({"TERM": "xterm"}, rb"\x1b\[([0-9]+;)*9[1-7][;m]", rb"[34]8;[25];"),
        ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, rb"\x1b\[[0-9;]*1", rb"[34]8;[25];|\x1b\[(3|9|4|10)[0-7]m"),
    ],
    ids=["24 bit", "256", "16", "none"],
)
def test_colours_are_those_of_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], uses: bytes, never: bytes | None
) -> None:
    for name in ("COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    make_run(tmp_path, "newest", state="stopped")
    terminal = Terminal(tmp_path, term=variables.get("TERM", "xterm-256color"))
    try:
        terminal.read_until(b"<0.1")
        shown = terminal.output[terminal.output.index(b"\x1b[?1049h") :]
        assert re.search(uses, shown)
        assert never is None or not re.search(never, shown)
    finally:
        terminal.close()


def test_an_exception_restores_the_terminal(tmp_path: Path) -> None:
    make_run(tmp_path, "newest", state="stopped")
    broken = "import lstmtui.tui.screens.live as l\nl.LiveScreen.on_run_polled = lambda self, message: 1 / 0\n"
    terminal = Terminal(tmp_path, before=broken)
    try:
        assert terminal.wait_for_exit() == 1
        assert termios.tcgetattr(terminal.slave) == terminal.attributes
        assert b"\x1b[?1049l" in terminal.output
        assert b"\x1b[?25h" in terminal.output
        assert b"ZeroDivisionError" in terminal.output
    finally:
        terminal.close()


def test_garbage_is_collected_once_the_screens_are_drawn() -> None:
    gc.disable()
    try:
        begin_collecting()
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
