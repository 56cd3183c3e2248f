"""Lines of text to translations: tokenised, searched in batches of like length, in words again.

A word outside the target vocabulary is replaced, unless this is off, by the source word that it has read most (Luong et
al. 2015, arXiv:1410.8206, with attention as the aligner).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from lstmtui.data.pairs import Tokenizers, encode_lines, line_end
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.inference.beam_search import DEFAULT, Hypothesis, Prefix, SearchOptions, search
from lstmtui.engine.inference.token_index import TokenIndex
from lstmtui.engine.nn.incremental_translation import IncrementalTranslation
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.translation_model import TranslationSizes

Array = np.ndarray[Any, Any]

BATCH = 64
"""Lines that are searched at once."""
LENGTH_STEP = 8
"""Buffers are for source lengths rounded up to a multiple of this, so that lines of like length share them."""


@dataclass(frozen=True, slots=True)
class Translation:
    """One translation of a line."""

    text: str
    log_probability: float
    score: float
    """As `beam_search` has it, for comparison with others of the same line."""
    source: tuple[str, ...]
    target: tuple[str, ...]
    """The tokens of both sides, the end not included, with unknown ones replaced where that is wanted."""
    alignment: Array
    """(target, source): what each token has read of the source."""
    unknown: int
    """Source tokens that stand for words or characters outside the vocabulary."""
    prefix_probability: float | None
    """As `beam_search.Hypothesis` has it."""


class _Begin(NamedTuple):
    """How a translation begins."""

    prefix: Prefix
    surface: tuple[str, ...]
    """The text of each of its tokens."""


class _WholeWords:
    """Words by their text: one that has begun is not written in parts."""

    is_unambiguous = False

    def __init__(self, index: TokenIndex) -> None:
        self.pieces, self.covering = index.pieces, index.covering

    def proper_prefixes(self, text: bytes) -> list[int]:
        """Return none."""
        return []


class Translator:
    """A model and its tokenizers, for text; the weights are those of the processor."""

    def __init__(self, sizes: TranslationSizes, weights: Arena, tokenizers: Tokenizers, compute: Compute) -> None:
        self._sizes, self._weights, self._tokenizers, self._compute = sizes, weights, tokenizers, compute
        self._end = line_end(tokenizers.target)
        self._model: tuple[tuple[int, int, int], IncrementalTranslation] | None = None

    def refresh(self) -> None:
        """Take the weights as they are now."""
        if self._model is not None:
            self._model[1].load()

    def translate(
        self,
        lines: Sequence[str],
        options: SearchOptions = DEFAULT,
        *,
        prefixes: Sequence[str] | None = None,
        replace_unknown: bool = True,
        check: Callable[[], None] = lambda: None,
    ) -> list[list[Translation]]:
        """Return the best translations of each line, the best first, in the order of the lines.

        prefixes         how the translation of each line begins; a last word without a space after it may go on
        replace_unknown  whether a source word stands for an unknown one of the target
        check            called between batches; may raise
        """
        source = encode_lines(lines, self._tokenizers.source)
        target = [""] * len(lines) if prefixes is None else prefixes
        begins = [self._begin(prefix) for prefix in target]
        found: list[list[Translation]] = [[] for _ in lines]
        order = sorted(range(len(lines)), key=lambda n: len(source[n]))
        for at in range(0, len(order), BATCH):
            chosen = order[at : at + BATCH]
            batch = self._search([source[n] for n in chosen], options, [begins[n].prefix for n in chosen])
            for n, hypotheses in zip(chosen, batch, strict=True):
                surface = surface_tokens(lines[n], source[n][:-1], self._tokenizers.source)
                found[n] = [
                    self._translation(source[n], best, begins[n], surface, replace_unknown=replace_unknown)
                    for best in hypotheses
                ]
            check()
        return found

    def _search(
        self, source: Sequence[Array], options: SearchOptions, prefixes: Sequence[Prefix]
    ) -> list[list[Hypothesis]]:
        lengths = np.array([len(sentence) for sentence in source], np.int32)
        tokens = np.zeros((int(lengths.max()), len(source)), np.int32)
        for b, sentence in enumerate(source):
            tokens[: len(sentence), b] = sentence
        model = self._of_shape(-(-len(tokens) // LENGTH_STEP) * LENGTH_STEP, len(source), options.beam)
        return search(model, tokens, lengths, end=self._end, options=options, prefixes=prefixes, texts=self._texts)

    def _of_shape(self, *shape: int) -> IncrementalTranslation:
        """Return a model of S source tokens, sentences and hypotheses of each; the last one again where it fits."""
        S, sentences, width = shape
        if self._model is None or self._model[0] != (S, sentences, width):
            self._model = None  # its buffers are free before others are made
            made = IncrementalTranslation(self._sizes, self._weights, (S, sentences, width), compute=self._compute)
            self._model = (S, sentences, width), made
        return self._model[1]

    def _begin(self, text: str) -> _Begin:
        """Return how a translation begins: its last word may go on, unless a space follows it."""
        target = self._tokenizers.target
        whole, rest = text.strip(), b""
        if whole and text.endswith(whole) and not self._texts.is_unambiguous:
            before, space, last = whole.rpartition(" ")
            begun = (space + last if not target.joiner else last).encode()
            if len(self._texts.covering(begun)) or self._texts.proper_prefixes(begun):
                whole, rest = before.rstrip(), begun
        ids = target.encode(whole.encode())
        return _Begin(Prefix(ids.tolist(), rest), surface_tokens(whole, ids, target))

    @cached_property
    def _texts(self) -> TokenIndex | _WholeWords:
        index = TokenIndex(self._tokenizers.target)
        return _WholeWords(index) if index.whole_words else index

    def _translation(
        self, source: Array, best: Hypothesis, begin: _Begin, surface: tuple[str, ...], *, replace_unknown: bool
    ) -> Translation:
        """Return a hypothesis as text; `surface` has the text of the source tokens."""
        of_source, of_target = self._tokenizers
        ids, alignment = best.tokens[:-1], best.alignment[:-1, :-1]
        pieces = [of_target.token_bytes(token) for token in ids]
        for n, token in enumerate(ids):
            if token == of_target.unk and surface and replace_unknown:
                pieces[n] = surface[int(alignment[n].argmax())].encode()
        for n, piece in enumerate(begin.surface):  # what is given stands as it is written
            if ids[n] == of_target.unk:
                pieces[n] = piece.encode()
        return Translation(
            _joined(pieces, of_target), best.log_probability, best.score, surface,
            tuple(piece.decode("utf-8", "replace") for piece in pieces), alignment,
            of_source.unknown(source[:-1]), best.prefix_probability,
        )  # fmt: skip


def surface_tokens(line: str, ids: Array, tokenizer: Tokenizer) -> tuple[str, ...]:
    """Return the text of each token of a line: for an unknown one, the word that stands there."""
    found = [tokenizer.token_bytes(int(token)).decode("utf-8", "replace") for token in ids]
    if tokenizer.unk is None or tokenizer.unk not in ids:
        return tuple(found)
    words = [(word, len(tokenizer.encode(word.encode()))) for word in line.split()]
    if sum(count for _, count in words) != len(ids):
        return tuple(found)
    at = 0
    for word, count in words:
        if count == 1:
            found[at] = word
        at += count
    return tuple(found)


def _joined(pieces: Sequence[bytes], tokenizer: Tokenizer) -> str:
    text = b"".join((tokenizer.between(pieces[n - 1], piece) if n else b"") + piece for n, piece in enumerate(pieces))
    return text.decode("utf-8", "replace")
