"""A model kept loaded between commands, so that `lstmtui complete --warm` answers at once.

The first such command starts a process that it leaves behind, python -m lstmtui.engine.services.daemon, and waits for
its answer; others that come meanwhile wait for the same process. It listens at a socket that only this user can reach,
and ends after a quarter of an hour without a question.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lstmtui.common.files import parse_object, to_json
from lstmtui.errors import ERROR_BY_EXIT_CODE, LstmtuiError
from lstmtui.runs.folder import RunFolder

PATIENCE = 10.0
"""Seconds to wait for an answer."""
MAX_START = 300.0
"""Seconds to wait for a process that is being started; kernels may have to be compiled."""
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
            _connect(line, place)
            line.sendall(to_json(question).encode() + b"\n")
            with line.makefile("rb") as answers:
                answer = parse_object(answers.readline())
        except (OSError, ValueError):
            return None
    if "error" in answer:
        raise ERROR_BY_EXIT_CODE.get(answer.get("exit_code", 1), LstmtuiError)(answer["error"])
    return answer


def _connect(line: socket.socket, place: Path) -> None:
    """Connect, and wait for a place where more are waiting than the system lets. Raises OSError."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return line.connect(str(place))
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def begin(run: RunFolder) -> None:
    """Start a process that stands by for `run` where there is none, and do not wait for it."""
    place = address(run)
    if place is None:
        return
    import subprocess  # here, since who only asks waits for every import

    from lstmtui.client.process import command

    with _lock(place) as lock:
        if lock is None:
            return
        # The process has the lock for as long as it lives, so that there is one of it.
        subprocess.Popen(
            command("lstmtui.engine.services.daemon", str(run.path.resolve()), str(place)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(lock,),
        )


def ask_when_ready(run: RunFolder, question: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer of the process that has been started for `run`; None where it has ended, or takes too long.

    Raises the LstmtuiError that it reports.
    """
    place = address(run)
    deadline = time.monotonic() + MAX_START
    while place is not None and time.monotonic() < deadline:
        with _lock(place) as lock:
            starting = lock is None
        if not starting:
            return None
        asked_at = time.monotonic()
        if (answer := ask(run, question)) is not None:
            return answer
        if time.monotonic() - asked_at >= PATIENCE:  # it is there, and does not answer
            return None
        time.sleep(0.02)
    return None


@contextlib.contextmanager
def _lock(place: Path) -> Iterator[int | None]:
    """Give the lock of who stands by at `place`, as a descriptor; None where a process has it, or none can be made."""
    try:
        descriptor = os.open(place.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held = None
    else:
        held = descriptor
    try:
        yield held
    finally:
        os.close(descriptor)  # which lets go of the lock where no other process has it too
