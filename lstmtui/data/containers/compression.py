"""Compressed files: gzip, bzip2, xz and Zstandard."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from lstmtui.data.containers.budget import Budget
from lstmtui.errors import UsageError

GZIP, BZIP2, XZ, ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
ENDINGS = {".gz": "", ".bz2": "", ".xz": "", ".zst": "", ".tgz": ".tar", ".txz": ".tar", ".tbz2": ".tar"}
"""Endings of compressed files, and what takes their place."""
BLOCK = 1 << 18
MAX_MEMORY = 256 << 20
"""Bytes that a decompressor may use."""
MISSING = "is zstd-compressed, which needs the package backports.zstd: pip install 'lstmtui[documents]', or unpack it"


def recognises(head: bytes, name: str) -> bool:
    """Return whether a file that starts with `head` is compressed."""
    return head.startswith((GZIP, BZIP2, XZ, ZSTD))


def without_ending(name: str) -> str:
    """Return the name of what is in the compressed file `name`."""
    path = PurePath(name)
    return path.name if path.suffix.lower() not in ENDINGS else path.stem + ENDINGS[path.suffix.lower()]


def members(path: Path, name: str, budget: Budget) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the one content of a compressed file, without a name. Raises UsageError for a damaged file."""
    yield "", _content(path, name, budget)


def _content(path: Path, name: str, budget: Budget) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            magic = file.read(len(XZ))
            file.seek(0)
            yield from budget.count(_unpacked(file, magic, name))
    except (EOFError, ValueError, zlib.error, lzma.LZMAError, OSError) as error:
        raise UsageError(f"The file {name} is damaged ({error}); fetch it again, or unpack it yourself.") from error


def _unpacked(file: BinaryIO, magic: bytes, name: str) -> Iterator[bytes]:
    """Yield what is in the open file, at most BLOCK bytes at once."""
    if magic.startswith(XZ):
        yield from _streams(file, lambda: lzma.LZMADecompressor(memlimit=MAX_MEMORY))
    elif magic.startswith(ZSTD):
        yield from _zstd(file, name)
    else:
        with gzip.GzipFile(fileobj=file) if magic.startswith(GZIP) else bz2.BZ2File(file) as content:
            while piece := content.read(BLOCK):
                yield piece


def _streams(file: BinaryIO, new: Callable[[], Any]) -> Iterator[bytes]:
    """Yield the content of one stream after the other, each by a new decompressor.

    The standard library's own files take as much memory as the streams ask for.
    """
    stream, rest = new(), b""
    while True:
        if stream.eof:
            rest = stream.unused_data.lstrip(b"\0")  # streams are padded with zeros
            if not (rest := rest or file.read(BLOCK).lstrip(b"\0")):
                return
            stream = new()
        elif stream.needs_input and not rest and not (rest := file.read(BLOCK)):
            raise EOFError("it ends too early")
        piece, rest = stream.decompress(rest, BLOCK), b""
        if piece:
            yield piece


def _zstd(file: BinaryIO, name: str) -> Iterator[bytes]:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise UsageError(f"The file {name} {MISSING}.") from None
    limit = {int(zstd.DecompressionParameter.window_log_max): MAX_MEMORY.bit_length() - 1}
    try:
        yield from _streams(file, lambda: zstd.ZstdDecompressor(options=limit))
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
