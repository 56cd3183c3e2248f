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
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lstmtui.errors import FAMILIES, LstmtuiError
from lstmtui.files import to_json
from lstmtui.process import command
from lstmtui.runs.folder import RunFolder

PATIENCE = 10.0
"""Seconds to wait for an answer."""
LONGEST = 100
"""Bytes that the path of a socket may have on every system (104 on macOS, 108 on Linux, with what ends it)."""


def address(run: RunFolder) -> Path | None:
    """Return where a process for `run` listens; None where no folder is this user's alone."""
    name = hashlib.sha256(os.fsencode(run.path.resolve())).hexdigest()[:24]
    for base in _bases():
        place = base / f"lstmtui-{os.getuid()}" / name
        if len(os.fsencode(place)) > LONGEST:
            continue
        folder = place.parent
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            about = folder.lstat()  # of a link itself
            if about.st_uid == os.getuid() and stat.S_ISDIR(about.st_mode) and about.st_mode & 0o77 == 0:
                return place
    return None


def _bases() -> Iterator[Path]:
    """Yield folders that may hold sockets, the one made for that first."""
    if base := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(base)
    import tempfile  # here, since who only asks waits for every import

    yield Path(tempfile.gettempdir())


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
        command("lstmtui.engine.standby", str(run.path.resolve()), str(place)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
