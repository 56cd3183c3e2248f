"""Mixes n-gram counts with the network's probabilities.

The sources are the training text, the user's profile and the text at hand. Each estimates the probabilities of words
with the typed beginning. The estimates are interpolated with weights that grow with the length of the context that a
source has seen. The result is then scaled for words that the text at hand has more or less often than the training text
leads to expect.
Source: Grave et al. 2016, arXiv:1612.04426 (a cache beside the network); Witten and Bell 1991 for the text at hand;
Kneser, Peters and Klakow 1997, "Language model adaptation using dynamic marginals", for the scaling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from lstmtui.common.word_boundaries import MAX_RUN, CharKind, first_kind, word_and_line_spans, words_and_line_ends
from lstmtui.engine.autocomplete.continuations import Continuations
from lstmtui.engine.autocomplete.ngram_index import LINE_END
from lstmtui.engine.autocomplete.ngram_sources import Estimate, IndexedText, ProfileText, RecentCounts, Source
from lstmtui.engine.autocomplete.query import Query
from lstmtui.engine.autocomplete.text_state import shared_length
from lstmtui.engine.autocomplete.token_probabilities import kth_largest
from lstmtui.engine.autocomplete.unspaced import MAX_WORD_LETTERS

CONTEXT_WORDS = 4
CONTEXT_BYTES = 256
"""The end of a text in which these words are found."""
MAX_RARE_SHARE = 0.9
"""The highest probability of a form that the user wrote once, relative to the most probable common word."""


class NgramMixture:
    """The text at hand and texts counted before, to be mixed with the network."""

    def __init__(self, sources: Sequence[Source] = (), *, recent: bool = True) -> None:
        """`recent` counts the text at hand as well."""
        self._recent = RecentCounts() if recent else None
        self._text = b""
        self._counted: list[tuple[int, tuple[bytes, bytes], bytes]] = []
        """End, context and bytes of each counted word of the text at hand."""
        self._use(sources)

    def replace_profile(self, profile: ProfileText | None) -> None:
        """Mix with another profile from now on, or with none; the text at hand stays counted."""
        others = [source for source in self.sources if not isinstance(source, ProfileText)]
        self._use(others if profile is None else [*others, profile])

    def _use(self, sources: Sequence[Source]) -> None:
        self.sources = list(sources)
        self._profile = next((source.index for source in self.sources if isinstance(source, ProfileText)), None)
        self._training_text = next((source.index for source in self.sources if type(source) is IndexedText), None)
        self._first_text = next((source.index for source in self.sources if isinstance(source, IndexedText)), None)

    def mix(self, found: Continuations, query: Query, k: int) -> Continuations:
        """Return the network's continuations mixed with the counts.

        Next words after a partial word are mixed only if one of them can be among the `k` most probable texts.
        """
        if not query.starts_word:
            return found
        if self._recent is not None:
            self._count_text(self._recent, query.before)
        context = words_before(query.before)
        found = self._mix_words(found, context, query.partial_word, unspaced=query.unspaced)
        next_p = found.complete * found.spaced
        if next_p <= 0.0 or next_p < kth_largest(found.words.values(), k):
            return found
        context = [*context, *words_and_line_ends(query.partial_word)][-CONTEXT_WORDS:]
        next_words = self._mix_words(Continuations(found.next_words), context, b"")
        return replace(found, next_words=next_words.words)

    def contains(self, word: bytes) -> bool:
        """Return whether `word` occurs in one of the texts."""
        texts = (source.index for source in self.sources if isinstance(source, IndexedText))
        return any(text.frequency(word) for text in texts) or (
            self._recent is not None and self._recent.occurrences(word) > 0
        )

    def has_prefix(self, prefix: bytes) -> bool:
        """Return whether a word of one of the texts begins with `prefix`."""
        return any(source.has_prefix(prefix) for source in self._all_sources())

    def similar_words(self, similar: dict[bytes, float], query: Query) -> dict[bytes, float]:
        """Return words with a beginning similar to the partial word, by the probability of word and typing errors.

        similar    the network's probabilities of such words
        """
        context = words_before(query.before)
        found: dict[bytes, float] = {}
        rest = 1.0
        for source in self._all_sources():
            estimates = {
                word: (errors, source.estimate(context, word))
                for word, errors in source.similar(query.partial_word).items()
            }
            for word, (errors, estimate) in estimates.items():
                p = rest * estimate.weight * estimate.words.get(word, 0.0) * errors
                found[word] = found.get(word, 0.0) + p
            rest *= 1 - max((estimate.weight for _, estimate in estimates.values()), default=0.0)
        for word, p in similar.items():
            found[word] = found.get(word, 0.0) + rest * p
        return found

    def _all_sources(self) -> list[Source]:
        return [*self.sources, *([self._recent] if self._recent is not None else [])]

    def _mix_words(
        self, found: Continuations, context: list[bytes], prefix: bytes, *, unspaced: bool = False
    ) -> Continuations:
        """Return `found`, words after `context` that begin with `prefix`, mixed with the estimates of each source.

        unspaced    the word may follow punctuation, which sources do not count: only the network knows how probable a
                    word is there
        """
        max_bytes = MAX_WORD_LETTERS if found.without_words else MAX_RUN
        estimates = [source.estimate(context, prefix).without_long_words(max_bytes) for source in self._all_sources()]
        if unspaced:
            starts = (p for word, p in found.words.items() if first_kind(word) in (CharKind.UNIT, CharKind.WORD))
            word_p = min(1.0, sum(starts))
            estimates = [replace(e, words={word: p * word_p for word, p in e.words.items()}) for e in estimates]
        found = interpolate(found, estimates, prefix)
        if self._recent is not None:
            found = self._scale(found, prefix, self._recent)
        return self._limit_rare(found, prefix)

    def _limit_rare(self, found: Continuations, prefix: bytes) -> Continuations:
        """Keep forms that the user wrote once below common words: they may be errors."""
        profile = self._profile
        if profile is None:
            return found
        texts = [text for text in (self._training_text, profile) if text is not None]

        def is_common(word: bytes) -> bool:
            return any(text.occurrences(word) > 1 for text in texts)

        def is_rare(word: bytes) -> bool:
            return (
                profile.occurrences(word) == 1
                and (self._training_text is None or not self._training_text.occurrences(word))
                and (self._recent is None or self._recent.occurrences(word) <= 1)
            )

        common = max((p for added, p in found.words.items() if is_common(prefix + added)), default=0.0)
        if not common:
            return found
        limit = MAX_RARE_SHARE * common
        words = {a: min(p, limit) if p > limit and is_rare(prefix + a) else p for a, p in found.words.items()}
        return replace(found, words=words)

    def _scale(self, found: Continuations, prefix: bytes, recent: RecentCounts) -> Continuations:
        """Return `found` with words scaled by their frequency in the text at hand relative to the training text."""
        text = self._first_text
        if text is None:
            return found

        def scaled(word: bytes, p: float) -> float:
            frequency = text.frequency(word)
            return p * recent.adaptation(word, frequency) if frequency else p

        words = {added: scaled(prefix + added, p) for added, p in found.words.items()}
        complete = scaled(prefix, found.complete)
        left = max(0.0, 1.0 - sum(found.words.values()) - found.complete)
        total = left + sum(words.values()) + complete
        if total <= 0.0:
            return found
        return replace(found, words={added: p / total for added, p in words.items()}, complete=complete / total)

    def _count_text(self, recent: RecentCounts, text: bytes) -> None:
        """Count the words of `text`, and only those. The last word may still grow and is not counted yet."""
        if not text.startswith(self._text):
            shared = shared_length(self._text, text)
            while self._counted and self._counted[-1][0] >= shared:
                _, context, word = self._counted.pop()
                recent.add(context, word, -1)
        self._text = text
        start, context = 0, (LINE_END, LINE_END)
        if self._counted:
            start, context, word = self._counted[-1]
            context = (context[1], word)
        for _, stop, word in word_and_line_spans(text, start):
            if word == LINE_END:
                context = (LINE_END, LINE_END)
            elif stop < len(text):
                recent.add(context, word)
                self._counted.append((stop, context, word))
                context = (context[1], word)


def words_before(text: bytes) -> list[bytes]:
    """Return the last words of the line in which `text` ends."""
    end = text[-CONTEXT_BYTES:]
    if len(text) > len(end):
        end = end[end.find(b" ") + 1 :]
    line = end[end.rfind(LINE_END) + 1 :]
    return words_and_line_ends(line)[-CONTEXT_WORDS:]


def interpolate(found: Continuations, estimates: list[Estimate], prefix: bytes) -> Continuations:
    """Return `found` mixed with the estimates, each weighed by its source and by its probability of `prefix`."""
    rest = 1.0
    weighted: list[tuple[float, Estimate]] = []
    for estimate in estimates:
        weighted.append((rest * estimate.weight, estimate))
        rest *= 1 - estimate.weight
    network = rest * math.exp(min(0.0, found.log_typed))
    total = network + sum(weight * estimate.prefix for weight, estimate in weighted)
    if total <= 0.0:
        return found
    words = {added: network / total * p for added, p in found.words.items()}
    complete = network / total * found.complete
    for weight, estimate in weighted:
        complete += weight / total * estimate.words.get(prefix, 0.0)
        for word, p in estimate.words.items():
            if len(word) > len(prefix):
                added = word[len(prefix) :]
                words[added] = words.get(added, 0.0) + weight / total * p
    return replace(found, words=words, complete=complete, log_typed=math.log(total))
