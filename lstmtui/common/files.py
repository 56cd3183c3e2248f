"""Files of a run: written atomically, and read as if anyone may have edited them.

Reading has three outcomes: the content, None for a missing file, and an error. A file that cannot be read now (too many
open files, a failing disk, no permission) is an error and never counts as missing, since callers delete or replace
files by what they read.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import math
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lstmtui.common.opening import mode_of, open_regular, open_temporary, open_to_read, read_bytes
from lstmtui.errors import CorruptError, UnreadableError

MAX_BYTES = 16 << 20
"""The largest file that is parsed at once, unless its reader passes another limit."""
MAX_DEPTH = 64
"""The deepest nesting of lists and tables; parsers recurse as deeply."""


# --- writing ----------------------------------------------------------------------------------------------------------

_count = itertools.count()


def write_atomically(path: Path, data: bytes | Iterable[bytes | memoryview], *, sync: bool = True) -> None:
    """Replace `path` by `data`, as a whole or in parts: temporary file, sync, rename, sync of the folder.

    The mode of an old file is kept; a new file is private. `sync=False` survives a crash of the process but not of the
    machine, for files that are rewritten every second. Raises OSError; then the old file is unchanged and no temporary
    file is left.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{next(_count)}.tmp")
    try:
        with open_temporary(temporary, mode_of(path)) as file:
            for part in (data,) if isinstance(data, bytes) else data:
                file.write(part)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if sync:
        sync_folder(path.parent)


def create_exclusively(path: Path, data: bytes) -> bool:
    """Create `path` with `data`, and return whether it was this process that did: False where it is there already.

    Of several processes, also on machines that share the folder, one succeeds; none reads a part of it. Raises OSError.
    """
    # Numbers of processes are unique on one machine alone.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.randbelow(10**9)}.tmp")
    try:
        with open_temporary(temporary) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename, it replaces nothing
    except FileExistsError:
        return False
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return True


_TEMPORARY = re.compile(r"\..+\.(\d+)(-\d+)?\.tmp")


def remove_stale_temporaries(*folders: Path, min_age: float = 0.0) -> None:
    """Remove temporary files and folders of dead processes in `folders`. Never raises.

    min_age    seconds since the last change, for a folder that another machine may be writing in
    """
    for folder in folders:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                if (found := _TEMPORARY.fullmatch(name)) and not _is_running(int(found.group(1))):
                    _remove_stale(folder / name, min_age)


def _remove_stale(path: Path, min_age: float) -> None:
    with contextlib.suppress(OSError):
        if min_age and time.time() - max(each.lstat().st_mtime for each in (path, *path.glob("*"))) < min_age:
            return
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


def _is_running(number: int) -> bool:
    """Return whether another process of this number may still be writing."""
    if number == os.getpid():
        return False  # an earlier process had the number of this one
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def sync_folder(folder: Path) -> None:
    """Sync the renames in `folder` to the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Sync a regular file to the disk. Raises OSError."""
    descriptor = open_regular(path)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def writable_folder(folder: Path) -> Path:
    """Return `folder`, created if need be; where that is not allowed, a folder that lasts as long as this process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    except OSError:
        pass
    temporary = Path(tempfile.mkdtemp(prefix="lstmtui-"))
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


def json_value(value: Any) -> Any:
    """Return `value` as strict JSON has it: non-finite numbers as None, tuples as lists."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): json_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(v) for v in value]
    return value


def to_json(value: Any) -> str:
    """Return one line of strict JSON; a lone surrogate is escaped."""
    line = json.dumps(json_value(value), ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    return line.encode("utf-8", "backslashreplace").decode()


def append_json_line(path: Path, record: dict[str, Any]) -> None:
    """Append one JSON line, in a single write where the system allows it.

    Where the last line is incomplete, a new line is started first. Raises OSError.
    """
    line = to_json(record).encode() + b"\n"
    descriptor = open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        while line:
            line = line[os.write(descriptor, line) :]
    finally:
        os.close(descriptor)


# --- parsing ----------------------------------------------------------------------------------------------------------


class FormatError(ValueError):
    """Data that is not JSON or TOML, or has values of wrong types; the message is a few words."""


def parse_json(data: bytes | str, limit: int = MAX_BYTES) -> Any:
    """Return the value of untrusted JSON. Raises FormatError and nothing else."""
    if len(data) > limit:
        raise FormatError("it is too large")
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise FormatError("it is nested too deeply") from error
    except ValueError as error:  # covers UnicodeDecodeError, JSONDecodeError and numbers of too many digits
        raise FormatError("it is not JSON") from error
    _check_depth(value)
    return value


def parse_object(data: bytes | str, limit: int = MAX_BYTES) -> dict[str, Any]:
    """Return an untrusted JSON object. Raises FormatError and nothing else."""
    value = parse_json(data, limit)
    if not isinstance(value, dict):
        raise FormatError("it is not a JSON object")
    return value


def parse_toml(data: bytes) -> dict[str, Any]:
    """Return the table of untrusted TOML. Raises FormatError and nothing else."""
    if len(data) > MAX_BYTES:
        raise FormatError("it is too large")
    try:
        table = tomllib.loads(data.decode())
    except RecursionError as error:
        raise FormatError("it is nested too deeply") from error
    except ValueError as error:  # covers UnicodeDecodeError, TOMLDecodeError and impossible dates
        raise FormatError(str(error)) from error
    _check_depth(table)
    return table


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for outer in level:
            inner += outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
        level = [each for each in inner if isinstance(each, dict | list)]
        if not level:
            return
    raise FormatError("it is nested too deeply")


NUMBER = (int, float)
NUMBER_OR_NONE = (int, float, type(None))


def check_types(record: Mapping[str, Any], types: Mapping[str, tuple[type, ...]]) -> None:
    """Raise FormatError unless `record` has every name of `types`, with a value of exactly one of its types."""
    for name, kinds in types.items():
        if name not in record:
            raise FormatError(f"it lacks '{name}'")
        if type(record[name]) not in kinds:
            raise FormatError(f"'{name}' is of a wrong type")


# --- reading ----------------------------------------------------------------------------------------------------------


def exists(path: Path | bytes) -> bool:
    """Return whether `path` exists. Raises OSError where that is unknown."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def file_size(path: Path) -> int:
    """Return the size of a regular file, 0 where there is none. Raises OSError where it is unknown."""
    try:
        about = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return about.st_size if stat.S_ISREG(about.st_mode) else 0


def list_names(folder: Path) -> list[str]:
    """Return the names in a folder, none where there is no folder. Raises OSError where they are unknown."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def read_file(path: Path, limit: int = MAX_BYTES) -> bytes | None:
    """Return the content of a regular file of at most `limit` bytes, None where it is missing. Raises OSError."""
    try:
        return read_bytes(path, limit)
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in `path`, None where the file is missing.

    Raises CorruptError where it holds no JSON object, UnreadableError where it cannot be read.
    """
    try:
        data = read_file(path)
        return None if data is None else parse_object(data)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read ({error.strerror or error}).") from error
    except FormatError as error:
        raise CorruptError(f"{path} is damaged ({error}).") from error


def read_json_lines(path: Path, offset: int = 0, limit: int = 1 << 24) -> tuple[list[dict[str, Any]], int]:
    """Return the complete JSON lines from byte `offset` on, at most `limit` bytes, and the offset after them.

    An incomplete last line is left for the next call; damaged lines and lines longer than `limit` are skipped. A
    missing file is empty. Raises OSError.
    """
    try:
        file = open_to_read(path)
    except FileNotFoundError:
        return [], 0
    with file:
        file.seek(offset)
        data = file.read(limit)
    end = data.rfind(b"\n") + 1 or (len(data) if len(data) == limit else 0)
    return list(parse_lines(data[:end].splitlines())), offset + end


def bounded_lines(stream: BinaryIO, limit: int = MAX_BYTES) -> Iterator[bytes]:
    """Yield the lines of a stream as they arrive; of a line longer than `limit` its first `limit` + 1 bytes."""
    while line := stream.readline(limit + 1):
        yield line
        while line and not line.endswith(b"\n"):
            line = stream.readline(limit + 1)


def parse_lines(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in `lines`; damaged lines are skipped."""
    for line in lines:
        with contextlib.suppress(FormatError):
            yield parse_object(line)
