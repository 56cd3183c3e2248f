"""Hang-ups of real terminals, at moments that a seed chooses, on every screen: the process and its children end."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.prepared_run import make_run
from support.pseudo_terminal import PseudoTerminal

PROGRAM = """
import sys, time
from lstmtui.client import process
# A model that never answers, and does not end with its input.
deaf = "import json, time; print(json.dumps({'step': 1}), flush=True); time.sleep(600)"
process.command = lambda module, *arguments: [sys.executable, "-c", deaf]
from lstmtui.tui.screens.live import LiveScreen
LiveScreen.action_log = lambda self: time.sleep(600)
from lstmtui.tui import run
sys.exit(run(*sys.argv[1:]))
"""
SCREENS = {
    "runs": ("\x1b",),
    "live": (),
    "help": ("\x1bOP",),
    "type": ("t", "the wo"),
    "gradients": ("g",),
    "measuring": ("g", "m"),
    "inspect": ("i",),
    "compare": ("\x1b", "c"),
    "new": ("\x1b", "n"),
    "corpus": ("\x1b", "n", "\r"),
    "fork": ("f",),
    "delete": ("\x1b", "d"),
}
"""Keys that lead to each screen from that of a run."""
MAX_SECONDS = 3.0
"""A hang-up takes 0.6 s at most; other tests may keep this machine busy."""


class HungUp(PseudoTerminal):
    """The screens in a terminal that is about to go away."""

    def __init__(self, root: Path, *, controlling: bool) -> None:
        environment = {**os.environ, "LSTMTUI_RUNS": str(root), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        super().__init__([sys.executable, "-c", PROGRAM], environment, controlling=controlling)
        self.close_slave()

    def send(self, *numbers: int, pause: float = 0.0) -> None:
        for number in numbers:
            self.process.send_signal(number)
            time.sleep(pause)


def children_of(pid: int) -> set[int]:
    """Return all processes that descend from one."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
        except OSError:
            continue
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        new = parents.get(waiting.pop(), [])
        found.update(new)
        waiting += new
    return found


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


WAYS: dict[str, tuple[bool, Callable[[HungUp], None]]] = {
    "the terminal goes, and controls the process": (True, HungUp.close_master),
    "the terminal goes without a signal": (False, HungUp.close_master),
    "SIGHUP": (False, lambda t: t.send(signal.SIGHUP)),
    "SIGHUP, then SIGCONT": (False, lambda t: t.send(signal.SIGHUP, signal.SIGCONT)),
    "SIGCONT, then SIGHUP": (False, lambda t: t.send(signal.SIGCONT, signal.SIGHUP, pause=0.05)),
    "SIGCONT, then the terminal goes": (True, lambda t: (t.send(signal.SIGCONT, pause=0.05), t.close_master())[0]),
    "stopped, then the terminal goes": (True, lambda t: (t.send(signal.SIGSTOP, pause=0.05), t.close_master())[0]),
}
CASES = [
    (screen, way, number) for number, (screen, way) in enumerate(zip(SCREENS, itertools.cycle(WAYS), strict=False))
]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's list of processes")
@pytest.mark.parametrize(("screen", "way", "seed"), CASES)
def test_a_hang_up_ends_the_screens_and_their_children(tmp_path: Path, screen: str, way: str, seed: int) -> None:
    source = random.Random(seed)
    for name in ("older", "newest"):
        make_run(tmp_path, name, state="stopped")
    controlling, hang_up = WAYS[way]
    terminal = HungUp(tmp_path, controlling=controlling)
    children: set[int] = set()
    try:
        terminal.read_until(b"Gates by unit")
        for key in SCREENS[screen]:
            os.write(terminal.master, key.encode())
            terminal.read_for(source.choice((0.05, 0.3)))
        terminal.read_for(source.choice((0.0, 0.05, 0.5)))
        assert terminal.process.poll() is None, terminal.output[-2000:]
        children = children_of(terminal.process.pid)
        since = time.monotonic()
        hang_up(terminal)
        while terminal.process.poll() is None and time.monotonic() < since + MAX_SECONDS:
            children |= children_of(terminal.process.pid)
            terminal.read_for(0.02) if terminal.master >= 0 else time.sleep(0.02)
        assert terminal.process.poll() == 129
        assert not [child for child in children if lives(child)]
    finally:
        terminal.close()
        for child in filter(lives, children):
            os.kill(child, signal.SIGKILL)


def test_sigcont_by_itself_leaves_the_keys_where_they_are(tmp_path: Path) -> None:
    make_run(tmp_path, "newest", state="stopped")
    terminal = HungUp(tmp_path, controlling=False)
    try:
        terminal.read_until(b"Gates by unit")
        for _ in range(3):
            terminal.send(signal.SIGCONT, pause=0.3)
        terminal.output = b""
        os.write(terminal.master, b"\xe9t")  # a byte that is no UTF-8, too
        terminal.read_until(b"Suggestions")
        # A screen writes what has changed alone; ctrl+l draws it anew.
        os.write(terminal.master, b"".join(b"%d" % (number % 10) for number in range(40)) + b"\x0c")
        terminal.read_until(b"0123456789" * 4)
        os.write(terminal.master, b"\x11")
        terminal.read_for(0.5)
        assert terminal.process.wait(10) == 0
    finally:
        terminal.close()


def test_a_busy_event_loop_holds_up_no_hang_up(tmp_path: Path) -> None:
    make_run(tmp_path, "newest", state="stopped")
    terminal = HungUp(tmp_path, controlling=False)
    try:
        terminal.read_until(b"Gates by unit")
        os.write(terminal.master, b"l")
        terminal.read_for(0.5)
        terminal.send(signal.SIGHUP)
        since = time.monotonic()
        assert terminal.process.wait(MAX_SECONDS) == 129
        assert time.monotonic() - since < MAX_SECONDS
    finally:
        terminal.close()
