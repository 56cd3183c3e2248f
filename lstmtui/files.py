"""Writing and reading files so that a crash at any moment leaves a whole file behind."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lstmtui.opening import mode_of, open_regular, open_temporary, open_to_read, read_bytes


def write_atomically(path: Path, data: bytes | Iterable[bytes | memoryview], *, sync: bool = True) -> None:
    """Replace `path` by `data`, whole or in parts: temporary file in the same folder, sync, rename, sync of the folder.

    What stood there keeps its mode; a new file is its user's alone.
    `sync=False` survives the death of the process but not of the machine; for what is rewritten every second.
    Raises OSError; then the old file still stands and no temporary file is left.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def plain(value: Any) -> Any:
    """Return `value` with non-finite numbers as None, which JSON has, and tuples as lists."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def to_json(value: Any) -> str:
    """Return one line of strict JSON."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(", ", ": "))


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Append one JSON line in one write; if a torn line ends the file, start a new one first."""
    line = to_json(record).encode("utf-8", "surrogatepass") + b"\n"
    descriptor = open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def read_lines(path: Path, offset: int = 0, limit: int = 1 << 24) -> tuple[list[dict[str, Any]], int]:
    """Return the whole JSON lines from byte `offset` on, at most `limit` bytes of them, and the offset after them.

    A torn last line is left for the next call; a damaged line in the middle, or one longer than `limit`, is passed
    over. A missing file is empty.
    """
    try:
        with open_to_read(path) as file:
            file.seek(offset)
            data = file.read(limit)
    except FileNotFoundError:
        return [], 0
    end = data.rfind(b"\n") + 1 or (len(data) if len(data) == limit else 0)
    return list(parsed(data[:end].splitlines())), offset + end


def parsed(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects among `lines`; damaged ones are passed over."""
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:  # covers UnicodeDecodeError and JSONDecodeError
            continue
        if isinstance(record, dict):
            yield record


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in `path`, or None when it is missing or damaged."""
    try:
        record = json.loads(read_bytes(path))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
