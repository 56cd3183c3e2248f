"""Log-mel features: the power of a recording in bands of the mel scale, 100 times a second, as a natural logarithm.

    frames of 25 ms every 10 ms, the mean taken off, pre-emphasis 0.97, Povey's window, power spectrum, triangles on the
    mel scale from 20 Hz to half the sampling rate, log(max(power, 1.2e-7))

Samples are from -1 to 1, so the floor lies 10 dB above the rounding noise of 16 bits: digital silence is no further
from speech than a quiet room is. Computed by kaldi-native-fbank, of the extra `speech`.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmtui.errors import LstmtuiError

Frames = NDArray[np.float32]

SHIFT_MS, LENGTH_MS = 10, 25
PREEMPHASIS = 0.97
FLOOR = float(np.log(np.finfo(np.float32).eps))
"""The least value of a feature."""


MISSING = "Speech needs the package kaldi-native-fbank; install it with: pip install 'lstmtui[speech]'."


class LogMel:
    """Features of one recording, as its samples arrive."""

    def __init__(self, rate: int, mel: int) -> None:
        """`rate` in samples a second, `mel` bands. Raises LstmtuiError without the extra or with too many bands."""
        library = _library()
        options = library.FbankOptions()
        options.frame_opts.samp_freq = rate
        options.frame_opts.frame_shift_ms, options.frame_opts.frame_length_ms = SHIFT_MS, LENGTH_MS
        options.frame_opts.preemph_coeff = PREEMPHASIS
        options.frame_opts.dither = 0.0
        # A frame for each shift, also at the ends, where the samples are mirrored.
        options.frame_opts.snip_edges = False
        options.mel_opts.num_bins = mel
        try:
            self._features = library.OnlineFbank(options)
        except ValueError:
            raise LstmtuiError(f"{mel} mel bands are too many at {rate:,} Hz; give fewer with --mel.") from None
        self._rate, self._mel, self._done = rate, mel, 0

    def feed(self, samples: NDArray[np.float32]) -> Frames:
        """Return the frames (T, mel) that are complete with these samples (N,) and were not before."""
        # A list: the library takes a sequence of numbers one by one, and reads those of Python fastest.
        self._features.accept_waveform(self._rate, samples.tolist())
        return self._new()

    def finish(self) -> Frames:
        """Return the last frames."""
        self._features.input_finished()
        return self._new()

    def _new(self) -> Frames:
        count = self._features.num_frames_ready
        found = np.empty((count - self._done, self._mel), np.float32)
        for n in range(self._done, count):
            found[n - self._done] = self._features.get_frame(n)
        self._features.pop(count - self._done)  # what has been returned needs no memory
        self._done = count
        return found


def log_mel(samples: NDArray[np.float32], rate: int, mel: int) -> Frames:
    """Return the features (T, mel) of a whole recording (N,). Raises LstmtuiError as `LogMel` does."""
    features = LogMel(rate, mel)
    return np.concatenate([features.feed(samples), features.finish()])


def require_library() -> None:
    """Raise LstmtuiError where the extra `speech` is not installed, without loading it."""
    if importlib.util.find_spec("kaldi_native_fbank") is None:
        raise LstmtuiError(MISSING)


def _library() -> Any:
    try:
        import kaldi_native_fbank
    except (ImportError, OSError):
        raise LstmtuiError(MISSING) from None
    return kaldi_native_fbank
