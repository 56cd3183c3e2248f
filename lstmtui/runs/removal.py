"""Removal of a run: its own files, and nothing else."""

from __future__ import annotations

import fnmatch
from pathlib import Path

from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import FILES, FOLDERS, TEMPORARY, RunFolder
from lstmtui.runs.lock import EngineLock


def remove_run(run: RunFolder) -> list[str]:
    """Delete a run and return the names of what was left because no run has such files.

    A path that a person typed may be a folder with other things in it, so only a run's own files go, and a link goes
    without what it leads to. Raises LockedError while an engine works on it, and LstmtuiError when the system refuses.
    """
    lock = _lock_to_remove(run)
    try:
        # config.toml first: whatever happens after that, no list shows half a run.
        for name in FILES:
            _remove_file(run.path / name)
        for name, patterns in FOLDERS.items():
            _remove_folder(run.path / name, patterns)
        for path in run.path.glob(TEMPORARY):
            _remove_file(path)
        left = sorted(path.name for path in run.path.iterdir())
        if not left:
            run.path.rmdir()
    except OSError as error:
        raise LstmtuiError(f"{error.filename or run.path} cannot be removed ({error.strerror or error}).") from error
    finally:
        lock.release()
    return left


def _lock_to_remove(run: RunFolder) -> EngineLock:
    try:
        try:
            return EngineLock(run)
        except OSError:  # no file of ours is where the lock belongs: that of the folder is enough
            return EngineLock(run, folder_only=True)
    except OSError as error:
        raise LstmtuiError(f"{run.path} cannot be removed ({error.strerror or error}).") from error


def _remove_file(path: Path) -> None:
    """Remove a file, or whatever else no folder is; a folder of this name is not a run's."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)


def _remove_folder(folder: Path, patterns: tuple[str, ...]) -> None:
    """Remove the files in `folder` that a run has there, and it too if it is empty then; a link to a folder goes."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    for path in list(folder.iterdir()):
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in (*patterns, TEMPORARY)):
            _remove_file(path)
    if not any(folder.iterdir()):
        folder.rmdir()
