"""Arrays in the bytes of an .npz file, and back, whatever may have happened to it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_DAMAGED = (OSError, KeyError, EOFError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile)


def packed(arrays: dict[str, Array]) -> bytes:
    """Return the bytes of a file that holds `arrays`."""
    body = io.BytesIO()
    np.savez(body, **arrays)  # type: ignore[arg-type]  # the names are ours
    return body.getvalue()


def unpacked(data: bytes) -> dict[str, Array]:
    """Undo `packed`. Raises ValueError for other or damaged bytes."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except _DAMAGED as error:
        raise ValueError(f"no arrays in it ({error})") from error
