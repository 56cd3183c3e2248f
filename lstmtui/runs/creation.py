"""Creation of a run's folder: as a draft that takes its place once it is complete."""

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
"""What a run's folder is called while it is made."""
MAX_DRAFT_AGE = 86400.0
"""Seconds after which a draft is of a process that died."""


@contextlib.contextmanager
def draft_folder(run: RunFolder) -> Iterator[RunFolder]:
    """Give a draft of `run` to be filled, which then takes its place as a whole, or goes where filling it fails.

    Raises UsageError where something stands in that place, and OSError.
    """
    if is_occupied(run.path):
        raise UsageError(_in_the_way(run))
    run.path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_drafts(run.path.parent)
    draft = RunFolder(run.path.with_name(DRAFT.format(name=run.name[:64], token=secrets.token_hex(4))))
    draft.path.mkdir(mode=PRIVATE_FOLDER)
    try:
        yield draft
        os.rename(draft.path, run.path)  # takes the place of an empty folder too, and of nothing else
    except (FileExistsError, NotADirectoryError):
        shutil.rmtree(draft.path, ignore_errors=True)
        raise UsageError(_in_the_way(run)) from None
    except BaseException as error:
        shutil.rmtree(draft.path, ignore_errors=True)
        if isinstance(error, OSError) and is_occupied(run.path):  # ENOTEMPTY: another process was quicker
            raise UsageError(_in_the_way(run)) from None
        raise


def _in_the_way(run: RunFolder) -> str:
    if is_run(run.path):
        return f"There is already a run '{run.name}'; choose another --name, or resume or remove it."
    if is_incomplete_run(run.path):
        return f"{run.path} holds what is left of a run; 'lstmtui rm {run.name}' removes it, or choose another --name."
    return f"{run.path} is there and is not a run; choose another --name, or move it away."


def _sweep_drafts(root: Path) -> None:
    """Remove drafts of processes that died long ago."""
    for path in root.glob(DRAFT.format(name="*", token="*")):
        if modification_time(path) < time.time() - MAX_DRAFT_AGE and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
