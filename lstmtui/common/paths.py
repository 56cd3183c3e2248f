"""The folders of runs, of the cache and of drafts on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def runs_root() -> Path:
    """Return the folder that holds all runs: LSTMTUI_RUNS, or `runs` in the user's data folder."""
    if given := os.environ.get("LSTMTUI_RUNS"):
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_data_path("lstmtui", appauthor=False) / "runs"


def cache_root() -> Path:
    """Return the folder for tokenised corpora and compiled kernels: LSTMTUI_CACHE, or the user's cache folder."""
    if given := os.environ.get("LSTMTUI_CACHE"):
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("lstmtui", appauthor=False)


def drafts_root() -> Path:
    """Return the folder of texts that were typed with a run and not cleared yet, in the user's state folder."""
    import platformdirs

    return platformdirs.user_state_path("lstmtui", appauthor=False) / "typed"


def token_file() -> Path:
    """Return the file of the token for `lstmtui serve`, in the user's state folder."""
    import platformdirs

    return platformdirs.user_state_path("lstmtui", appauthor=False) / "serve-token"
