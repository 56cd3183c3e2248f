"""Frames of a recording of any length to pieces of bounded length, cut where it is quietest."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

QUIET_FRAMES = 20
"""Frames over which the energy is averaged to find the quietest place: 0.2 s."""
SHORTEST = 1 / 3
"""Of the longest piece, that a piece has at least, unless it is the last."""
SPEECH_FRAMES, MIN_RANGE = 5, 0.8
"""Nats between the quietest and the loudest energy of speech, a mean over so many frames: 0.97 at least in 1,000 digits
without silence around them, 0.67 at most in half a minute of white noise."""


MARGIN_FRAMES, SILENT = 30, 0.2
"""What `trimmed` leaves of silence, and the part of the range of energies that is silence."""


class Piece(NamedTuple):
    """A part of a recording."""

    first: int
    """The number of its first frame in the recording."""
    frames: Array
    """(n, mel)"""


class Pieces:
    """Cuts frames as they arrive; holds one piece of them at most, and what was last fed."""

    def __init__(self, longest: int, mel: int) -> None:
        """`longest` is the frames that a piece has at most."""
        if longest < 1:
            raise ValueError(f"pieces of {longest} frames")
        self._longest, self._held, self._first = longest, np.zeros((0, mel), np.float32), 0

    def feed(self, frames: Array) -> list[Piece]:
        """Take the next frames (n, mel), and return the pieces that end in them."""
        self._held = np.concatenate([self._held, frames])
        found = []
        while len(self._held) > self._longest:
            found.append(self._cut(quietest(self._held[: self._longest], max(1, int(SHORTEST * self._longest)))))
        return found

    def finish(self) -> list[Piece]:
        """Return the last piece, if frames are left."""
        return [self._cut(len(self._held))] if len(self._held) else []

    def _cut(self, at: int) -> Piece:
        piece = Piece(self._first, self._held[:at])
        self._held, self._first = self._held[at:].copy(), self._first + at
        return piece


def energy(frames: Array) -> Array:
    """Return the energy of log-mel frames (n, mel): the mean over the bands, in nats (n,)."""
    return np.asarray(frames.mean(axis=1, dtype=np.float64))


def quietest(frames: Array, least: int) -> int:
    """Return the frame from `least` on at which frames (n, mel) are the quietest; of equal ones the middle."""
    candidates = _smooth(energy(frames))[least:]
    if not len(candidates):
        return len(frames)
    low = np.flatnonzero(candidates <= candidates.min() + 1e-9)
    return max(1, least + int(low[len(low) // 2]))


def _smooth(values: Array) -> Array:
    """Return the mean of values (n,) around each."""
    if not len(values):
        return values
    window = np.ones(min(QUIET_FRAMES, len(values)))
    found: Array = np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
    return found


def is_speech(frames: Array) -> bool:
    """Return whether frames (n, mel) may hold speech: their energy changes."""
    if not len(frames):
        return False
    width = min(SPEECH_FRAMES, len(frames))
    found = np.convolve(energy(frames), np.ones(width) / width, "valid")
    return float(found.max() - found.min()) >= MIN_RANGE


def trimmed(piece: Piece) -> Piece:
    """Return a piece without the silence at its ends, but for a margin: a network is used to recordings like that."""
    found = _smooth(energy(piece.frames))
    low, high = (found.min(), found.max()) if len(found) else (0.0, 0.0)
    loud = np.flatnonzero(found > low + SILENT * (high - low))
    if not len(loud):
        return piece
    start, end = max(0, int(loud[0]) - MARGIN_FRAMES), int(loud[-1]) + 1 + MARGIN_FRAMES
    return Piece(piece.first + start, piece.frames[start:end])
