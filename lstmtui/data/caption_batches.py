"""Batches of pictures with captions of like length, a pure function of (seed, epoch, position), see
`bucketed_batches`."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.config import PictureSettings
from lstmtui.data.bucketed_batches import BucketedBatches
from lstmtui.data.caption_examples import CaptionExamples
from lstmtui.data.pair_batches import IGNORED, decoder_rows
from lstmtui.errors import UsageError


class CaptionBatch(NamedTuple):
    """B pictures with a caption each, time first."""

    vectors: NDArray[np.float32]
    """(S, B, D): the vectors of a picture row by row."""
    inputs: NDArray[np.int32]
    """(T, B): what the decoder reads: the line end, then the caption without its own."""
    targets: NDArray[np.int32]
    """(T, B): what it predicts: the caption and its line end; IGNORED behind that, and for an unknown word."""
    pictures: NDArray[np.int64]
    """(B,): which pictures these are."""
    examples: NDArray[np.int64]
    """(B,): which examples these are."""

    @property
    def predictions(self) -> int:
        """How many targets are not ignored."""
        return int((self.targets != IGNORED).sum())


class CaptionBatches(BucketedBatches[CaptionBatch]):
    """The batches of examples. `seed` None: pictures are not augmented, each stands once, with its first caption, and
    the order is the same in every epoch, from short captions to long ones.

    With `balance`, examples of concepts with few pictures are read more often: of three thousand emoji, half are a few
    hundred people in all skin tones, and things have one picture each.
    """

    def __init__(
        self, examples: CaptionExamples, s: PictureSettings, batch: int, positions: int, seed: int | None
    ) -> None:
        """A batch has at most `batch` examples, and at most `positions` targets, padding included.

        Raises UsageError where the longest caption does not fit.
        """
        self._examples, self._settings = examples, s
        self._numbers = np.arange(len(examples)) if seed is not None else examples.first
        lengths = examples.tokens.lengths[self._numbers]
        self.max_tokens = int(lengths.max())
        """The tokens of the longest caption, with its line end."""
        if self.max_tokens > positions:
            raise UsageError(
                f"A caption has {self.max_tokens:,} tokens, more than a batch of {positions:,}; raise --batch or "
                f"--bptt."
            )
        weights = concept_weights(examples, s.balance) if seed is not None and s.balance > 0 else None
        super().__init__(lengths, batch, positions, seed, weights)

    def _made(self, chosen: NDArray[np.int64], epoch: int) -> CaptionBatch:
        """Return the batch of these examples."""
        examples = self._numbers[chosen % len(self._numbers)]
        pictures = self._examples.picture[examples]
        vectors = [
            self._examples.vectors(int(picture), self._settings, self._generator(epoch, int(n)))
            for picture, n in zip(pictures, chosen, strict=True)
        ]
        inputs, targets = decoder_rows([self._examples.tokens[int(n)] for n in examples])
        if self._examples.unknown is not None:
            targets[targets == self._examples.unknown] = IGNORED
        return CaptionBatch(np.stack(vectors, axis=1), inputs, targets, pictures, examples)


def concept_weights(examples: CaptionExamples, balance: float) -> NDArray[np.float64]:
    """Return how often each example (E,) is read relative to others: pictures of the concept ** -balance.

    A picture without a concept is one of its own.
    """
    concepts = examples.captions.concepts
    counts = Counter(concepts)
    pictures = np.array([counts[concept] if concept else 1 for concept in concepts])
    return (pictures**-balance)[examples.picture]
