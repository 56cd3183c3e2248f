"""Arrays in the bytes of an .npz file, and back, whatever may have happened to it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


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
    except Exception as error:  # NumPy and zipfile meet foreign bytes with nearly every error that there is
        raise ValueError(f"no arrays in it ({error})") from error
