"""Batches of utterances of like length, a pure function of (seed, epoch, position), see `bucketed_batches`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.config import SpeechSettings
from lstmtui.data.augmentation import max_frames, prepare, steps
from lstmtui.data.bucketed_batches import BucketedBatches
from lstmtui.data.feature_file import Statistics
from lstmtui.data.utterances import Utterances, needed_steps
from lstmtui.errors import UsageError


class UtteranceBatch(NamedTuple):
    """B utterances, time first."""

    frames: NDArray[np.float32]
    """(T, B, D), 0 behind the end of each."""
    frame_lengths: NDArray[np.int32]
    """(B,): steps of each, at most T."""
    labels: NDArray[np.int32]
    """(B, U), from 1 on; 0 behind the end of each."""
    label_lengths: NDArray[np.int32]
    """(B,), at most U."""
    utterances: NDArray[np.int64]
    """(B,): positions of the utterances."""

    @property
    def predictions(self) -> int:
        """How many labels there are."""
        return int(self.label_lengths.sum())


class UtteranceBatches(BucketedBatches[UtteranceBatch]):
    """The batches of utterances; `seed` None: not augmented, and in the same order in every epoch, short to long."""

    def __init__(
        self, utterances: Utterances, s: SpeechSettings, batch: int, positions: int, seed: int | None,
        statistics: Statistics | None = None,
    ) -> None:  # fmt: skip
        """A batch has at most `batch` utterances, and at most `positions` steps, padding included.

        statistics  see `augmentation.prepare`
        Raises UsageError where the longest utterance does not fit.
        """
        self._utterances, self._settings, self._statistics = utterances, s, statistics
        frames = utterances.features.lengths
        longest = [max_frames(int(count), s) if seed is not None else int(count) for count in frames]
        lengths = np.asarray(steps(np.array(longest, np.int64), s.stack))
        self._needed = needed_steps(utterances.labels)
        if lengths.max() > positions:
            file = utterances.recordings.files[int(lengths.argmax())]
            raise UsageError(
                f"The recording {file} has {lengths.max():,} steps, more than a batch of {positions:,}; raise "
                f"--batch or --bptt, or leave the recording out."
            )
        super().__init__(lengths, batch, positions, seed)
        self.max_steps = int(lengths.max())
        """The steps of the longest utterance, however it is augmented."""
        self.max_labels = int(utterances.labels.lengths.max())
        """The labels of the longest transcript."""

    def _made(self, chosen: NDArray[np.int64], epoch: int) -> UtteranceBatch:
        """Return the batch of these utterances."""
        features, labels = self._utterances.features, self._utterances.labels
        inputs = [self._prepared(int(n), epoch, features[int(n)]) for n in chosen]
        wanted = [labels[int(n)] for n in chosen]
        frames = np.zeros((max(map(len, inputs)), len(chosen), self._settings.inputs), np.float32)
        rows = np.zeros((len(chosen), max(map(len, wanted))), np.int32)
        for b, (own, of_text) in enumerate(zip(inputs, wanted, strict=True)):
            frames[: len(own), b] = own
            rows[b, : len(of_text)] = of_text
        lengths = (np.array(list(map(len, rows_of)), np.int32) for rows_of in (inputs, wanted))
        frame_lengths, label_lengths = lengths
        return UtteranceBatch(frames, frame_lengths, rows, label_lengths, chosen)

    def _prepared(self, n: int, epoch: int, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        rng = self._generator(epoch, n)
        return prepare(frames, self._settings, rng, self._statistics, min_steps=int(self._needed[n]))
