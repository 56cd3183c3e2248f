"""A folder that is written as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from lstmtui.errors import LstmtuiError, UsageError


def refuse_existing(path: Path) -> None:
    """Raise UsageError where `path` exists: nothing is overwritten."""
    if os.path.lexists(path):
        raise UsageError(f"{path} exists already; choose another name with --out, or remove it.")


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a draft beside `path` to be filled; it is renamed to `path` afterwards, or removed where filling it fails.

    Raises UsageError where `path` exists, LstmtuiError where the system refuses to write.
    """
    refuse_existing(path)
    draft = path.absolute().with_name(f".{path.absolute().name}.{os.getpid()}.tmp")
    try:
        draft.mkdir()
        yield draft
        os.rename(draft, path)
    except OSError as error:
        raise LstmtuiError(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
