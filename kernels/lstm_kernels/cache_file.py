"""Files that prove themselves whole, of what can be made again: one that is not is as if it were not there.

What they hold gets executed, and a digest proves nothing about who wrote it. So a file is read only where it is the
user's own (or root's), a regular file that nobody else may write, in a folder of which that is true as well.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

_SEAL = hashlib.sha256().digest_size
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def make_private(folder: Path) -> None:
    """Make `folder`, or take from others the right to write in the user's own. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = folder.stat()
    if about.st_uid == os.geteuid() and about.st_mode & _OTHERS_WRITE:  # as earlier versions made it, by the umask
        folder.chmod(stat.S_IMODE(about.st_mode) & ~_OTHERS_WRITE)


def is_private(folder: Path) -> bool:
    """Return whether nobody but the user and root may put files into `folder`. Raises OSError."""
    about = folder.stat()
    return stat.S_ISDIR(about.st_mode) and _is_own(about)


def _is_own(about: os.stat_result) -> bool:
    return about.st_uid in (os.geteuid(), 0) and not about.st_mode & _OTHERS_WRITE


def read(path: Path) -> bytes | None:
    """Return what was written there, or None if that is not there, not whole, or may be of somebody else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            if not (stat.S_ISREG(about.st_mode) and _is_own(about)):
                return None
            sealed = file.read()
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
