"""Arrays of a run that anyone may have put there: read whole, or not at all."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from lstmtui.common.opening import open_to_read

MAX_BYTES = 256 << 20
"""No file of arrays takes more memory; a few compressed bytes may hold far more."""


def read_arrays(path: Path, *names: str) -> dict[str, Any] | None:
    """Return arrays of an .npz file by name; None where it is missing, damaged, or something else."""
    import numpy as np

    try:
        with open_to_read(path) as file:
            with zipfile.ZipFile(file) as archive:
                if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                    return None
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored:
                return {name: stored[name] for name in names}
    except Exception:  # NumPy and zipfile meet foreign bytes with nearly every error that there is
        return None
