"""Processes of the engine: how each of them is started."""

from __future__ import annotations

import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

from lstmtui.errors import LstmtuiError

if TYPE_CHECKING:
    import subprocess

_children: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()
_children_lock = threading.Lock()
_leaving = False


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs an engine module in a process of its own: `python -P -m MODULE ARGUMENTS`.

    Without -P, Python takes the current folder for a folder of modules: a numpy.py beside someone's text would be run.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def start_child(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that answers questions of this one and is of no use without it; `options` are those of Popen."""
    import subprocess

    with _children_lock:
        if _leaving:
            raise LstmtuiError("The program is being left.")
        process = subprocess.Popen(arguments, **options)
        _children.add(process)
    return process


def end_children() -> None:
    """Kill those processes, as the last thing that this one does: none can be started afterwards."""
    global _leaving
    with _children_lock:
        _leaving = True
        for process in _children:
            if process.poll() is None:
                process.kill()
