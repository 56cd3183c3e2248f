"""Token files in the cache: written once, chunk by chunk, and verified before they are mapped.

    CACHE/tokens/DIGEST/   tokenizer.json   train.bin valid.bin test.bin   contents.json

A folder is filled under a temporary name, synced and renamed, so that it is complete or missing. contents.json holds
the length and checksum of each file, and its own digest: a mapped file that is too short would kill the process.
"""

from __future__ import annotations

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
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from lstmtui.common.files import (
    exists,
    parse_object,
    read_file,
    remove_stale_temporaries,
    sync_folder,
    writable_folder,
    write_atomically,
)
from lstmtui.data import tokens
from lstmtui.data.parts import CHUNK
from lstmtui.data.ranges import Range
from lstmtui.errors import CorruptError, LstmtuiError, UsageError

FORMAT = 1
"""Part of every digest, so that token files of another format are not found."""


MAX_DRAFT_AGE = 3600.0
"""Seconds without a change after which the incomplete folder of a dead process is removed."""


@dataclass(frozen=True, slots=True)
class Split:
    """The tokens of one part of a corpus."""

    tokens: NDArray[np.integer]
    """(N,) uint8, uint16 or int32, mapped from a file, read-only."""
    bytes: int
    """The bytes of their text."""
    characters: int | None
    """The characters of their text; None where it is not UTF-8."""


USERS_FILE = "users"
"""The file in a folder of token files that lists the run folders that need it, one per line."""


def is_in_use(folder: Path) -> bool:
    """Return whether one of the run folders that need a folder of token files still exists."""
    try:
        users = (folder / USERS_FILE).read_bytes().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return any(_may_exist(os.path.join(user, b"config.toml")) for user in users)


def _may_exist(path: bytes) -> bool:
    try:
        return exists(path)
    except OSError:
        return True


Splits = dict[str, Split]
Built = tuple[tokens.Tokenizer, Splits]
Read = TypeVar("Read")


class TokenFiles:
    """One folder of token files, named by the digest of its settings and text."""

    kind, noun = "tokens", "token files"
    """The folder of the cache, and what is in it."""

    def __init__(self, cache: Path, settings: Mapping[str, Any]) -> None:
        """Name the folder in `cache`; the tokens depend on `settings` alone."""
        self._name(cache, _sha256(json.dumps({"format": FORMAT, **settings}, sort_keys=True)))

    @classmethod
    def with_digest(cls, cache: Path, digest: str) -> TokenFiles:
        """Return the token files with a known digest."""
        found = cls.__new__(cls)
        found._name(cache, digest)
        return found

    def _name(self, cache: Path, digest: str) -> None:
        self.digest = digest
        self.folder = cache / self.kind / digest[:32]

    def retain_for(self, user: Path) -> None:
        """Retain the files for as long as the folder `user` exists; where that fails, they may be cleared."""
        with contextlib.suppress(OSError):
            note = self.folder / USERS_FILE
            known = (read_file(note) or b"").splitlines()
            if (name := os.fsencode(user.absolute())) not in known and b"\n" not in name:
                write_atomically(note, b"".join(line + b"\n" for line in (*known, name)))

    def load(self) -> Built | None:
        """Return tokenizer and tokens; None where the folder is missing or damaged, and then removed.

        Raises LstmtuiError where it cannot be read, which does not mean that it is damaged.
        """
        return self.read(_read)

    def build(
        self,
        tokenizer: Callable[[], tokens.Tokenizer],
        ranges: Mapping[str, Range],
        report: Callable[[str, float], None],
    ) -> Built:
        """Tokenise `ranges`, store the tokens and return them. Raises LstmtuiError where they cannot be written."""

        def fill(draft: Path) -> None:
            vocabulary = tokenizer()
            vocabulary.save(draft / "tokenizer.json")
            contents = {
                role: _write(draft / f"{role}.bin", vocabulary, part, role, report) for role, part in ranges.items()
            }
            write_contents(draft, {"tokenizer": vocabulary.digest(), "splits": contents})

        return self.store(fill, _read)

    def read(self, read: Callable[[Path], Read]) -> Read | None:
        """Return what `read` makes of the folder; None where it is missing or damaged, and then removed.

        read    raises FileNotFoundError, CorruptError, KeyError, TypeError or ValueError for a damaged folder
        Raises LstmtuiError where it cannot be read, which does not mean that it is damaged.
        """
        try:
            return read(self.folder)
        except (FileNotFoundError, CorruptError, KeyError, TypeError, ValueError):
            shutil.rmtree(self.folder, ignore_errors=True)
            return None
        except OSError as error:
            raise LstmtuiError(
                f"The {self.noun} in {self.folder} cannot be read ({error.strerror or error})."
            ) from error

    def store(self, fill: Callable[[Path], None], read: Callable[[Path], Read]) -> Read:
        """Let `fill` write the files into a folder, make it this one, and return what `read` makes of it.

        Raises LstmtuiError where they cannot be written.
        """
        parent = writable_folder(self.folder.parent)
        remove_stale_temporaries(parent, min_age=MAX_DRAFT_AGE)
        draft = Path(tempfile.mkdtemp(prefix=f".{self.folder.name}.", suffix=f".{os.getpid()}.tmp", dir=parent))
        try:
            fill(draft)
            final = parent / self.folder.name
            # Another process may have been faster: its folder is identical.
            with contextlib.suppress(OSError):
                os.rename(draft, final)
            sync_folder(parent)
            return read(final)
        except OSError as error:
            raise LstmtuiError(
                f"The {self.noun} cannot be kept in {parent} ({error.strerror or error}); "
                f"free some space there, or name another folder in LSTMTUI_CACHE."
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def id_dtype(size: int) -> np.dtype[Any]:
    """Return the smallest type that holds the ids 0 .. size - 1."""
    return np.dtype(np.uint8 if size <= 1 << 8 else np.uint16 if size <= 1 << 16 else np.int32)


def _write(
    path: Path, tokenizer: tokens.Tokenizer, text: Range, role: str, report: Callable[[str, float], None]
) -> dict[str, Any]:
    """Write the tokens of `text` and return their entry in contents.json."""
    counter = _Counter(text, lambda done: report(role, done))
    seen: set[int] = set()
    with ArrayFile(path, id_dtype(tokenizer.size)) as file:
        for ids in tokenizer.stream(counter.chunks()):
            file.write(ids)
            if len(seen) < 2:
                seen.update(np.unique(ids).tolist())
    if role == "train" and len(seen) < 2:
        raise UsageError(
            f"The corpus {text.source.name} holds one and the same token throughout, so there is nothing to learn; "
            f"give a more varied text or other --tokens."
        )
    return {**file.entry, "bytes": counter.bytes, "characters": counter.characters}


class ArrayFile:
    """An array that is written piece by piece; synced at the end of a `with` block."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        """Raises OSError."""
        self._file, self._dtype = open(path, "wb"), dtype  # noqa: SIM115  (closed by __exit__)
        self._crc = self._total = 0

    def write(self, values: NDArray[Any]) -> None:
        """Append values (n,). Raises OSError."""
        data = np.ascontiguousarray(values, self._dtype)
        self._crc = zlib.crc32(data.data, self._crc)
        self._total += len(data)
        self._file.write(data.data)

    @property
    def entry(self) -> dict[str, Any]:
        """What `map_array` needs to know, for contents.json."""
        return {"dtype": self._dtype.name, "tokens": self._total, "crc32": self._crc}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if error is None:
                self._file.flush()
                os.fsync(self._file.fileno())


class _Counter:
    """Counts bytes and characters of chunks on their way."""

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


def write_contents(folder: Path, contents: Mapping[str, Any]) -> None:
    """Write contents.json with its digest. Raises OSError."""
    body = json.dumps(contents, separators=(",", ":"))
    write_atomically(folder / "contents.json", f"{body}\n{_sha256(body)}\n".encode())


def read_contents(folder: Path) -> dict[str, Any]:
    """Return what contents.json has. Raises OSError, CorruptError or ValueError for a damaged one."""
    body, digest = _read_required(folder / "contents.json").decode().rsplit(maxsplit=1)
    if digest != _sha256(body):
        raise CorruptError(f"The list of token files in {folder} is damaged; remove the folder and start again.")
    return parse_object(body)


def read_tokenizer(path: Path, digest: str) -> tokens.Tokenizer:
    """Return the tokenizer in `path`. Raises OSError, CorruptError where it is damaged or has another digest."""
    tokenizer = tokens.parse(_read_required(path), path)
    if tokenizer.digest() != digest:
        raise CorruptError(
            f"The tokenizer in {path.parent} belongs to other tokens; remove the folder and start again."
        )
    return tokenizer


def _read(folder: Path) -> Built:
    """Map the files of `folder`. Raises OSError, CorruptError, KeyError, TypeError or ValueError for a damaged one."""
    contents = read_contents(folder)
    tokenizer = read_tokenizer(folder / "tokenizer.json", contents["tokenizer"])
    return tokenizer, {role: _map(folder / f"{role}.bin", entry) for role, entry in contents["splits"].items()}


def _read_required(path: Path) -> bytes:
    data = read_file(path, tokens.MAX_FILE_BYTES)
    if data is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return data


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _map(path: Path, entry: Mapping[str, Any]) -> Split:
    return Split(map_array(path, entry), entry["bytes"], entry["characters"])


def map_array(path: Path, entry: Mapping[str, Any]) -> NDArray[Any]:
    """Map the array that an `ArrayFile` has written. Raises OSError, CorruptError, KeyError, TypeError, ValueError."""
    dtype = np.dtype(entry["dtype"])
    if path.stat().st_size != entry["tokens"] * dtype.itemsize:
        raise CorruptError(f"The token file {path} is cut short; remove it and start again.")
    crc = 0
    with open(path, "rb", buffering=0) as file:  # mapped pages would count as memory of this process
        while chunk := file.read(CHUNK):
            crc = zlib.crc32(chunk, crc)
    if crc != entry["crc32"]:
        raise CorruptError(f"The token file {path} is damaged; remove it and start again.")
    # An empty file cannot be mapped.
    return np.memmap(path, dtype, mode="r") if entry["tokens"] else np.empty(0, dtype)
