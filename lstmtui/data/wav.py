"""WAV files as streams of samples: chunks are read in order, so that a pipe will do.

    RIFF size WAVE   fmt size ...   (other chunks)   data size SAMPLES

The size of the samples is not believed: recorders write 0 or the largest number where they cannot go back to correct
it, and copies are cut short. What is there is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RIFF = (b"RIFF", b"RF64")
MIN_UNKNOWN = 0x7FFF0000
"""Sizes from here on stand for "until the end": what recorders write into a pipe."""
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
PIECE = 1 << 16


class UnknownFormatError(ValueError):
    """Samples that are neither whole numbers nor floating-point numbers, such as ADPCM."""


class WavHeader(NamedTuple):
    """How the samples of a WAV file are stored."""

    rate: int
    """Frames a second."""
    channels: int
    bits: int
    """Of a sample: 8, 16, 24 or 32, or 64 of a floating-point number."""
    is_float: bool
    data_bytes: int | None
    """The size of all samples as the header says it; None where it does not."""

    @property
    def frame_bytes(self) -> int:
        """The size of one sample of every channel."""
        return self.channels * self.bits // 8


def read_header(stream: BinaryIO) -> WavHeader:
    """Read up to the first sample. Raises ValueError, whose message is the end of "The recording X ...".

    Raises UnknownFormatError for samples that another library may read.
    """
    if len(start := stream.read(12)) < 12 or start[:4] not in RIFF or start[8:] != b"WAVE":
        raise ValueError("is not a WAV file")
    layout = None
    while len(head := stream.read(8)) == 8:
        kind, size = head[:4], int.from_bytes(head[4:], "little")
        if kind == b"data":
            if layout is None:
                raise ValueError("does not say how its samples are stored")
            # 0 may be the header of a recorder that was stopped.
            return WavHeader(*layout, data_bytes=size if 0 < size < MIN_UNKNOWN else None)
        if kind == b"fmt ":
            layout = _layout(stream.read(size + size % 2) if size < PIECE else b"")
        else:
            _skip(stream, size + size % 2)
    raise ValueError("ends before its first sample")


def _layout(chunk: bytes) -> tuple[int, int, int, bool]:
    """Return rate, channels, bits and whether samples are floating-point numbers."""
    if len(chunk) < 16:
        raise ValueError("has a damaged header")
    numbers = np.frombuffer(chunk[:16], np.dtype("<u2"))
    kind, channels, bits = int(numbers[0]), int(numbers[1]), int(numbers[7])
    rate = int.from_bytes(chunk[4:8], "little")
    if kind == EXTENSIBLE and len(chunk) >= 26:
        kind = int.from_bytes(chunk[24:26], "little")
    if kind not in (PCM, FLOAT) or bits not in ((8, 16, 24, 32) if kind == PCM else (32, 64)):
        raise UnknownFormatError(f"has samples of an unknown kind (format {kind}, {bits} bits)")
    if not channels:
        raise ValueError("has no channels")
    return rate, channels, bits, kind == FLOAT


def _skip(stream: BinaryIO, size: int) -> None:
    while size > 0 and (piece := stream.read(min(size, PIECE))):
        size -= len(piece)


class WavReader:
    """The samples of one WAV file, mixed to one channel, -1 to 1, in order."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the header. Raises ValueError as `read_header` does."""
        self.header = read_header(stream)
        self.rate, self.channels, size = self.header.rate, self.header.channels, self.header.data_bytes
        self.frames = None if size is None else size // self.header.frame_bytes
        self.first_byte = stream.tell() if stream.seekable() else 0
        """Where the samples begin in a file."""
        self._stream = stream
        self._left = size

    def read(self, count: int) -> Samples:
        """Return the next `count` samples; fewer only at the end."""
        size = count * self.header.frame_bytes
        if self._left is not None:
            size = min(size, self._left)
        data = _read_fully(self._stream, size)
        if self._left is not None:
            self._left -= len(data)
        whole = len(data) - len(data) % self.header.frame_bytes
        samples = _decoder(self.header)(data[:whole])
        return mono(samples.reshape(-1, self.header.channels))


def _read_fully(stream: BinaryIO, size: int) -> bytes:
    """Return `size` bytes; fewer only at the end: a pipe gives what it has."""
    pieces = []
    while size > 0 and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def mono(samples: NDArray[Any]) -> Samples:
    """Return the mean (N,) of the channels (N, C) as float32; a sample that is no number is 0."""
    mixed = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    return np.nan_to_num(mixed.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _decoder(header: WavHeader) -> Callable[[bytes], NDArray[Any]]:
    if header.is_float:
        return lambda data: np.frombuffer(data, f"<f{header.bits // 8}")
    if header.bits == 24:
        return _decode_24_bits
    if header.bits == 8:
        return lambda data: (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    scale = float(1 << (header.bits - 1))
    return lambda data: np.frombuffer(data, f"<i{header.bits // 8}").astype(np.float32) / np.float32(scale)


def _decode_24_bits(data: bytes) -> NDArray[Any]:
    """Return samples of 24 bits as the upper bytes of 32."""
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return wide.view("<i4")[:, 0].astype(np.float32) / np.float32(1 << 31)
