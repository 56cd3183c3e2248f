"""SHA-256 of files, remembered for the big ones."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from lstmtui.errors import CorruptError
from lstmtui.files import read_json, write_atomically

REMEMBERED = 16 << 20
"""Smaller files are read again faster than a note about them is worth."""
SETTLED = 2.0
"""Seconds since the last change after which a change that leaves the time stamp alone is not to be feared."""


def file_digest(path: Path, chunks: Iterable[bytes], cache: Path | None) -> str:
    """Return the SHA-256 of `chunks`, the content of `path`, or the one noted in `cache` if the file is unchanged."""
    found = os.stat(path)
    note = None
    if cache is not None and found.st_size >= REMEMBERED:
        note = cache / "digests" / hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    stamp = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
    if note is not None:
        with contextlib.suppress(CorruptError):  # then it is read again
            noted = read_json(note) or {}
            if noted.get("stamp") == stamp and isinstance(noted.get("sha256"), str):
                return str(noted["sha256"])
    whole = hashlib.sha256()
    for chunk in chunks:
        whole.update(chunk)
    if note is not None and time.time() - found.st_mtime > SETTLED:
        with contextlib.suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(note, json.dumps({"stamp": stamp, "sha256": whole.hexdigest()}).encode())
    return whole.hexdigest()
