"""Creation of a run: its folder is a draft until it is complete."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from lstmtui.common.opening import PRIVATE_FOLDER
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder, is_incomplete_run, is_occupied, is_run, modification_time

DRAFT = ".{name}.{token}.draft"
"""The name of a run's folder while it is created."""
MAX_DRAFT_AGE = 86400.0
"""Seconds after which the process of a draft counts as dead."""


@contextlib.contextmanager
def draft_folder(run: RunFolder) -> Iterator[RunFolder]:
    """Yield a draft of `run` to be filled; it is renamed to `run` afterwards, or removed where filling it fails.

    Raises UsageError where the path of `run` is occupied, and OSError.
    """
    if is_occupied(run.path):
        raise UsageError(_occupied_message(run))
    run.path.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale_drafts(run.path.parent)
    draft = RunFolder(run.path.with_name(DRAFT.format(name=run.name[:64], token=secrets.token_hex(4))))
    draft.path.mkdir(mode=PRIVATE_FOLDER)
    try:
        yield draft
        os.rename(draft.path, run.path)  # replaces an empty folder, and nothing else
    except (FileExistsError, NotADirectoryError):
        shutil.rmtree(draft.path, ignore_errors=True)
        raise UsageError(_occupied_message(run)) from None
    except BaseException as error:
        shutil.rmtree(draft.path, ignore_errors=True)
        if isinstance(error, OSError) and is_occupied(run.path):  # ENOTEMPTY: another process was first
            raise UsageError(_occupied_message(run)) from None
        raise


def _occupied_message(run: RunFolder) -> str:
    if is_run(run.path):
        return f"There is already a run '{run.name}'; choose another --name, or resume or remove it."
    if is_incomplete_run(run.path):
        return f"{run.path} holds the remains of a run; 'lstmtui rm {run.name}' removes it, or choose another --name."
    return f"{run.path} exists and is not a run; choose another --name, or move it away."


def _remove_stale_drafts(root: Path) -> None:
    """Remove the drafts of processes that are long dead."""
    for path in root.glob(DRAFT.format(name="*", token="*")):
        if modification_time(path) < time.time() - MAX_DRAFT_AGE and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
