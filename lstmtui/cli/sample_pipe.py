"""Recordings that come through standard input: samples as they come, or a file that must be whole before it is read."""

from __future__ import annotations

import contextlib
import queue
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lstmtui.common.opening import open_temporary
from lstmtui.data import wav
from lstmtui.data.audio import AudioError, Reader, Sound
from lstmtui.errors import LstmtuiError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "on standard input"
"""Of the recording, in messages."""
BLOCK_SECONDS = 0.1
"""Of the samples that are read at once."""
MAX_WAITING = 50
"""Blocks that wait, and that are given at once at most."""
HEAD_BYTES = 12


def is_wav(head: bytes) -> bool:
    """Return whether a recording that begins so is WAV, which can be read as it comes."""
    return head[:4] in wav.RIFF and head[8:HEAD_BYTES] == b"WAVE"


class RawReader:
    """Samples without a header: 16-bit little-endian, one channel."""

    channels: int = 1
    frames: int | None = None
    rate: int

    def __init__(self, stream: BinaryIO, rate: int) -> None:
        """`rate` is the number of samples a second."""
        self._stream, self.rate = stream, rate

    def read(self, count: int) -> NDArray[np.float32]:
        """Return the next `count` samples; fewer only at the end."""
        import numpy as np

        data = self._stream.read(2 * count)
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768)


class SamplePipe:
    """The samples of a pipe; they are read in a thread, so that a question to a person never waits for them."""

    def __init__(self, stream: BinaryIO, raw_rate: int | None = None) -> None:
        """Read WAV, or samples without a header at `raw_rate`. Raises AudioError for what is neither."""
        reader: Reader
        if raw_rate is not None:
            reader = RawReader(stream, raw_rate)
        else:
            try:
                reader = wav.WavReader(stream)
            except ValueError as error:
                raise AudioError(NAME, str(error)) from error
        self._sound = Sound(reader, NAME)
        self.rate = self._sound.rate
        """Samples a second."""
        self.samples = 0
        """How many have been given."""
        self._blocks: queue.Queue[bytes | Exception] = queue.Queue(MAX_WAITING)
        threading.Thread(target=self._read, daemon=True).start()

    def read(self) -> bytes | None:
        """Return samples that have come, 16-bit; b"" if none comes for BLOCK_SECONDS, None at the end."""
        found: list[bytes] = []
        for _ in range(max(1, self._blocks.qsize())):
            try:
                block = self._blocks.get(timeout=BLOCK_SECONDS)
            except queue.Empty:
                break
            if isinstance(block, Exception):
                raise block
            if not block:
                self._blocks.put(block)
                return b"".join(found) or None
            found.append(block)
            self.samples += len(block) // 2
        return b"".join(found)

    def _read(self) -> None:
        import numpy as np

        count = max(1, round(BLOCK_SECONDS * self.rate))
        try:
            while len(samples := self._sound.read(count)):
                self._blocks.put((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
            self._blocks.put(b"")
        except Exception as error:  # it is raised where the samples are read
            self._blocks.put(error)


@contextlib.contextmanager
def stored(stream: BinaryIO) -> Iterator[Path]:
    """Yield a temporary file with all that comes, for formats that are not read in order. Raises LstmtuiError."""
    try:
        with tempfile.TemporaryDirectory(prefix=".piped-") as place:
            path = Path(place, "recording")
            with open_temporary(path) as file:
                shutil.copyfileobj(stream, file, 1 << 20)
            yield path
    except OSError as error:
        raise LstmtuiError(f"Standard input cannot be stored ({error.strerror or error}).") from error
