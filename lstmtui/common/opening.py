"""Opening files that somebody else may have put there, as in a run folder that was received.

Only regular files are opened, and none through a link: a link could lead to a file that has nothing to do with a run,
and opening a FIFO would wait for ever. A file that is written must also belong to the
user, or to whoever has the folder, and have one name only.
Whatever is refused is an OSError whose words say why, so that callers treat it as any other file that cannot be used.
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
    """Return a descriptor of the regular file `path`; a new one is its user's alone. Raises OSError."""
    try:
        # Not blocking: to open a FIFO would wait for its other end. It means nothing to a regular file.
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
    """Return the regular file `path`, open for reading in bytes. Raises OSError."""
    return open(open_regular(path), "rb")


def open_to_append(path: Path) -> BinaryIO:
    """Return the user's own regular file `path`, open for appending without a buffer. Raises OSError."""
    return open(open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab", buffering=0)


def open_temporary(path: Path, mode: int = PRIVATE_FILE) -> BinaryIO:
    """Return the new file `path`, which only this process writes; one that a crash left there goes. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, flags, PRIVATE_FILE)
    with contextlib.suppress(OSError):  # a file system without modes
        os.fchmod(descriptor, mode)
    return open(descriptor, "wb")


def mode_of(path: Path) -> int:
    """Return the mode with which `path` is replaced: that of the regular file there, or that of a new one."""
    try:
        about = path.lstat()
    except OSError:
        return PRIVATE_FILE
    return stat.S_IMODE(about.st_mode) & 0o777 if stat.S_ISREG(about.st_mode) else PRIVATE_FILE


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """Return the content of the regular file `path`. Raises OSError, also where there is more than `limit` bytes."""
    with open_to_read(path) as file:
        if limit is not None and os.fstat(file.fileno()).st_size > limit:
            raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes", str(path))
        return file.read()


def truncate(path: Path, size: int) -> None:
    """Cut the user's own regular file `path` to `size` bytes. Raises OSError."""
    descriptor = open_regular(path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)


def private_folder(path: Path) -> None:
    """Make the folder `path` for its user alone, or check the one that is there. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=PRIVATE_FOLDER)
    check_folder(path, writing=True)


def check_folder(path: Path, *, writing: bool = False) -> None:
    """Refuse what stands at `path` and is no folder, or, for `writing`, not the user's. Raises OSError."""
    about = path.lstat()
    if not stat.S_ISDIR(about.st_mode):
        raise OSError(errno.ENOTDIR, f"it is {_kind(about.st_mode)}, where a folder belongs", str(path))
    if writing:
        _check_owner(about, path)


def check_regular(path: Path) -> None:
    """Refuse what stands at `path` and is no regular file, without opening it. Raises OSError."""
    _check(path.lstat(), path, writing=False)


def _check(about: os.stat_result, path: Path, *, writing: bool) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, f"it is {_kind(about.st_mode)}, where a file belongs", str(path))
    if writing:
        _check_owner(about, path)
        if about.st_nlink > 1:
            raise OSError(errno.EMLINK, "it has another name elsewhere (a hard link)", str(path))


def _check_owner(about: os.stat_result, path: Path) -> None:
    # Root in a container and a file system of another machine show a whole run as another user's, which is no reason
    # to refuse it: what does harm is a file that is neither the user's nor of whoever has the folder.
    if about.st_uid not in (os.geteuid(), path.parent.stat().st_uid):
        raise PermissionError(errno.EPERM, "it belongs to another user", str(path))


def _explained(error: OSError, path: Path) -> OSError:
    """Return an error that says what stands at `path` where that is why it cannot be opened."""
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
