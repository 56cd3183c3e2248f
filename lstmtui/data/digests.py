"""The facts of a file, from one pass over it: its SHA-256 and whether it is text. Large files are cached."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from lstmtui.common.files import read_json, write_atomically
from lstmtui.data.long_runs import LongRuns
from lstmtui.errors import CorruptError

MIN_REMEMBERED_BYTES = 16 << 20
"""Bytes from which on the facts of a file are stored in the cache; smaller files are read again."""
MAX_CACHED_FILES = 100_000
"""Files whose facts a process holds in memory."""
MIN_SETTLED_SECONDS = 2.0
"""Seconds after a change within which another one could leave the time stamp unchanged."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The digest of a file and what its bytes are."""

    sha256: str
    """In hex."""
    nul: int | None
    """The offset of the first NUL; None without one."""
    invalid: int | None
    """The offset of the first byte that is not UTF-8; None without one."""
    long_runs: int
    """Bytes of long runs of base64 and hexadecimal (`lstmtui.data.long_runs`); 0 for a file that is not text."""


def content_facts(chunks: Iterable[bytes]) -> FileFacts:
    """Return the facts of the bytes in `chunks`."""
    digest, text = hashlib.sha256(), TextCheck()
    runs = LongRuns()

    def seen() -> Iterator[bytes]:
        for chunk in chunks:
            digest.update(chunk)
            text.feed(chunk)
            if text.is_text:
                yield chunk
        text.feed(b"", final=True)

    for _ in runs.without(seen()):
        pass
    return FileFacts(digest.hexdigest(), text.nul, text.invalid, runs.bytes if text.is_text else 0)


class TextCheck:
    """Finds the first NUL and the first byte that is not UTF-8 in a sequence of chunks."""

    def __init__(self, at: int = 0) -> None:
        """`at` is the offset of the first byte."""
        self.nul: int | None = None
        self.invalid: int | None = None
        self._at = at
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")

    @property
    def is_text(self) -> bool:
        """Whether all bytes so far are text."""
        return self.nul is None and self.invalid is None

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        """Check the next chunk; nothing is checked after the first invalid byte."""
        if self.nul is None and b"\0" in chunk:
            self.nul = self._at + chunk.index(0)
        if self.invalid is None:
            held = len(self._decoder.getstate()[0])
            try:
                self._decoder.decode(chunk, final)
            except UnicodeDecodeError as error:
                self.invalid = self._at - held + error.start
        self._at += len(chunk)


def file_facts(path: Path, chunks: Iterable[bytes], cache: Path | None) -> FileFacts:
    """Return the facts of `chunks`, the content of `path`, or those in `cache` where the file is unchanged."""
    found = os.stat(path)
    settled = time.time() - found.st_mtime > MIN_SETTLED_SECONDS
    key = (path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    if settled and key in _cached:
        return _cached[key]
    facts = _facts_with_note(path, found, settled, chunks, cache)
    if settled and len(_cached) < MAX_CACHED_FILES:
        _cached[key] = facts
    return facts


_cached: dict[tuple[Path, int, int, int, int], FileFacts] = {}


def _facts_with_note(
    path: Path, found: os.stat_result, settled: bool, chunks: Iterable[bytes], cache: Path | None
) -> FileFacts:
    """Return the facts of a large file from a note in `cache`, written if need be, those of others by reading."""
    note = None
    if cache is not None and found.st_size >= MIN_REMEMBERED_BYTES:
        note = cache / "digests" / hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    stamp = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
    if note is not None:
        with contextlib.suppress(CorruptError, TypeError):  # then the file is read again
            record = read_json(note) or {}
            if record.get("stamp") == stamp and isinstance(record.get("facts"), dict):
                return FileFacts(**record["facts"])
    facts = content_facts(chunks)
    if note is not None and settled:
        with contextlib.suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(note, json.dumps({"stamp": stamp, "facts": asdict(facts)}).encode())
    return facts
