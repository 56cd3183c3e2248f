"""Windows of T steps over B parallel streams: what one training or evaluation step reads.

Stream b reads its own stretch of the text from left to right, window after window, so that the state carried from one
window to the next belongs to the text just before. A window is one (T + 1, B) block of tokens; x is its first T rows
and y, the token to predict at each place, its last T rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from lstmtui.errors import UsageError

Tokens = NDArray[np.integer]


class Position(NamedTuple):
    """Where a step stands."""

    epoch: int
    """From 0."""
    window: int
    """From 0; at window 0 the carried state starts anew."""


class Streams:
    """A token array as B streams of equal length; what does not fill a whole window of every stream is left out."""

    def __init__(self, tokens: Tokens, B: int, T: int) -> None:
        """Cut `tokens` (N,). Raises UsageError when B streams of one window do not fit."""
        _check_sizes(B, T)
        length = (len(tokens) - 1) // B
        if length < T:
            raise UsageError(
                f"The training text has {len(tokens):,} tokens, but {B} streams of {T} steps need {B * T + 1:,}; "
                f"lower the batch or the window, or give a longer text."
            )
        self.B, self.T, self.length = B, T, length
        self.windows = length // T
        """How many windows make an epoch."""
        self.tokens_per_window = B * T
        # asarray: a plain view of the mapped file, which is cheaper to index than np.memmap.
        tokens = np.asarray(tokens)
        item = tokens.strides[0]
        self._streams = as_strided(tokens, (self.windows * T + 1, B), (item, item * length), writeable=False)
        self._block = np.empty((T + 1, B), np.int32)
        self.shift = 0
        """Steps by which the first window lies later than step 0, where the window's length changed on the way."""

    def position(self, step: int) -> Position:
        """Return epoch and window of training step `step` (from 0)."""
        return Position(*divmod(step - self.shift, self.windows))

    def window(self, k: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return x and y (T, B) of window k, valid until the next call."""
        if not 0 <= k < self.windows:
            raise IndexError(f"window {k} of {self.windows}")
        np.copyto(self._block, self._streams[k * self.T : (k + 1) * self.T + 1], casting="same_kind")
        return self._block[:-1], self._block[1:]


class EvaluationStreams:
    """A token array as B streams that between them predict every token but the very first, exactly once.

    Where only some are to be read, each stream reads the beginning of its own stretch, so that they come from all over
    the text: its parts may differ in how hard they are.
    The last windows are filled up with token 0 where a stream has ended; `weight` is 0 there and 1 elsewhere.
    """

    def __init__(self, tokens: Tokens, B: int, T: int, *, max_predictions: int = 0) -> None:
        """Cut `tokens` (N,), of which at most `max_predictions` are predicted (0: all).

        Raises UsageError where there is nothing to predict.
        """
        _check_sizes(B, T)
        available = len(tokens) - 1
        if available < 1:
            raise UsageError(
                f"The text to evaluate on has {len(tokens)} tokens, and a prediction needs 2; give a longer text."
            )
        self.predictions = min(max_predictions or available, available)
        """How many tokens are predicted; the sum of all weights."""
        self.B, self.T = B, T
        self._tokens = np.asarray(tokens)
        self._length = -(-self.predictions // B)
        self._apart = self._length + (available - self.predictions) // B
        """From where one stream begins to where the next one does."""
        self.windows = -(-self._length // T)
        self._x = np.empty((T, B), np.int32)
        self._y = np.empty((T, B), np.int32)
        self._weight = np.empty((T, B), np.float32)

    def window(self, k: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Return x, y and weight (T, B) of window k, valid until the next call."""
        if not 0 <= k < self.windows:
            raise IndexError(f"window {k} of {self.windows}")
        for block in (self._x, self._y, self._weight):
            block.fill(0)
        for b in range(self.B):
            steps = max(0, min(self.T, self._length - k * self.T, self.predictions - b * self._length - k * self.T))
            start = b * self._apart + k * self.T
            self._x[:steps, b] = self._tokens[start : start + steps]
            self._y[:steps, b] = self._tokens[start + 1 : start + steps + 1]
            self._weight[:steps, b] = 1
        return self._x, self._y, self._weight


def _check_sizes(B: int, T: int) -> None:
    if B < 1 or T < 1:
        raise UsageError(f"A batch of {B} streams and a window of {T} steps make no sense; both must be 1 or more.")
