"""Pictures to captions: vectors, searched in batches, in words again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lstmtui.config import PictureSettings
from lstmtui.data.pairs import line_end
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.inference.beam_search import DEFAULT, Hypothesis, SearchOptions, search
from lstmtui.engine.nn.caption_model import CaptionSizes
from lstmtui.engine.nn.incremental_caption import IncrementalCaption
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]

BATCH = 64
"""Pictures that are searched at once."""


@dataclass(frozen=True, slots=True)
class Caption:
    """One caption of a picture."""

    text: str
    log_probability: float
    score: float
    """As `beam_search` has it, for comparison with others of the same picture."""
    tokens: tuple[str, ...]
    """The text of each token, the end not included."""
    attention: Array
    """(tokens, rows, columns): what each token has looked at."""


class Captioner:
    """A model and its tokenizer, for pictures; the weights are those of the processor."""

    def __init__(
        self, pictures: PictureSettings, sizes: CaptionSizes, weights: Arena, tokenizer: Tokenizer, compute: Compute,
        *, longest: int,
    ) -> None:  # fmt: skip
        """`longest` has the tokens of the longest training caption: none is written that is twice as long."""
        self.pictures, self.sizes, self.tokenizer, self.longest = pictures, sizes, tokenizer, longest
        self._weights, self._compute, self._end = weights, compute, line_end(tokenizer)
        self._model: IncrementalCaption | None = None

    def refresh(self) -> None:
        """Take the weights as they are now."""
        if self._model is not None:
            self._model.load()

    def caption(
        self, vectors: Sequence[Array], options: SearchOptions = DEFAULT, *, check: Callable[[], None] = lambda: None
    ) -> list[list[Caption]]:
        """Return the best captions of each picture, the best first, in the order of the pictures.

        vectors   (S, D) of each picture
        check     called between batches; may raise
        """
        if options.max_length is None:
            options = replace(options, max_length=2 * self.longest)
        found: list[list[Caption]] = []
        for at in range(0, len(vectors), BATCH):
            chosen = np.stack(vectors[at : at + BATCH], axis=1)
            lengths = np.full(chosen.shape[1], self.sizes.grid.positions, np.int32)
            model = self._of_shape(chosen.shape[1], options.beam)
            hypotheses = search(model, chosen, lengths, end=self._end, options=options)
            found += [[self._caption(best) for best in of_picture] for of_picture in hypotheses]
            check()
        return found

    def _of_shape(self, pictures: int, width: int) -> IncrementalCaption:
        """Return a model of as many pictures and hypotheses of each; the last one again where it fits."""
        if self._model is None or (self._model.sentences, self._model.width) != (pictures, width):
            self._model = None  # its buffers are free before others are made
            self._model = IncrementalCaption(self.sizes, self._weights, (pictures, width), compute=self._compute)
        return self._model

    def _caption(self, best: Hypothesis) -> Caption:
        ids = np.array(best.tokens[:-1], np.int64)
        tokens = tuple(self.tokenizer.token_bytes(int(token)).decode("utf-8", "replace") for token in ids)
        attention = best.alignment[:-1].reshape(len(ids), *self.sizes.grid)
        return Caption(self.tokenizer.text(ids), best.log_probability, best.score, tokens, attention)
