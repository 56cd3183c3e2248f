"""A model that stays loaded between commands, so that `lstmtui complete --warm` answers at once.

The first such command starts a daemon, python -m lstmtui.engine.services.daemon, which outlives it, and waits for its
answer; commands that come meanwhile wait for the same daemon. It listens on a socket that only this user can reach, and
exits after a quarter of an hour without a question.
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

from lstmtui.client.process import command, reported_error
from lstmtui.common.files import parse_object, to_json
from lstmtui.runs.folder import RunFolder

ANSWER_TIMEOUT = 10.0
"""Seconds to wait for an answer."""
START_TIMEOUT = 300.0
"""Seconds to wait for a daemon that is starting; kernels may have to be compiled."""
MAX_SOCKET_PATH = 100
"""Bytes that the path of a socket may have on every system (104 on macOS, 108 on Linux, with its terminator)."""


def socket_path(run: RunFolder) -> Path | None:
    """Return the socket of the daemon for `run`; None where no folder is accessible to this user alone."""
    name = hashlib.sha256(os.fsencode(run.path.resolve())).hexdigest()[:24]
    for base in _runtime_folders():
        path = base / f"lstmtui-{os.getuid()}" / name
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            continue
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            about = path.parent.lstat()  # of a link itself
            if about.st_uid == os.getuid() and stat.S_ISDIR(about.st_mode) and about.st_mode & 0o77 == 0:
                return path
    return None


def _runtime_folders() -> Iterator[Path]:
    """Yield folders that may hold sockets, the one meant for them first."""
    if base := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(base)
    import tempfile  # here, since each import delays a warm answer

    yield Path(tempfile.gettempdir())


def ask(run: RunFolder, question: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer of the daemon for `run`; None without a daemon. Raises the LstmtuiError that it reports."""
    path = socket_path(run)
    if path is None:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_TIMEOUT)
        try:
            _connect(connection, path)
            connection.sendall(to_json(question).encode() + b"\n")
            with connection.makefile("rb") as answers:
                answer = parse_object(answers.readline())
        except (OSError, ValueError):
            return None
    if "error" in answer:
        raise reported_error(answer)
    return answer


def _connect(connection: socket.socket, path: Path) -> None:
    """Connect; wait while the queue of waiting connections is full. Raises OSError."""
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while True:
        try:
            return connection.connect(str(path))
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def start(run: RunFolder) -> None:
    """Start a daemon for `run` unless one is running; does not wait for it."""
    path = socket_path(run)
    if path is None:
        return
    import subprocess  # here, since each import delays a warm answer

    with _lock(path) as lock:
        if lock is None:
            return
        # The daemon inherits the lock and holds it while it lives, so that there is never a second one.
        subprocess.Popen(
            command("lstmtui.engine.services.daemon", str(run.path.resolve()), str(path)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(lock,),
        )


def ask_when_ready(run: RunFolder, question: dict[str, Any]) -> dict[str, Any] | None:
    """Wait for the daemon that is starting for `run` and return its answer; None if it has exited or takes too long.

    Raises the LstmtuiError that it reports.
    """
    path = socket_path(run)
    deadline = time.monotonic() + START_TIMEOUT
    while path is not None and time.monotonic() < deadline:
        with _lock(path) as lock:
            running = lock is None
        if not running:
            return None
        asked_at = time.monotonic()
        if (answer := ask(run, question)) is not None:
            return answer
        if time.monotonic() - asked_at >= ANSWER_TIMEOUT:  # it listens, but does not answer
            return None
        time.sleep(0.02)
    return None


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[int | None]:
    """Take the lock of the daemon at `path` and yield its descriptor; None if a process holds it, or it fails."""
    try:
        descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        locked = None
    else:
        locked = descriptor
    try:
        yield locked
    finally:
        os.close(descriptor)  # which releases the lock unless a daemon inherited it
