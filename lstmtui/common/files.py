"""Files of a run: written so that a crash at any moment leaves a whole one, and read as if anyone may have edited them.

Reading knows three answers: what a file says, that there is none (None), and that it cannot be told (an error). A file
that cannot be read now (too many open files, a failing disk, no permission) is never taken for one that is not there:
who deletes or replaces something because of what a file says needs to have read it.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import math
import os
import re
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
"""No file that is parsed as a whole is larger, unless its reader knows of larger ones."""
MAX_DEPTH = 64
"""Lists and tables within each other, at most; a parser would recurse as deeply, and so would whoever walks them."""


# --- writing ----------------------------------------------------------------------------------------------------------

_count = itertools.count()


def write_atomically(path: Path, data: bytes | Iterable[bytes | memoryview], *, sync: bool = True) -> None:
    """Replace `path` by `data`, whole or in parts: temporary file in the same folder, sync, rename, sync of the folder.

    What stood there keeps its mode; a new file is its user's alone.
    `sync=False` survives the death of the process but not of the machine; for what is rewritten every second.
    Raises OSError; then the old file still stands and no temporary file is left.
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


_TEMPORARY = re.compile(r"\..+\.(\d+)(-\d+)?\.tmp")


def remove_stale_temporaries(*folders: Path, min_age: float = 0.0) -> None:
    """Remove temporary files and folders in `folders` whose process died. Never raises.

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
    """Return whether a process of this number, other than this one, may still be writing."""
    if number == os.getpid():
        return False  # of one before, whose number this process got
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make what was written to a regular file durable. Raises OSError."""
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
    """Return `value` with non-finite numbers as None, which JSON has, and tuples as lists."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): json_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(v) for v in value]
    return value


def to_json(value: Any) -> str:
    """Return one line of strict JSON; half a surrogate pair, which no encoding has, stands there as an escape."""
    line = json.dumps(json_value(value), ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    return line.encode("utf-8", "backslashreplace").decode()


def append_json_line(path: Path, record: dict[str, Any]) -> None:
    """Append one JSON line, in one write where the system takes it whole.

    If a torn line ends the file, a new one is started first. Raises OSError.
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
    """What should be JSON or TOML, or hold values of certain types, does not; the message says why in a few words."""


def parse_json(data: bytes | str, limit: int = MAX_BYTES) -> Any:
    """Return the value of JSON that anyone may have written. Raises FormatError, and nothing else."""
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
    """Return a JSON object that anyone may have written. Raises FormatError, and nothing else."""
    value = parse_json(data, limit)
    if not isinstance(value, dict):
        raise FormatError("it is not a JSON object")
    return value


def parse_toml(data: bytes) -> dict[str, Any]:
    """Return the table of TOML that anyone may have written. Raises FormatError, and nothing else."""
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
    """Raise FormatError unless `record` has every name of `types`, with a value of exactly one of these types."""
    for name, kinds in types.items():
        if name not in record:
            raise FormatError(f"it lacks '{name}'")
        if type(record[name]) not in kinds:
            raise FormatError(f"'{name}' is of a wrong type")


# --- reading ----------------------------------------------------------------------------------------------------------


def exists(path: Path | bytes) -> bool:
    """Return whether something is at `path`. Raises OSError where that cannot be told."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def file_size(path: Path) -> int:
    """Return the size of a regular file, 0 where there is none. Raises OSError where that cannot be told."""
    try:
        about = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return about.st_size if stat.S_ISREG(about.st_mode) else 0


def list_names(folder: Path) -> list[str]:
    """Return the names in a folder, none where there is none. Raises OSError where that cannot be told."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def read_file(path: Path, limit: int = MAX_BYTES) -> bytes | None:
    """Return what a regular file of at most `limit` bytes holds, None where there is none. Raises OSError."""
    try:
        return read_bytes(path, limit)
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in `path`, None where there is no file.

    Raises CorruptError where it is something else, UnreadableError where it cannot be read.
    """
    try:
        data = read_file(path)
        return None if data is None else parse_object(data)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read ({error.strerror or error}).") from error
    except FormatError as error:
        raise CorruptError(f"{path} is damaged ({error}).") from error


def read_json_lines(path: Path, offset: int = 0, limit: int = 1 << 24) -> tuple[list[dict[str, Any]], int]:
    """Return the whole JSON lines from byte `offset` on, at most `limit` bytes of them, and the offset after them.

    A torn last line is left for the next call; a damaged line in the middle, or one longer than `limit`, is passed
    over. A missing file is empty. Raises OSError.
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
    """Yield the lines of a stream as they come; of one that is longer than `limit` the first `limit` + 1 bytes."""
    while line := stream.readline(limit + 1):
        yield line
        while line and not line.endswith(b"\n"):
            line = stream.readline(limit + 1)


def parse_lines(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects among `lines`; damaged ones are passed over."""
    for line in lines:
        with contextlib.suppress(FormatError):
            yield parse_object(line)
