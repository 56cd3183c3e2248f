"""Arrays as the bytes of an .npz file, and back, from files that anyone may have edited.

NumPy is imported on use, so that importing this module stays fast.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmtui.common.opening import read_bytes

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MAX_BYTES = 256 << 20
"""The most memory that arrays of a compressed file may take; a few compressed bytes can expand far beyond it."""


def pack(arrays: dict[str, Any], *, compressed: bool = False) -> bytes:
    """Return the bytes of a file that holds `arrays`."""
    import numpy as np

    body = io.BytesIO()
    save: Any = np.savez_compressed if compressed else np.savez  # their stubs take array names for settings
    save(body, **{name: np.asarray(value) for name, value in arrays.items()})
    return body.getvalue()


def unpack(data: bytes) -> dict[str, Array]:
    """Undo `pack`. Raises ValueError for other or damaged bytes, and for arrays beyond MAX_BYTES."""
    import numpy as np

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > max(MAX_BYTES, len(data)):
            raise ValueError("it holds too much")
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # NumPy and zipfile raise nearly every error for foreign bytes
        raise ValueError(f"no arrays in it ({error})") from error


def read_arrays(path: Path, *names: str, optional: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """Return the arrays `names` of an untrusted file, and those of `optional` that it has; None where it is missing or
    damaged, or lacks one of `names`."""
    try:
        stored = unpack(read_bytes(path, MAX_BYTES))
        return {name: stored[name] for name in (*names, *(name for name in optional if name in stored))}
    except (OSError, ValueError, KeyError):
        return None
