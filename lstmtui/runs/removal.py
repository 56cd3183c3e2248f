"""Removal of a run: its own files and nothing else."""

from __future__ import annotations

import fnmatch
from pathlib import Path

from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import FILES, FOLDERS, TEMPORARY, RunFolder
from lstmtui.runs.lock import EngineLock


def remove_run(run: RunFolder) -> list[str]:
    """Delete a run and return the names of files that are left because no run has them.

    A path that a person typed may be a folder with other files, so only those of a run are deleted; a link is deleted,
    not its target. Raises LockedError while an engine works on the run, and LstmtuiError where the system refuses.
    """
    lock = _lock_to_remove(run)
    try:
        # config.toml first, so that no list shows an incomplete run.
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
        except OSError:  # engine.lock is no regular file: the lock of the folder is enough
            return EngineLock(run, folder_only=True)
    except OSError as error:
        raise LstmtuiError(f"{run.path} cannot be removed ({error.strerror or error}).") from error


def _remove_file(path: Path) -> None:
    """Remove a file, a link or a pipe, but no folder."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)


def _remove_folder(folder: Path, patterns: tuple[str, ...]) -> None:
    """Remove the files in `folder` that match `patterns`, then the folder if it is empty; a link is removed itself."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    for path in list(folder.iterdir()):
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in (*patterns, TEMPORARY)):
            _remove_file(path)
    if not any(folder.iterdir()):
        folder.rmdir()
