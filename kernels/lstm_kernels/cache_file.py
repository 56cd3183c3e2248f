"""Checksummed cache files; a damaged one reads as missing.

Their content gets executed, and a checksum does not show who wrote it. So a file is read only if it is a regular file
that belongs to the user or root and that nobody else may write. `is_private` checks the same of its folder.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

_DIGEST_BYTES = hashlib.sha256().digest_size
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def make_private(folder: Path) -> None:
    """Create `folder`, or remove other users' write permission from the user's own. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = folder.stat()
    if about.st_uid == os.geteuid() and about.st_mode & _OTHERS_WRITE:  # earlier versions left it to the umask
        folder.chmod(stat.S_IMODE(about.st_mode) & ~_OTHERS_WRITE)


def is_private(folder: Path) -> bool:
    """Return whether only the user and root may create files in `folder`. Raises OSError."""
    about = folder.stat()
    return stat.S_ISDIR(about.st_mode) and _is_own(about)


def _is_own(about: os.stat_result) -> bool:
    return about.st_uid in (os.geteuid(), 0) and not about.st_mode & _OTHERS_WRITE


def read(path: Path) -> bytes | None:
    """Return the payload; None where the file is missing, damaged, or may come from another user."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            if not (stat.S_ISREG(about.st_mode) and _is_own(about)):
                return None
            content = file.read()
    except OSError:
        return None
    payload = content[_DIGEST_BYTES:]
    return payload if hashlib.sha256(payload).digest() == content[:_DIGEST_BYTES] else None


def write(path: Path, payload: bytes) -> None:
    """Write a payload atomically, or not at all where the disk is full or the folder is gone."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            file.write(hashlib.sha256(payload).digest() + payload)
        temporary.replace(path)
    except OSError:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
