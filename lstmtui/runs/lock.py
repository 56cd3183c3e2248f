"""The lock of a run, held by its engine, and the current path of an open folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from lstmtui.common.opening import open_regular
from lstmtui.errors import LockedError
from lstmtui.runs.folder import RunFolder


class EngineLock:
    """The lock that an engine holds; the operating system releases it however the process ends.

    It locks engine.lock and the folder itself, so that a run stays locked where the file is removed.
    Raises LockedError where another engine holds it, and OSError. `engine_alive` holds it for an instant, so acquiring
    it is tried for a second.
    """

    def __init__(self, run: RunFolder, *, folder_only: bool = False) -> None:
        self.folder = os.open(run.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        """A descriptor of the folder, which stays valid when the folder is moved."""
        self._file: int | None = None
        try:
            with contextlib.suppress(OSError):  # a file system without locks of folders, such as NFS
                _lock(self.folder, run)
            if not folder_only:
                self._file = open_regular(run.lock, os.O_RDWR | os.O_CREAT)
                _lock(self._file, run)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        for descriptor in (self._file, self.folder):
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._file, self.folder = None, -1


def _lock(descriptor: int, run: RunFolder) -> None:
    for _ in range(20):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.05)
    raise LockedError(f"Run '{run.name}' is already being trained by another engine; stop that one first.")


def current_path(folder: int, path: Path) -> Path | None:
    """Return the path of the open `folder`, which was `path`; None where it was removed or cannot be found."""
    if _is_at(folder, path):
        return path
    moved = _path_of(folder)
    return moved if moved is not None and _is_at(folder, moved) else None


def _is_at(folder: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(folder))
    except FileNotFoundError:
        return False
    except OSError:  # unknown, as on a disk that is not reachable for a moment
        return True


def _path_of(folder: int) -> Path | None:
    """Return the path of an open folder, where the system reports it."""
    with contextlib.suppress(OSError):
        if hasattr(fcntl, "F_GETPATH"):  # macOS
            return Path(os.fsdecode(fcntl.fcntl(folder, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")))
        return Path(os.readlink(f"/proc/self/fd/{folder}"))
    return None


def engine_alive(run: RunFolder) -> bool:
    """Return whether an engine on this machine holds the lock of the run."""
    return any(map(is_locked, (run.lock, run.path)))


def is_locked(path: Path) -> bool:
    """Return whether a process on this machine holds the lock of the file or folder `path`."""
    try:
        # Files are opened as regular ones: opening a FIFO would wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY) if path.is_dir() else open_regular(path)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
