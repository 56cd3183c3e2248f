"""Who works on which trial of a search: claims of workers on any machines that share a folder.

worker-TOKEN      {"machine", "host", "pid"}; locked and touched by its worker while that lives, removed when it leaves
007-2             {"worker"}: the second claim on trial 7; the newest one counts
prepared-MACHINE  {cell: seconds of a step}: a machine whose cache has the kernels that the trials need

A claim is made by creating a file that must not exist yet, which network file systems do as well. A dead worker's claim
is not removed but followed by a newer one: of two workers that see it dead, only one creates that.

A worker of this machine is dead once its lock is free. On other machines locks may not be seen, so one counts as dead
when its file was not touched for MAX_SILENCE seconds, by the clock of the file system.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import re
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path

from lstmtui.common.closing import Closing
from lstmtui.common.files import create_exclusively, read_json, to_json
from lstmtui.common.opening import private_folder
from lstmtui.errors import CorruptError, LstmtuiError
from lstmtui.runs.lock import is_locked

BEAT = 5.0
"""Seconds between two signs of life."""
MAX_SILENCE = 120.0
"""Seconds without one after which a worker on another machine counts as dead."""
_CLAIM = re.compile(r"(\d+)-(\d+)")


def this_machine() -> str:
    """Return what no other machine that runs now has."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return platform.node()


class Claims(Closing):
    """The claims of one worker, which lives until `close`. Raises LstmtuiError where the folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._token = secrets.token_hex(6)
        self._file = self._worker(self._token)
        self._machine = this_machine()
        self._prepared = folder / f"prepared-{self._machine}"
        about = {"machine": self._machine, "host": platform.node(), "pid": os.getpid()}
        try:
            private_folder(folder)
            create_exclusively(self._file, to_json(about).encode())
            self._lock: int | None = os.open(self._file, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise LstmtuiError(f"{folder} cannot be written ({error.strerror or error}).") from error
        with contextlib.suppress(OSError):  # a file system without locks: others go by the signs of life
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="signs of life", daemon=True)
        self._thread.start()

    def _worker(self, token: str) -> Path:
        return self._folder / f"worker-{token}"

    def _beat(self) -> None:
        while not self._ending.wait(BEAT):
            self._touch()

    def _touch(self) -> None:
        with contextlib.suppress(OSError):
            os.utime(self._file)

    def claim(self, number: int) -> bool:
        """Claim a trial, unless another worker lives that has; return whether it is this worker's. Raises OSError."""
        newest = self._newest(number)
        if newest:
            owner = self._owner(number, newest)
            if owner == self._token:
                return True
            if owner is not None and self._lives(owner):
                return False
        return create_exclusively(self._claim(number, newest + 1), to_json({"worker": self._token}).encode())

    def owns(self, number: int) -> bool:
        """Return whether the trial is this worker's: another may have thought it dead."""
        newest = self._newest(number)
        return newest > 0 and self._owner(number, newest) == self._token

    def is_taken(self, number: int) -> bool:
        """Return whether a worker that lives has claimed the trial."""
        newest = self._newest(number)
        owner = self._owner(number, newest) if newest else None
        return owner is not None and (owner == self._token or self._lives(owner))

    def prepared(self) -> dict[str, float] | None:
        """Return the seconds of a step by cell, as a worker noted them; None where this machine is not prepared yet."""
        with contextlib.suppress(CorruptError):
            noted = read_json(self._prepared)
            return None if noted is None else {k: v for k, v in noted.items() if isinstance(v, float) and v > 0}
        return {}

    def note_prepared(self, speeds: Mapping[str, float]) -> None:
        """Note that this machine has what the trials need, and the seconds of a step by cell. Raises OSError."""
        create_exclusively(self._prepared, to_json(dict(speeds)).encode())

    def close(self) -> None:
        """Leave: this worker's trials are free from now on."""
        self._ending.set()
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _claim(self, number: int, generation: int) -> Path:
        return self._folder / f"{number:03d}-{generation}"

    def _newest(self, number: int) -> int:
        """Return the generation of the newest claim on a trial; 0 without one."""
        found = (_CLAIM.fullmatch(name) for name in os.listdir(self._folder))
        return max((int(one[2]) for one in found if one is not None and int(one[1]) == number), default=0)

    def _owner(self, number: int, generation: int) -> str | None:
        """Return the worker of a claim; None where it is unreadable, as if its worker were dead."""
        with contextlib.suppress(CorruptError, OSError):
            owner = (read_json(self._claim(number, generation)) or {}).get("worker")
            return owner if isinstance(owner, str) else None
        return None

    def _lives(self, token: str) -> bool:
        path = self._worker(token)
        with contextlib.suppress(CorruptError):
            about = read_json(path)
            if about is None:  # it has left
                return False
            if about.get("machine") == self._machine:
                return is_locked(path)
        return self.silence(path) < MAX_SILENCE

    def silence(self, path: Path) -> float:
        """Return for how many seconds `path` has not changed, by the clock of its file system; infinite without it."""
        self._touch()
        try:
            return os.stat(self._file).st_mtime - os.stat(path).st_mtime
        except OSError:
            return float("inf")
