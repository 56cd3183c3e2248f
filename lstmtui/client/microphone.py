"""The microphone, through the package sounddevice (PortAudio) of the extra `speech`.

with Microphone(16_000) as microphone:
    while True:
        samples = microphone.read()      # 16-bit, one channel, microphone.rate of them a second
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from types import ModuleType
from typing import Any

from lstmtui.common.closing import Closing
from lstmtui.errors import LstmtuiError, UsageError

BLOCK_SECONDS = 0.1
"""Of the samples that are read at once."""
MAX_WAITING_SECONDS = 30
"""Of the samples that wait to be read; the device loses what comes then."""
MAX_SILENCE = 5.0
"""Seconds without any sample after which the microphone counts as gone; a quiet room has samples too."""
SAMPLE_BYTES = 2


class Microphone(Closing):
    """An open microphone; its samples are read in a thread, so that none is lost while others are worked on."""

    def __init__(self, rate: int, device: str | int | None = None) -> None:
        """Open the microphone called `device`, or the usual one, at `rate` samples a second or at its own rate.

        Raises UsageError where there is no microphone, or a package or library is missing.
        """
        sounddevice = _sounddevice()
        self._failure = sounddevice.PortAudioError
        self._stream = self._open(sounddevice, rate, device)
        self.rate = round(self._stream.samplerate)
        """Samples a second."""
        self.lost = False
        """Whether the device has lost samples because they were not read in time."""
        self._blocks: queue.Queue[bytes | str] = queue.Queue(round(MAX_WAITING_SECONDS / BLOCK_SECONDS))
        self._ended = threading.Event()
        self._last = time.monotonic()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _open(self, sounddevice: ModuleType, rate: int, device: str | int | None) -> Any:
        try:
            about = sounddevice.query_devices(device, "input")
        except (self._failure, ValueError):
            names = sorted({str(one["name"]) for one in sounddevice.query_devices() if one["max_input_channels"]})
            if not names:
                raise UsageError("No microphone is found on this machine; connect one, or give a file.") from None
            raise UsageError(
                f"{'No microphone' if device is None else f'No microphone {device!r}'} can be chosen; there are: "
                f"{', '.join(names)} (--device)."
            ) from None
        problem: Exception | None = None
        for samplerate in (rate, about["default_samplerate"]):
            try:
                stream = sounddevice.RawInputStream(
                    samplerate=samplerate, channels=1, dtype="int16", device=device, latency="high"
                )
                stream.start()
                return stream
            except self._failure as error:
                problem = error
        raise UsageError(f"The microphone {about['name']!r} cannot be opened ({_reason(problem)}).")

    def read(self) -> bytes:
        """Return the samples since the last call, 16-bit little-endian; b"" if none comes for BLOCK_SECONDS.

        Raises LstmtuiError when the microphone is gone.
        """
        found: list[bytes] = []
        for _ in range(max(1, self._blocks.qsize())):
            try:
                block = self._blocks.get(timeout=BLOCK_SECONDS)
            except queue.Empty:
                break
            if isinstance(block, str):
                if found:  # what came before it is given first
                    self._blocks.put(block)
                    break
                raise LstmtuiError(f"The microphone is gone ({block}); connect it, and begin again.")
            found.append(block)
        if found:
            self._last = time.monotonic()
        elif time.monotonic() - self._last > MAX_SILENCE:
            raise LstmtuiError(f"The microphone has sent nothing for {MAX_SILENCE:.0f} s; connect it, and begin again.")
        return b"".join(found)

    def close(self) -> None:
        """Close the microphone."""
        self._ended.set()
        with contextlib.suppress(queue.Empty):  # the thread may wait for room
            self._blocks.get_nowait()
        self._thread.join(2.0)
        if not self._thread.is_alive():  # PortAudio may crash if a stream is closed while it is read
            with contextlib.suppress(self._failure):
                self._stream.close()

    def _listen(self) -> None:
        """Read blocks until the microphone is closed or gone."""
        count = max(1, round(BLOCK_SECONDS * self.rate))
        while not self._ended.is_set():
            try:
                samples, overflowed = self._stream.read(count)
            except self._failure as error:
                self._blocks.put(_reason(error))
                return
            self.lost = self.lost or bool(overflowed)
            self._blocks.put(bytes(samples))


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ImportError:
        raise UsageError(
            "The microphone needs the package sounddevice; install it with: pip install 'lstmtui[speech]'."
        ) from None
    except OSError:
        raise UsageError(
            "The microphone needs the library PortAudio; install it, on Debian and Ubuntu with: apt install "
            "libportaudio2."
        ) from None
    module: ModuleType = sounddevice
    return module


def _reason(error: Exception | None) -> str:
    """Return the words of PortAudio without its numbers."""
    return str(error.args[0] if error is not None and error.args else error).rstrip(".").replace("\n", " ")
