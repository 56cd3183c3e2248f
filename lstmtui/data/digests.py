"""What one pass over a file tells of it: its SHA-256, and whether it is text. Remembered for the big ones."""

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
"""Smaller files are read again faster than a note about them is worth."""
MAX_CACHED_FILES = 100_000
"""Files whose facts one process keeps, so that it reads them once."""
MIN_SETTLED_SECONDS = 2.0
"""Seconds since the last change after which a change that leaves the time stamp alone is not to be feared."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the bytes of a file are."""

    sha256: str
    """In hex."""
    nul: int | None
    """The offset of the first NUL; None where there is none."""
    invalid: int | None
    """The offset of the first byte that is no UTF-8; None where all is."""
    long_runs: int
    """Bytes of long runs that no one wrote (`lstmtui.data.long_runs`); 0 for what is no text."""


def content_facts(chunks: Iterable[bytes]) -> FileFacts:
    """Return the facts of what `chunks` hold."""
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
    """Finds the first NUL and the first byte that is no UTF-8 in what passes."""

    def __init__(self, at: int = 0) -> None:
        """`at` is the offset of the first byte."""
        self.nul: int | None = None
        self.invalid: int | None = None
        self._at = at
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")

    @property
    def is_text(self) -> bool:
        """Whether all that passed is text."""
        return self.nul is None and self.invalid is None

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        """Look at the next bytes; nothing is looked for after the first that are no UTF-8."""
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
    """Return the facts of `chunks`, the content of `path`, or those noted in `cache` if the file is unchanged."""
    found = os.stat(path)
    settled = time.time() - found.st_mtime > MIN_SETTLED_SECONDS
    key = (path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    if settled and key in _seen:
        return _seen[key]
    facts = _noted(path, found, settled, chunks, cache)
    if settled and len(_seen) < MAX_CACHED_FILES:
        _seen[key] = facts
    return facts


_seen: dict[tuple[Path, int, int, int, int], FileFacts] = {}


def _noted(path: Path, found: os.stat_result, settled: bool, chunks: Iterable[bytes], cache: Path | None) -> FileFacts:
    """Return the facts of a big file from a note in `cache`, made if need be; of another by reading it."""
    note = None
    if cache is not None and found.st_size >= MIN_REMEMBERED_BYTES:
        note = cache / "digests" / hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    stamp = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
    if note is not None:
        with contextlib.suppress(CorruptError, TypeError):  # then it is read again
            noted = read_json(note) or {}
            if noted.get("stamp") == stamp and isinstance(noted.get("facts"), dict):
                return FileFacts(**noted["facts"])
    facts = content_facts(chunks)
    if note is not None and settled:
        with contextlib.suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(note, json.dumps({"stamp": stamp, "facts": asdict(facts)}).encode())
    return facts
