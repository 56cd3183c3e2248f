"""The watch of a run's profile: a process that learns from the files of folders, and what it keeps.

autocomplete/watch.json            the folders, and size and time of each file as it was when it was last read
autocomplete/watch-left-out.jsonl  files that a person has made the profile forget, and later learn again
autocomplete/watch.lock            held by the process; it ends where the file is removed
autocomplete/watch.paused          exists while the watch is paused
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path

from lstmtui.common.closing import Closing
from lstmtui.common.files import append_json_line, read_json, read_json_lines, to_json, write_atomically
from lstmtui.common.opening import open_regular, private_folder
from lstmtui.errors import CorruptError, LockedError, LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import is_locked

Stamp = tuple[int, int]
"""Size of a file in bytes, and its time in nanoseconds."""


@dataclass(slots=True)
class Watched:
    """What a watch has read."""

    folders: list[str] = field(default_factory=list)
    files: dict[str, Stamp] = field(default_factory=dict)
    """By absolute path; a file that could not be read is among them, and is read again when it changes."""
    bytes_learnt: dict[str, int] = field(default_factory=dict)
    """The text of each file that has been learnt."""


def load(run: RunFolder) -> Watched | None:
    """Return what the last watch has read; None where there was none. Raises CorruptError, UnreadableError."""
    record = read_json(_record(run))
    if record is None:
        return None
    try:
        files = {str(name): (int(size), int(time)) for name, (size, time) in record["files"].items()}
        sizes = {str(name): int(size) for name, size in record["bytes_learnt"].items()}
        return Watched([str(folder) for folder in record["folders"]], files, sizes)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptError(
            f"{_record(run)} is damaged; remove it, and the next 'lstmtui adapt --watch' reads every file again."
        ) from error


def save(run: RunFolder, watched: Watched) -> None:
    """Store what has been read. Raises LstmtuiError."""
    record = {"folders": watched.folders, "files": watched.files, "bytes_learnt": watched.bytes_learnt}
    try:
        write_atomically(_record(run), to_json(record).encode())
    except OSError as error:
        raise LstmtuiError(f"{_record(run)} cannot be written ({error.strerror or error}).") from error


class WatchLock(Closing):
    """Held by the process that watches; the operating system releases it however the process ends.

    Raises LockedError where another process holds it, LstmtuiError where it cannot be made.
    """

    def __init__(self, run: RunFolder) -> None:
        self._path = run.autocomplete / "watch.lock"
        try:
            private_folder(run.autocomplete)
            self._descriptor = open_regular(self._path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise LstmtuiError(f"{run.autocomplete} cannot be written ({error.strerror or error}).") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise LockedError(
                f"The profile of '{run.name}' is watched by another process already; end that one first."
            ) from error

    @property
    def valid(self) -> bool:
        """Whether the file is still there: without it the profile, or all of its folder, has been removed."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        return False

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)


# --- what a person asks for -------------------------------------------------------------------------------------------


def is_running(run: RunFolder) -> bool:
    """Return whether a process watches."""
    return is_locked(run.autocomplete / "watch.lock")


def is_paused(run: RunFolder) -> bool:
    """Return whether the watch is paused, running or not."""
    return _pause_mark(run).exists()


def pause(run: RunFolder) -> None:
    """Pause the watch until `resume`, also one that starts later. Raises LstmtuiError."""
    try:
        private_folder(run.autocomplete)
        os.close(open_regular(_pause_mark(run), os.O_RDWR | os.O_CREAT))
    except OSError as error:
        raise LstmtuiError(f"{_pause_mark(run)} cannot be written ({error.strerror or error}).") from error


def resume(run: RunFolder) -> None:
    """Undo `pause`. Raises LstmtuiError."""
    try:
        _pause_mark(run).unlink(missing_ok=True)
    except OSError as error:
        raise LstmtuiError(f"{_pause_mark(run)} cannot be removed ({error.strerror or error}).") from error


def is_watched(run: RunFolder, path: str) -> bool:
    """Return whether `path` is a file in a folder that is or was watched."""
    with contextlib.suppress(LstmtuiError):
        watched = load(run)
        inside = () if watched is None else tuple(os.path.join(folder, "") for folder in watched.folders)
        return path.startswith(inside) and os.path.isfile(path)
    return False


def leave_out(run: RunFolder, path: str, *, wanted: bool = True) -> None:
    """Keep the watch from learning the file `path` again; with `wanted` False, let it. Raises LstmtuiError."""
    if (path in left_out(run)) == wanted:
        return
    try:
        append_json_line(_left_out(run), {"file": path, "left_out": wanted})
    except OSError as error:
        raise LstmtuiError(f"{_left_out(run)} cannot be written ({error.strerror or error}).") from error


def left_out(run: RunFolder) -> set[str]:
    """Return the files that are not learnt."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        for line in read_json_lines(_left_out(run))[0]:
            (found.add if line.get("left_out") else found.discard)(str(line.get("file")))
    return found


def forget(run: RunFolder) -> None:
    """Remove all that a watch keeps, which ends it. The caller holds the profile's lock. Raises LstmtuiError."""
    for path in (run.autocomplete / "watch.lock", _record(run), _left_out(run), _pause_mark(run)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise LstmtuiError(f"{path} cannot be removed ({error.strerror or error}).") from error


def _record(run: RunFolder) -> Path:
    return run.autocomplete / "watch.json"


def _left_out(run: RunFolder) -> Path:
    return run.autocomplete / "watch-left-out.jsonl"


def _pause_mark(run: RunFolder) -> Path:
    return run.autocomplete / "watch.paused"
