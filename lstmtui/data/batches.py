"""Windows of T steps over B parallel streams: what one training or evaluation step reads.

Stream b reads its own part of the text from left to right, window after window, so that the state carried from one
window to the next belongs to the preceding text. A window is one (T + 1, B) block of tokens: x is its first T rows, y
its last T rows, the tokens to predict.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from lstmtui.errors import UsageError

Tokens = NDArray[np.integer]


class Position(NamedTuple):
    """The position of a step in the text."""

    epoch: int
    """From 0."""
    window: int
    """From 0; the carried state is reset at window 0."""


class Streams:
    """A token array as B streams of equal length; tokens that do not fill a window of every stream are dropped."""

    def __init__(self, tokens: Tokens, B: int, T: int) -> None:
        """Divide `tokens` (N,). Raises UsageError where B streams of one window do not fit."""
        _check_sizes(B, T)
        length = (len(tokens) - 1) // B
        if length < T:
            raise UsageError(
                f"The training text has {len(tokens):,} tokens, but {B} streams of {T} steps need {B * T + 1:,}; "
                f"lower the batch or the window, or give a longer text."
            )
        self.B, self.T, self.length = B, T, length
        self.windows = length // T
        """Windows per epoch."""
        self.tokens_per_window = B * T
        # asarray: a plain view of the mapped file is faster to index than np.memmap.
        tokens = np.asarray(tokens)
        item = tokens.strides[0]
        self._streams = as_strided(tokens, (self.windows * T + 1, B), (item, item * length), writeable=False)
        self._block = np.empty((T + 1, B), np.int32)
        self.shift = 0
        """The step of the first window, where the length of windows changed during training."""

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
    """A token array as B streams that together predict every token but the first exactly once.

    With `max_predictions`, each stream reads the beginning of its own part, so that predictions are spread over the
    text. Windows after the end of a stream are padded with token 0; `weight` is 0 there and 1 elsewhere.
    """

    def __init__(self, tokens: Tokens, B: int, T: int, *, max_predictions: int = 0) -> None:
        """Divide `tokens` (N,), of which at most `max_predictions` are predicted (0: all).

        Raises UsageError where there is nothing to predict.
        """
        _check_sizes(B, T)
        available = len(tokens) - 1
        if available < 1:
            raise UsageError(
                f"The text to evaluate on has {len(tokens)} tokens, and a prediction needs 2; give a longer text."
            )
        self.predictions = min(max_predictions or available, available)
        """The number of predictions; the sum of all weights."""
        self.B, self.T = B, T
        self._tokens = np.asarray(tokens)
        self._length = -(-self.predictions // B)
        self._stride = self._length + (available - self.predictions) // B
        """The distance between the starts of two streams."""
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
            start = b * self._stride + k * self.T
            self._x[:steps, b] = self._tokens[start : start + steps]
            self._y[:steps, b] = self._tokens[start + 1 : start + steps + 1]
            self._weight[:steps, b] = 1
        return self._x, self._y, self._weight


def _check_sizes(B: int, T: int) -> None:
    if B < 1 or T < 1:
        raise UsageError(f"A batch of {B} streams and a window of {T} steps are impossible; both must be 1 or more.")
