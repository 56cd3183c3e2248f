"""Files that prove themselves whole, of what can be made again: one that is not is as if it were not there."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

_SEAL = hashlib.sha256().digest_size


def read(path: Path) -> bytes | None:
    """Return what was written there, or None if that is not there or not whole."""
    try:
        sealed = path.read_bytes()
    except OSError:
        return None
    payload = sealed[_SEAL:]
    return payload if hashlib.sha256(payload).digest() == sealed[:_SEAL] else None


def write(path: Path, payload: bytes) -> None:
    """Put it there at once or not at all: the disk may be full, or the folder gone."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            file.write(hashlib.sha256(payload).digest() + payload)
        temporary.replace(path)
    except OSError:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
