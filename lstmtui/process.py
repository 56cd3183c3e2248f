"""Processes of the engine: how each of them is started."""

from __future__ import annotations

import sys


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs an engine module in a process of its own: `python -P -m MODULE ARGUMENTS`.

    Without -P, Python takes the current folder for a folder of modules: a numpy.py beside someone's text would be run.
    """
    return [sys.executable, "-P", "-m", module, *arguments]
