"""Features of recordings in the cache: computed once, mapped from a file afterwards.

    CACHE/features/DIGEST/   frames.bin   contents.json

frames.bin has the log-mel frames (total, mel) of one recording after the other, as 16-bit floating-point numbers: the
step between two of them is below 0.02 nats. contents.json has the number of frames of each, what is peculiar about
them, and the checksum. The digest is that of the recordings' bytes and of the settings that shape features. A folder is
filled under a temporary name and renamed, so that it is complete or missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.common.files import (
    parse_object,
    read_file,
    remove_stale_temporaries,
    sync_folder,
    writable_folder,
    write_atomically,
)
from lstmtui.common.paths import cache_root
from lstmtui.config import SpeechSettings
from lstmtui.data.audio import AudioError, clipped_samples, is_clipped, read_audio
from lstmtui.data.log_mel import log_mel
from lstmtui.data.recordings import Recordings
from lstmtui.errors import CorruptError, LstmtuiError

FORMAT = 1
"""Part of every digest, so that features of another kind are not found."""
MAX_DRAFT_AGE = 3600.0
"""Seconds without a change after which the incomplete folder of a dead process is removed."""
PIECE = 1 << 24
MIN_LOUDNESS = 1e-4
"""The largest sample of a recording that is not called silent: three steps of 16 bits."""
Progress = Callable[[float], None]


class Statistics(NamedTuple):
    """Mean and standard deviation (mel,) of each mel band."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]


def save_statistics(path: Path, statistics: Statistics) -> None:
    """Write the statistics to `path` atomically. Raises OSError."""
    body = {name: getattr(statistics, name).tolist() for name in Statistics._fields}
    write_atomically(path, json.dumps(body).encode())


def load_statistics(path: Path) -> Statistics:
    """Return the statistics in `path`. Raises CorruptError where it is missing or damaged."""
    try:
        body = parse_object(_required(path))
        found = Statistics(*(np.array(body[name], np.float32) for name in Statistics._fields))
        if found.mean.ndim != 1 or found.mean.shape != found.deviation.shape or not np.isfinite(found).all():
            raise ValueError("not two rows of numbers")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CorruptError(f"The statistics of features {path} cannot be read ({error}); train again.") from error
    return found


class Peculiar(NamedTuple):
    """Recordings that a person should know of, by their position."""

    silent: tuple[int, ...] = ()
    clipped: tuple[int, ...] = ()
    damaged: tuple[str, ...] = ()
    """A sentence for each that could not be read to its end; it has no frames."""


NOTHING_PECULIAR = Peculiar()


@dataclass(frozen=True, slots=True)
class Features:
    """The log-mel frames of recordings, not normalised."""

    frames: NDArray[np.float16]
    """(total, mel), mapped from a file, read-only."""
    starts: NDArray[np.int64]
    """(N,): where each recording's frames begin."""
    lengths: NDArray[np.int64]
    """(N,): how many frames each has; 0 for one that could not be read."""
    digest: str
    peculiar: Peculiar = NOTHING_PECULIAR

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, n: int) -> NDArray[np.float32]:
        """Return the frames (T, mel) of recording n."""
        start = int(self.starts[n])
        return self.frames[start : start + int(self.lengths[n])].astype(np.float32)

    def select(self, chosen: NDArray[np.bool_]) -> Features:
        """Return the chosen recordings, in their order; what is peculiar is not carried over."""
        return Features(self.frames, self.starts[chosen], self.lengths[chosen], self.digest)

    def statistics(self) -> Statistics:
        """Return mean and deviation of each band over all recordings, each frame alike."""
        mel = self.frames.shape[1]
        total, squares = np.zeros(mel), np.zeros(mel)
        for n in range(len(self)):
            frames = self[n].astype(np.float64)
            total += frames.sum(axis=0)
            squares += np.square(frames).sum(axis=0)
        mean = total / max(1, int(self.lengths.sum()))
        variance = np.maximum(squares / max(1, int(self.lengths.sum())) - mean**2, 0)
        return Statistics(mean.astype(np.float32), np.sqrt(variance).astype(np.float32))


def features_of(
    recordings: Recordings, s: SpeechSettings, *, progress: Progress = lambda done: None, cache: Path | None = None
) -> Features:
    """Return the features of recordings from the cache, computed where they are not there.

    progress   is called with the part that is done, from 0 to 1
    Raises LstmtuiError where they cannot be kept, and as `log_mel` does; AudioError for a file that has gone.
    """
    digest = _digest(recordings, s)
    folder = (cache or cache_root()) / "features" / digest[:32]
    with contextlib.suppress(OSError, KeyError, TypeError, ValueError):
        return _read(folder, s.mel, digest)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return _build(folder, recordings, s, progress, digest)
    except OSError as error:
        raise LstmtuiError(
            f"The features cannot be kept in {folder.parent} ({error.strerror or error}); free some space there, or "
            f"name another folder in LSTMTUI_CACHE."
        ) from error


def _digest(recordings: Recordings, s: SpeechSettings) -> str:
    """Return the digest of all files and of the settings that shape features."""
    found = hashlib.sha256(json.dumps({"format": FORMAT, "rate": s.sample_rate, "mel": s.mel}).encode())
    for file in recordings.files:
        try:
            with open(file, "rb") as stream:
                found.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise AudioError(str(file), f"cannot be read ({error.strerror or error})") from error
    return found.hexdigest()


class _Computed(NamedTuple):
    """The features of one recording, and what is peculiar."""

    frames: NDArray[np.float16]
    silent: bool = False
    clipped: bool = False
    damaged: str = ""


def _computed(recordings: Recordings, s: SpeechSettings, progress: Progress) -> Iterator[_Computed]:
    done, total = 0.0, sum(recordings.seconds) or 1.0
    for file, seconds in zip(recordings.files, recordings.seconds, strict=True):
        try:
            samples = read_audio(file, s.sample_rate)
        except AudioError as error:
            yield _Computed(np.empty((0, s.mel), np.float16), damaged=str(error))
        else:
            level = np.abs(samples)
            frames = log_mel(samples, s.sample_rate, s.mel).astype(np.float16)
            clipped = is_clipped(clipped_samples(samples), len(samples))
            yield _Computed(frames, silent=float(level.max()) < MIN_LOUDNESS, clipped=clipped)
        done += seconds
        progress(min(1.0, done / total))


def _build(folder: Path, recordings: Recordings, s: SpeechSettings, progress: Progress, digest: str) -> Features:
    """Compute the features, write them into `folder` and return them. Raises OSError."""
    parent = writable_folder(folder.parent)
    remove_stale_temporaries(parent, min_age=MAX_DRAFT_AGE)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=f".{os.getpid()}.tmp", dir=parent))
    lengths: list[int] = []
    silent: list[int] = []
    clipped: list[int] = []
    damaged: list[str] = []
    crc = 0
    try:
        with open(draft / "frames.bin", "wb") as file:
            for n, found in enumerate(_computed(recordings, s, progress)):
                file.write(found.frames.data)
                crc = zlib.crc32(found.frames.data, crc)
                lengths.append(len(found.frames))
                silent += [n] if found.silent else []
                clipped += [n] if found.clipped else []
                damaged += [found.damaged] if found.damaged else []
            file.flush()
            os.fsync(file.fileno())
        contents = {"lengths": lengths, "crc32": crc, "silent": silent, "clipped": clipped, "damaged": damaged}
        write_atomically(draft / "contents.json", json.dumps(contents, separators=(",", ":")).encode())
        final = parent / folder.name
        # Another process may have been faster: its folder is identical.
        with contextlib.suppress(OSError):
            os.rename(draft, final)
        sync_folder(parent)
        return _read(final, s.mel, digest)
    except ValueError as error:
        raise OSError(str(error)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _read(folder: Path, mel: int, digest: str) -> Features:
    """Map the features in `folder`. Raises OSError, KeyError, TypeError or ValueError where they are damaged."""
    contents = parse_object(_required(folder / "contents.json"))
    lengths = np.array(contents["lengths"], np.int64)
    path, total = folder / "frames.bin", int(lengths.sum())
    if path.stat().st_size != total * mel * 2:
        raise ValueError("the file of frames is cut short")
    # An empty file cannot be mapped.
    frames: NDArray[Any] = np.memmap(path, np.float16, "r") if total else np.empty(0, np.float16)
    crc = 0
    for at in range(0, len(frames), PIECE):
        crc = zlib.crc32(frames[at : at + PIECE].data, crc)
    if crc != contents["crc32"]:
        raise ValueError("the file of frames is damaged")
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if len(lengths) else lengths
    peculiar = Peculiar(*(tuple(contents[name]) for name in Peculiar._fields))
    return Features(np.asarray(frames).reshape(-1, mel), starts.astype(np.int64), lengths, digest, peculiar)


def _required(path: Path) -> bytes:
    data = read_file(path)
    if data is None:
        raise FileNotFoundError(str(path))
    return data
