"""Recordings as samples: WAV read here, other formats by the package soundfile of the extra `speech`.

    samples = read_audio(Path("a.wav"), rate=16_000)            # (N,) float32, one channel, -1 to 1
    with open_audio(path) as sound: sound.read(sound.rate)      # a second at a time

What a file is, its first bytes say, not its name. A file that is cut short is read as far as it goes.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lstmtui.data import wav
from lstmtui.data.file_kinds import foreign_kind
from lstmtui.data.resampling import resample
from lstmtui.errors import LstmtuiError, UsageError

Samples = NDArray[np.float32]

MIN_RATE, MAX_RATE = 4_000, 192_000
"""Sampling rates that are read."""
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".caf", ".w64", ".wave")
"""Endings of the files of a folder that are taken for recordings."""
MAX_FRAMES = 1 << 50
"""More than any recording has: what the library says of one whose length it does not know, and cannot read."""
PIECE_SECONDS = 10
CLIPPED_LEVEL, MIN_CLIPPED = 0.999, 0.005
"""A recording is clipped where at least this part of its samples is at this level."""


class AudioError(UsageError):
    """A recording that cannot be read; the message is a sentence that names it."""

    def __init__(self, name: str, problem: str) -> None:
        """`problem` is the end of "The recording NAME ...", without the full stop."""
        super().__init__(f"The recording {name} {problem}.")
        self.problem = problem


class Reader(Protocol):
    """Samples of one channel, in order."""

    rate: int
    channels: int
    """Of the file."""
    frames: int | None
    """Samples of each channel; None where that is not known before the end."""

    def read(self, count: int) -> Samples:
        """Return the next `count` samples; fewer only at the end. Raises OSError."""


class Sound:
    """A recording that is open: samples of one channel, -1 to 1, in order."""

    def __init__(self, reader: Reader, name: str) -> None:
        """Raises AudioError for an impossible sampling rate."""
        self.reader, self.name, self.rate = reader, name, reader.rate
        if not MIN_RATE <= self.rate <= MAX_RATE:
            limits = f"from {MIN_RATE:,} to {MAX_RATE:,} can be read"
            raise AudioError(name, f"has a sampling rate of {self.rate:,} Hz; {limits}")
        self.channels, self.frames = reader.channels, reader.frames

    def read(self, count: int) -> Samples:
        """Return the next `count` samples (N,); fewer only at the end. Raises AudioError for a damaged file."""
        try:
            return self.reader.read(count)
        except OSError as error:
            raise AudioError(self.name, _reason(error)) from error


class AudioFacts(NamedTuple):
    """What the header of a recording says, corrected by the size of the file."""

    rate: int
    channels: int
    frames: int
    missing: int
    """Frames that the header promises beyond the end of the file."""

    @property
    def seconds(self) -> float:
        """The duration."""
        return self.frames / self.rate


@contextlib.contextmanager
def open_audio(source: Path | BinaryIO, name: str = "") -> Iterator[Sound]:
    """Open a recording: a file, or a stream such as a pipe, which is called `name`.

    Raises AudioError for what is no recording, LstmtuiError where a package is missing.
    """
    name = name or str(source)
    with contextlib.ExitStack() as stack:
        try:
            if isinstance(source, Path):
                _check_regular(source)
            stream = stack.enter_context(open(source, "rb")) if isinstance(source, Path) else source
            sound = Sound(_open(stream, name), name)
        except OSError as error:
            raise AudioError(name, _reason(error)) from error
        except ValueError as error:
            raise AudioError(name, str(error)) from error
        yield sound


def _check_regular(path: Path) -> None:
    """Raise OSError or ValueError for what would be waited for, or is no file."""
    about = path.stat()
    if path.is_dir():
        raise ValueError("is a folder")
    if not about.st_size and path.is_file():
        raise ValueError("is empty")


def _reason(error: OSError) -> str:
    return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror or error})"


def _open(stream: BinaryIO, name: str) -> Reader:
    """Return the samples in `stream`. Raises ValueError, OSError, and LstmtuiError where a package is missing."""
    head = stream.read(12)
    if not head:
        raise ValueError("is empty")
    if head[:4] in wav.RIFF and head[8:] == b"WAVE":
        try:
            return wav.WavReader(_rewound(stream, head))
        except wav.UnknownFormatError:
            if not stream.seekable():
                raise
            return _LibraryReader(_rewound(stream, head), name)
    if kind := foreign_kind(head):
        raise ValueError(f"is {kind}")
    if head[:4] == b"RIFF":
        raise ValueError(f"is a {head[8:].decode('ascii', 'replace').strip()} file, not a WAV file")
    return _LibraryReader(_rewound(stream, head), name)


def _rewound(stream: BinaryIO, head: bytes) -> BinaryIO:
    """Return the stream from its beginning, of which `head` has been read."""
    if stream.seekable():
        stream.seek(0)
        return stream
    return _Joined(head, stream)  # type: ignore[return-value]  # it reads, and no more is asked of it


class _Joined:
    """Bytes that were read from a pipe, and the rest of it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, all that is left where it is negative."""
        if size < 0:
            return self._head + self._rest.read()
        first, self._head = self._head[:size], self._head[size:]
        return first + self._rest.read(size - len(first)) if len(first) < size else first

    def seekable(self) -> bool:
        """Return False."""
        return False


class _LibraryReader:
    """The samples of a file that soundfile reads."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """Raises ValueError for what it cannot read."""
        soundfile = _soundfile(name)
        try:
            # The library needs to go back within the file.
            self._file = soundfile.SoundFile(stream if stream.seekable() else io.BytesIO(stream.read()))
        except (soundfile.LibsndfileError, TypeError, RuntimeError):
            raise ValueError("is no recording in a format that can be read") from None
        self.rate, self.channels, self.frames = self._file.samplerate, self._file.channels, self._file.frames
        self._error = soundfile.LibsndfileError
        if self.frames > MAX_FRAMES:
            raise ValueError("does not say how long it is, as a file that was written into a pipe; convert it to WAV")

    def read(self, count: int) -> Samples:
        """Return the next `count` samples; fewer only at the end. Raises OSError for a damaged file."""
        try:
            samples: NDArray[Any] = self._file.read(count, dtype="float32", always_2d=True)
        except self._error as error:
            raise OSError(str(error)) from error
        return wav.mono(samples)


def _soundfile(name: str) -> ModuleType:
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: without its library
        raise LstmtuiError(
            f"The recording {name} is no plain WAV file; to read it, install soundfile with: pip install "
            "'lstmtui[speech]'."
        ) from None
    module: ModuleType = soundfile
    return module


def audio_facts(path: Path) -> AudioFacts:
    """Return what the header of a recording says. Raises AudioError, also for a recording without samples."""
    with open_audio(path) as sound:
        frames, missing = sound.frames or 0, 0
        if isinstance(reader := sound.reader, wav.WavReader):
            there = (os.path.getsize(path) - reader.first_byte) // reader.header.frame_bytes
            frames = there if sound.frames is None else min(there, sound.frames)
            missing = 0 if sound.frames is None else sound.frames - frames
    if not frames:
        raise AudioError(str(path), "has no samples")
    return AudioFacts(sound.rate, sound.channels, frames, missing)


def read_audio(path: Path, rate: int | None = None) -> Samples:
    """Return all samples (N,) of a recording, mixed to one channel, at `rate` (None: its own). Raises AudioError."""
    pieces = []
    with open_audio(path) as sound:
        while len(piece := sound.read(PIECE_SECONDS * sound.rate)):
            pieces.append(piece)
        own = sound.rate
    if not pieces:
        raise AudioError(str(path), "has no samples")
    samples = np.concatenate(pieces)
    return samples if rate is None else resample(samples, own, rate)


def clipped_samples(samples: Samples) -> int:
    """Return how many of the samples (N,) are at the highest level."""
    return int((np.abs(samples) >= CLIPPED_LEVEL).sum())


def is_clipped(clipped: int, samples: int) -> bool:
    """Return whether a recording with so many clipped samples is overdriven."""
    return samples > 0 and clipped >= MIN_CLIPPED * samples
