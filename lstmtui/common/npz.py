"""Arrays in the bytes of an .npz file, and back, whatever may have happened to it on the way.

NumPy is loaded by whoever has arrays, not by whoever only could have.
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
"""No arrays of a compressed file take more memory; a few compressed bytes may hold far more."""


def pack(arrays: dict[str, Any], *, compressed: bool = False) -> bytes:
    """Return the bytes of a file that holds `arrays`."""
    import numpy as np

    body = io.BytesIO()
    save: Any = np.savez_compressed if compressed else np.savez  # whose stubs take a name for a setting
    save(body, **{name: np.asarray(value) for name, value in arrays.items()})
    return body.getvalue()


def unpack(data: bytes) -> dict[str, Array]:
    """Undo `pack`. Raises ValueError for other or damaged bytes, and for more than they can honestly hold."""
    import numpy as np

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > max(MAX_BYTES, len(data)):
            raise ValueError("it holds too much")
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # NumPy and zipfile meet foreign bytes with nearly every error that there is
        raise ValueError(f"no arrays in it ({error})") from error


def read_arrays(path: Path, *names: str) -> dict[str, Any] | None:
    """Return arrays of a file that anyone may have put there; None where it is missing, damaged, or something else."""
    try:
        stored = unpack(read_bytes(path, MAX_BYTES))
        return {name: stored[name] for name in names}
    except (OSError, ValueError, KeyError):
        return None
