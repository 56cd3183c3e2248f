"""Files written whole or not at all, and where the cache lies."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """Return the user's cache folder for lstmtui: $LSTMTUI_CACHE, or the platform's usual place."""
    if given := os.environ.get("LSTMTUI_CACHE"):
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("lstmtui", appauthor=False)


def write_safely(path: Path, data: bytes) -> None:
    """Replace `path` by `data`: written beside it, synced, renamed, the folder synced. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last; where folders cannot be opened (Windows) there is nothing to do."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
