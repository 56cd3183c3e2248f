"""Names of runs: which are allowed, which are free, and renaming."""

from __future__ import annotations

import re
from pathlib import Path

from lstmtui.common.terminal_text import one_line
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.base import is_base
from lstmtui.runs.folder import RunFolder, is_occupied
from lstmtui.runs.lock import EngineLock

LATEST = "latest"
"""The name that stands for the run with the newest status."""
_NAME = re.compile(r"[^\W_][\w.-]{0,63}")


def check_run_name(name: str) -> str:
    """Return `name` if a run can have it, else raise UsageError."""
    if name == LATEST:
        raise UsageError(f"A run cannot be called '{LATEST}', which always means the latest one; choose another name.")
    if not _NAME.fullmatch(name) or ".." in name:
        raise UsageError(
            f"'{one_line(name, 80)}' cannot be a run's name: use letters, digits, '.', '-' and '_', "
            "beginning with a letter or digit, at most 64 characters."
        )
    return name


def free_run_name(root: Path, stem: str) -> str:
    """Return the first of `stem`, `stem-2`, `stem-3` ... that no run has. Unusable characters become dashes."""
    stem = re.sub(r"[^\w.-]+|\.\.+", "-", stem).strip("._-")[:48] or "run"
    candidate, number = stem, 2
    while candidate == LATEST or is_occupied(root / candidate):
        candidate, number = f"{stem}-{number}", number + 1
    return candidate


def rename_run(run: RunFolder, name: str) -> RunFolder:
    """Rename a run within its folder of runs and return it.

    Raises UsageError for a name that is not allowed or another run's, LockedError while an engine works on the run, and
    LstmtuiError where the system refuses.
    """
    from lstmtui import config
    from lstmtui.common.files import write_atomically

    if is_base(run):
        raise UsageError(f"The run '{run.name}' comes with lstmtui and keeps its name.")
    renamed = RunFolder(run.path.absolute().parent / check_run_name(name))
    if is_occupied(renamed.path):
        raise UsageError(f"There is already a run '{name}' in {renamed.path.parent}; choose another name.")
    settings = config.load(run.config)
    own = {str(run.text.absolute()): str(renamed.text)}
    corpus = tuple(own.get(one, one) for one in settings.data.corpus)
    lock = EngineLock(run)
    try:
        run.path.rename(renamed.path)
        if corpus != settings.data.corpus:  # the piped text has moved with the run
            write_atomically(renamed.config, config.dump(settings.changed(corpus=corpus)).encode())
    except OSError as error:
        raise LstmtuiError(f"{run.path} cannot be renamed ({error.strerror or error}).") from error
    finally:
        lock.release()
    return renamed
