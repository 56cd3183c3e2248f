"""Opening of untrusted files, as in a run folder that was received.

Only regular files are opened, and none through a link: a link could lead to a file outside the run, and opening a FIFO
would wait for ever. A file that is written must also belong to the user or to the owner of the folder, and have no
other hard link. A refusal is an OSError with the reason, so that callers handle it as any other file error.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Return a descriptor of the regular file `path`; a new file is private. Raises OSError."""
    try:
        # O_NONBLOCK: opening a FIFO would wait for its other end. Regular files ignore the flag.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, PRIVATE_FILE)
    except OSError as error:
        raise _explained(error, path) from error
    try:
        _check(os.fstat(descriptor), path, writing=flags & os.O_ACCMODE != os.O_RDONLY)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_to_read(path: Path) -> BinaryIO:
    """Open the regular file `path` for reading bytes. Raises OSError."""
    return open(open_regular(path), "rb")


def open_to_append(path: Path) -> BinaryIO:
    """Open the user's own regular file `path` for appending, unbuffered. Raises OSError."""
    return open(open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab", buffering=0)


def open_temporary(path: Path, mode: int = PRIVATE_FILE) -> BinaryIO:
    """Create the file `path` for this process alone; one that a crash left is removed. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, flags, PRIVATE_FILE)
    with contextlib.suppress(OSError):  # a file system without modes
        os.fchmod(descriptor, mode)
    return open(descriptor, "wb")


def mode_of(path: Path) -> int:
    """Return the mode for a replacement of `path`: that of the regular file there, or that of a new file."""
    try:
        about = path.lstat()
    except OSError:
        return PRIVATE_FILE
    return stat.S_IMODE(about.st_mode) & 0o777 if stat.S_ISREG(about.st_mode) else PRIVATE_FILE


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """Return the content of the regular file `path`. Raises OSError, also for more than `limit` bytes."""
    with open_to_read(path) as file:
        if limit is not None and os.fstat(file.fileno()).st_size > limit:
            raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes", str(path))
        return file.read()


def truncate(path: Path, size: int) -> None:
    """Truncate the user's own regular file `path` to `size` bytes. Raises OSError."""
    descriptor = open_regular(path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)


def private_folder(path: Path) -> None:
    """Create the private folder `path`, or check the existing one. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=PRIVATE_FOLDER)
    check_folder(path, writing=True)


def check_folder(path: Path, *, writing: bool = False) -> None:
    """Raise OSError unless `path` is a folder and, for `writing`, the user's own."""
    about = path.lstat()
    if not stat.S_ISDIR(about.st_mode):
        raise OSError(errno.ENOTDIR, f"it is {_kind(about.st_mode)}, where a folder belongs", str(path))
    if writing:
        _check_owner(about, path)


def check_regular(path: Path) -> None:
    """Raise OSError unless `path` is a regular file; it is not opened."""
    _check(path.lstat(), path, writing=False)


def _check(about: os.stat_result, path: Path, *, writing: bool) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, f"it is {_kind(about.st_mode)}, where a file belongs", str(path))
    if writing:
        _check_owner(about, path)
        if about.st_nlink > 1:
            raise OSError(errno.EMLINK, "it has another name elsewhere (a hard link)", str(path))


def _check_owner(about: os.stat_result, path: Path) -> None:
    # Containers and file systems of other machines show a whole run as another user's, which is accepted. A file that
    # belongs neither to the user nor to the owner of the folder is not.
    if about.st_uid not in (os.geteuid(), path.parent.stat().st_uid):
        raise PermissionError(errno.EPERM, "it belongs to another user", str(path))


def _explained(error: OSError, path: Path) -> OSError:
    """Return an error that names the kind of file at `path`, where that is the reason."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return error
    if stat.S_ISREG(mode) or error.errno not in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
        return error
    return OSError(error.errno, f"it is {_kind(mode)}, where a file belongs", str(path))


def _kind(mode: int) -> str:
    kinds = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device" if not stat.S_ISREG(mode) else "a file")
