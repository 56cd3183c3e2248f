"""A model kept loaded between commands, so that `lstmtui complete --warm` answers at once.

The first such command answers as any other does and leaves a process behind: python -m lstmtui.engine.standby. It
listens at a socket that only this user can reach, and ends after a quarter of an hour without a question.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from lstmtui.errors import FAMILIES, LstmtuiError
from lstmtui.files import to_json
from lstmtui.runs.folder import RunFolder

PATIENCE = 10.0
"""Seconds to wait for an answer."""


def address(run: RunFolder) -> Path | None:
    """Return where a process for `run` listens; None where no folder is this user's alone."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if not base:
        import tempfile

        base = tempfile.gettempdir()
    folder = Path(base) / f"lstmtui-{os.getuid()}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
        if about.st_uid == os.getuid() and about.st_mode & 0o77 == 0 and folder.is_dir() and not folder.is_symlink():
            # A socket's path is short, so that a run's own would not always do.
            return folder / hashlib.sha256(str(run.path.resolve()).encode()).hexdigest()[:24]
    return None


def ask(run: RunFolder, question: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer of the process that stands by for `run`; None when there is none.

    Raises the LstmtuiError that it reports.
    """
    place = address(run)
    if place is None:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(PATIENCE)
        try:
            line.connect(str(place))
            line.sendall(to_json(question).encode() + b"\n")
            with line.makefile("rb") as answers:
                answer = json.loads(answers.readline())
        except (OSError, ValueError):
            return None
    if "error" in answer:
        raise FAMILIES.get(answer.get("exit_code", 1), LstmtuiError)(answer["error"])
    return dict(answer)


def begin(run: RunFolder) -> None:
    """Start a process that stands by for `run`, and do not wait for it."""
    place = address(run)
    if place is None:
        return
    import subprocess  # here, since who only asks waits for every import

    subprocess.Popen(
        [sys.executable, "-m", "lstmtui.engine.standby", str(run.path.resolve()), str(place)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
