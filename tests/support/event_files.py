"""Reads event files of TensorBoard, record by record, with their checksums."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from tensorboardX.crc32c import crc32c
from tensorboardX.proto import event_pb2


def records(path: Path) -> list[Any]:
    """Return every event of a file. Each record is its length, a checksum of that, the data, and a checksum of it."""
    data, events, at = path.read_bytes(), [], 0
    while at < len(data):
        (length,) = struct.unpack("<Q", data[at : at + 8])
        body = data[at + 12 : at + 12 + length]
        assert struct.unpack("<I", data[at + 8 : at + 12])[0] == _masked(data[at : at + 8])
        assert struct.unpack("<I", data[at + 12 + length : at + 16 + length])[0] == _masked(body)
        events.append(event_pb2.Event.FromString(body))
        at += 16 + length
    return events


def _masked(data: bytes) -> int:
    found = crc32c(data)
    return (((found >> 15) | (found << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def values(folder: Path) -> dict[str, list[tuple[int, float, Any]]]:
    """Return step, time and value of each tag of the files in a folder, the oldest file first."""
    found: dict[str, list[tuple[int, float, Any]]] = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in records(path):
            for value in event.summary.value:
                kind = value.WhichOneof("value")
                content = value.tensor.string_val[0].decode() if kind == "tensor" else getattr(value, kind)
                found.setdefault(value.tag, []).append((event.step, event.wall_time, content))
    return found
