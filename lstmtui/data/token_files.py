"""Token files in the cache: written once, chunk by chunk, proved whole before they are mapped.

    CACHE/tokens/DIGEST/   tokenizer.json   train.bin valid.bin test.bin   contents.json

A folder is filled under a temporary name, synced and renamed, so that it is whole or absent. contents.json holds each
file's length and checksum, and then its own digest: a mapped file that is shorter than it says would kill the process.
"""

from __future__ import annotations

import atexit
import codecs
import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmtui.common.files import (
    exists,
    parse_object,
    read_file,
    remove_stale_temporaries,
    sync_folder,
    write_atomically,
)
from lstmtui.data import tokens
from lstmtui.data.sources import CHUNK, Source
from lstmtui.errors import CorruptError, LstmtuiError, UsageError

FORMAT = 1
"""Part of every digest: token files written by another format are simply not found."""


ABANDONED = 3600.0
"""Seconds without a change after which a half-made folder of a process that died is removed."""


@dataclass(frozen=True, slots=True)
class Range:
    """Some of the bytes of a source: stretches, each from its first byte to before its last, in order."""

    source: Source
    stretches: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, source: Source, start: int, stop: int) -> Range:
        """Return bytes start .. stop - 1."""
        return cls(source, ((start, stop),))

    @classmethod
    def whole(cls, source: Source) -> Range:
        """Return all bytes."""
        return cls.of(source, 0, source.bytes)

    @property
    def length(self) -> int:
        """How many bytes there are, before long runs are left out."""
        return sum(stop - start for start, stop in self.stretches)

    def chunks(self) -> Iterator[bytes]:
        """Yield them piece by piece."""
        for start, stop in self.stretches:
            yield from self.source.chunks(CHUNK, start, stop)

    def sample(self, size: int, pieces: int) -> Iterator[bytes]:
        """Yield about `size` bytes, all of a short text, in pieces from all over."""
        if self.length <= size:
            yield from self.chunks()
            return
        for k in range(pieces):
            yield from self._piece(k * self.length // pieces, size // pieces)

    def _piece(self, at: int, size: int) -> Iterator[bytes]:
        """Yield `size` bytes or more from the character at `at` on, counted along the stretches."""
        for start, stop in self.stretches:
            if at < stop - start:
                # Where a stretch begins and ends, a character does too.
                first = self.source.boundary(start + at, lines=False) if at else start
                last = min(stop, self.source.boundary(first + size, lines=False) if first + size < stop else stop)
                yield from self.source.chunks(CHUNK, first, last)
                size -= last - first
                at = 0
                if size <= 0:
                    return
            else:
                at -= stop - start

    def described(self) -> tuple[int | str, ...]:
        """Return what tells these bytes from others of the source."""
        if len(self.stretches) == 1:
            return self.stretches[0]
        return len(self.stretches), _sha256(json.dumps(self.stretches))


@dataclass(frozen=True, slots=True)
class Split:
    """The tokens of one part of a corpus."""

    tokens: NDArray[np.integer]
    """(N,) uint8, uint16 or int32, mapped from a file, read-only."""
    bytes: int
    """How many bytes they stand for."""
    characters: int | None
    """How many characters, or None where the bytes are no UTF-8."""


USERS = "users"
"""In a folder of token files: the run folders that need it, one a line."""


def in_use(folder: Path) -> bool:
    """Say whether one of the run folders that need a folder of token files still exists."""
    try:
        users = (folder / USERS).read_bytes().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return any(_may_be_there(os.path.join(user, b"config.toml")) for user in users)


def _may_be_there(path: bytes) -> bool:
    try:
        return exists(path)
    except OSError:
        return True


Splits = dict[str, Split]
Built = tuple[tokens.Tokenizer, Splits]


class TokenFiles:
    """One folder of token files, named by the digest of what made it."""

    def __init__(self, cache: Path, settings: Mapping[str, Any]) -> None:
        """Name the folder in `cache`; `settings` is everything the tokens depend on."""
        self._name(cache, _sha256(json.dumps({"format": FORMAT, **settings}, sort_keys=True)))

    @classmethod
    def of(cls, cache: Path, digest: str) -> TokenFiles:
        """Return those with a digest that is known."""
        found = cls.__new__(cls)
        found._name(cache, digest)
        return found

    def _name(self, cache: Path, digest: str) -> None:
        self.digest = digest
        self.folder = cache / "tokens" / digest[:32]

    def keep_for(self, user: Path) -> None:
        """Note that they are needed for as long as the folder `user` exists; where that fails, they may be cleared."""
        with contextlib.suppress(OSError):
            note = self.folder / USERS
            known = (read_file(note) or b"").splitlines()
            if (name := os.fsencode(user.absolute())) not in known and b"\n" not in name:
                write_atomically(note, b"".join(line + b"\n" for line in (*known, name)))

    def load(self) -> Built | None:
        """Return what the folder holds, or None when it is absent or damaged (then it is removed).

        Raises LstmtuiError when it cannot be read, which does not mean that it is damaged.
        """
        try:
            return _read(self.folder)
        except (FileNotFoundError, CorruptError, KeyError, TypeError, ValueError):
            shutil.rmtree(self.folder, ignore_errors=True)
            return None
        except OSError as error:
            raise LstmtuiError(
                f"The token files in {self.folder} cannot be read ({error.strerror or error})."
            ) from error

    def build(
        self,
        tokenizer: Callable[[], tokens.Tokenizer],
        ranges: Mapping[str, Range],
        report: Callable[[str, float], None],
    ) -> Built:
        """Tokenise `ranges`, keep the outcome and return it. Raises LstmtuiError when it cannot be written."""
        parent = writable(self.folder.parent)
        remove_stale_temporaries(parent, min_age=ABANDONED)
        draft = Path(tempfile.mkdtemp(prefix=f".{self.folder.name}.", suffix=f".{os.getpid()}.tmp", dir=parent))
        try:
            vocabulary = tokenizer()
            vocabulary.save(draft / "tokenizer.json")
            contents = {
                role: _write(draft / f"{role}.bin", vocabulary, part, role, report) for role, part in ranges.items()
            }
            body = json.dumps({"tokenizer": vocabulary.digest(), "splits": contents}, separators=(",", ":"))
            write_atomically(draft / "contents.json", f"{body}\n{_sha256(body)}\n".encode())
            final = parent / self.folder.name
            # Another process may have been faster: its folder is the same, byte for byte.
            with contextlib.suppress(OSError):
                os.rename(draft, final)
            sync_folder(parent)
            return _read(final)
        except OSError as error:
            raise LstmtuiError(
                f"The token files cannot be kept in {parent} ({error.strerror or error}); "
                f"free some space there, or name another folder in LSTMTUI_CACHE."
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def writable(folder: Path) -> Path:
    """Return `folder`, made if need be; where that is not allowed, a folder that lasts as long as this process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    except OSError:
        pass
    passing = Path(tempfile.mkdtemp(prefix="lstmtui-tokens-"))
    atexit.register(shutil.rmtree, passing, ignore_errors=True)
    return passing


def smallest_type(size: int) -> np.dtype[Any]:
    """Return the narrowest type that holds the ids 0 .. size - 1."""
    return np.dtype(np.uint8 if size <= 1 << 8 else np.uint16 if size <= 1 << 16 else np.int32)


def _write(
    path: Path, tokenizer: tokens.Tokenizer, text: Range, role: str, report: Callable[[str, float], None]
) -> dict[str, Any]:
    """Write the tokens of `text` and return what contents.json says of them."""
    dtype = smallest_type(tokenizer.size)
    counter = _Counter(text, lambda done: report(role, done))
    crc = total = 0
    seen: set[int] = set()
    with open(path, "wb") as file:
        for ids in tokenizer.stream(counter.chunks()):
            data = ids.astype(dtype)
            crc = zlib.crc32(data.data, crc)
            total += len(data)
            if len(seen) < 2:
                seen.update(np.unique(data).tolist())
            file.write(data.data)
        file.flush()
        os.fsync(file.fileno())
    if role == "train" and len(seen) < 2:
        raise UsageError(
            f"The corpus {text.source.name} holds one and the same token throughout, so there is nothing to learn; "
            f"give a more varied text or other --tokens."
        )
    return {
        "dtype": dtype.name,
        "tokens": total,
        "crc32": crc,
        "bytes": counter.bytes,
        "characters": counter.characters,
    }


class _Counter:
    """Counts the bytes and characters that pass."""

    def __init__(self, text: Range, progress: Callable[[float], None]) -> None:
        self.text, self.progress = text, progress
        self.bytes = 0
        self.characters: int | None = 0

    def chunks(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        length = max(1, self.text.length)
        for chunk in self.text.chunks():
            yield chunk
            self.bytes += len(chunk)
            self._count(decoder, chunk, final=False)
            self.progress(min(1.0, self.bytes / length))
        self._count(decoder, b"", final=True)

    def _count(self, decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> None:
        if self.characters is not None:
            try:
                self.characters += len(decoder.decode(chunk, final))
            except UnicodeDecodeError:
                self.characters = None


def _read(folder: Path) -> Built:
    """Map what `folder` holds. Raises OSError, CorruptError, KeyError, TypeError or ValueError when it is not whole."""
    body, digest = _present(folder / "contents.json").decode().split()
    if digest != _sha256(body):
        raise CorruptError(f"The list of token files in {folder} is damaged; remove the folder and start again.")
    contents = parse_object(body)
    kept = folder / "tokenizer.json"
    tokenizer = tokens.parse(_present(kept), kept)
    if tokenizer.digest() != contents["tokenizer"]:
        raise CorruptError(f"The tokenizer in {folder} belongs to other tokens; remove the folder and start again.")
    return tokenizer, {role: _map(folder / f"{role}.bin", entry) for role, entry in contents["splits"].items()}


def _present(path: Path) -> bytes:
    data = read_file(path, tokens.MAX_FILE)
    if data is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return data


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _map(path: Path, entry: Mapping[str, Any]) -> Split:
    dtype = np.dtype(entry["dtype"])
    if path.stat().st_size != entry["tokens"] * dtype.itemsize:
        raise CorruptError(f"The token file {path} is cut short; remove it and start again.")
    # An empty file cannot be mapped.
    mapped = np.memmap(path, dtype, mode="r") if entry["tokens"] else np.empty(0, dtype)
    crc = 0
    for at in range(0, len(mapped), CHUNK):
        crc = zlib.crc32(mapped[at : at + CHUNK].data, crc)
    if crc != entry["crc32"]:
        raise CorruptError(f"The token file {path} is damaged; remove it and start again.")
    return Split(mapped, entry["bytes"], entry["characters"])
