"""What was counted has a say beside the network: in the text it was trained on, in what this person wrote before, and
in the text at hand.

Each source tells how likely the words are that begin as typed; they are mixed word by word, with a say that grows with
how much of the words before was seen in it. What comes of that is then scaled for words that the text at hand has
oftener, or not as often, than the training text leads one to expect.
Source: Grave et al. 2016, arXiv:1612.04426 (a cache beside the network); Witten and Bell 1991 for the text at hand;
Kneser, Peters and Klakow 1997, "Language model adaptation using dynamic marginals", for the scaling.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import Protocol

from lstmtui.common.word_boundaries import CharKind, first_kind, word_and_line_spans, words_and_line_ends
from lstmtui.engine.autocomplete.ngram_index import LINE, Concordance
from lstmtui.engine.autocomplete.question import Question
from lstmtui.engine.autocomplete.respelling import Lexicon
from lstmtui.engine.autocomplete.search import MAX_LETTERS, Found
from lstmtui.engine.autocomplete.text_state import RUN, same

CONTEXT = 4
"""Words before a word that are looked at."""
RECENT = (0.06, 0.14, 0.3)
PROFILE = (0.3, 0.5, 0.6, 0.65, 0.7)
TEXT = (0.2, 0.35, 0.45, 0.5, 0.6)
"""The say of a source, by how many words of the context it has seen; the network gets what is left.

A novel's last tenth with a model of everyday talk: 22.7 % of the keystrokes saved without what is said here, 29.8 %
with the text at hand, 33.6 % with its first nine tenths as a profile too, all with somewhat smaller shares.
"""
OFTEN = 64
"""Most words that one beginning brings, beside those that have followed the word before."""
ENOUGH = 400
"""Words after which a source has half of its say."""


LEAN = 0.8
"""How far probabilities are scaled by how often a word was expected and has come: 0 not at all, 1 all the way."""
DOUBT = 5.0
"""Occurrences, expected and seen, that every word begins with: what came once or twice may be chance.

A novel's last tenth, which turns to philosophy: 35.6 % of the keystrokes saved without, 36.1 % with it (51.6 and 52.2 %
with five suggestions); the tenth before, on which these were tried: 35.5 and 35.5 % (51.3 and 51.8 %). Unconnected
turns of conversations: 49.9 and 50.0 % (63.0 and 62.9 %), where a doubt of 2 cost 0.2 points.
"""


BEHIND = 0.9
"""Of the probability of a common word: what a spelling gets at most that was used once."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one source says of the next word, given its beginning."""

    words: dict[bytes, float]
    """Probability of each word."""
    prefix: float
    """Probability of all words with that beginning."""
    share: float
    """How much it is to be believed."""

    def of_words(self, most: int) -> Told:
        """Return the same of words of at most so many bytes: more is a line of the text, which need not come again."""
        if all(len(word) <= most for word in self.words):
            return self
        words = {word: p for word, p in self.words.items() if len(word) <= most}
        return Told(words, sum(words.values()), self.share)


class Source(Protocol):
    """Counts that tell how likely words are."""

    def tell(self, context: list[bytes], prefix: bytes) -> Told: ...

    def near(self, typed: bytes) -> dict[bytes, float]: ...

    def begins(self, prefix: bytes) -> bool: ...


class Counted:
    """A text that does not change."""

    def __init__(self, text: Concordance, shares: Sequence[float]) -> None:
        self.text, self._shares = text, shares

    def tell(self, context: list[bytes], prefix: bytes) -> Told:
        """Return the probabilities of the words that begin with `prefix`."""
        words, mass, seen = self.text.tell(self.text.context(context), prefix)
        n = len(self.text)
        return Told(words, mass, self._shares[min(seen, len(self._shares) - 1)] * n / (n + ENOUGH))

    def near(self, typed: bytes) -> dict[bytes, float]:
        """Return the words that begin nearly as typed, with the probability of the errors."""
        return self.text.lexicon.near(typed)

    def begins(self, prefix: bytes) -> bool:
        """Return whether a word begins with `prefix`."""
        low, high = self.text.range(prefix)
        return low < high


class Written(Counted):
    """What this person wrote, which may have errors of spelling."""


class Recent:
    """Counts of the text at hand: words can be taken back."""

    def __init__(self) -> None:
        self._counts: list[dict[tuple[bytes, ...], Counter[bytes]]] = [{}, {}, {}]
        self._words: list[bytes] = []
        """Every word that is counted, in order, so that a beginning is a stretch of it."""
        self._total = 0

    def add(self, context: tuple[bytes, bytes], word: bytes, by: int = 1) -> None:
        """Count `word` after `context`; with `by` -1, take it back."""
        for order, table in enumerate(self._counts):
            key = context[2 - order :]
            counter = table.setdefault(key, Counter())
            if order == 0 and word not in counter:
                insort(self._words, word)
            counter[word] += by
            if not counter[word]:
                del counter[word]
                if order == 0:
                    del self._words[bisect_left(self._words, word)]
                if not counter:
                    del table[key]
        self._total += by

    def occurrences(self, word: bytes) -> int:
        """Return how often `word` is counted."""
        table = self._counts[0].get(())
        return 0 if table is None else table[word]

    def leaning(self, word: bytes, share: float) -> float:
        """Return how much oftener `word` came than if its share of all words were `share`."""
        came = self.occurrences(word)
        return float(((came + DOUBT) / (self._total * share + DOUBT)) ** LEAN)

    def tell(self, context: list[bytes], prefix: bytes) -> Told:
        """Return the probabilities of the words that begin with `prefix`."""
        pair = tuple([LINE, LINE, *context][-2:])
        words: dict[bytes, float] = {}
        mass, seen = 0.0, 0
        for order, table in enumerate(self._counts):
            counter = table.get(pair[2 - order :])
            if counter is None:
                continue
            seen = order
            total, kinds = counter.total(), len(counter)
            if order == 0:
                begun = self._begun(prefix)
                mass = sum(counter[word] for word in begun) / total
                often = begun if len(begun) <= OFTEN else nlargest(OFTEN, begun, key=lambda w: (counter[w], w))
                # Whatever followed the two words before has followed the last of them.
                after = self._counts[1].get(pair[1:], ())
                words = {word: counter[word] / total for word in {*often, *(w for w in after if w.startswith(prefix))}}
                continue
            back = kinds / (total + kinds)
            told = {word: count for word, count in counter.items() if word.startswith(prefix)}
            words = {word: back * p + (1 - back) * told.get(word, 0) / total for word, p in words.items()}
            mass = back * mass + (1 - back) * sum(told.values()) / total
        return Told(words, mass, RECENT[seen] * self._total / (self._total + ENOUGH))

    def near(self, typed: bytes) -> dict[bytes, float]:
        """Return the words that begin nearly as typed, with the probability of the errors."""
        counter = self._counts[0].get((), Counter())
        return Lexicon(word for word, _ in counter.most_common()).near(typed)

    def begins(self, prefix: bytes) -> bool:
        """Return whether a word begins with `prefix`."""
        return bool(self._begun(prefix))

    def _begun(self, prefix: bytes) -> list[bytes]:
        """Return the words that begin with `prefix`."""
        low = bisect_left(self._words, prefix)
        return self._words[low : bisect_left(self._words, prefix + b"\xff" * 8, low)]


class Memory:
    """The text at hand, and texts that were counted before."""

    def __init__(self, sources: Sequence[Source] = (), *, recent: bool = True) -> None:
        """`recent` counts the text at hand too."""
        self.sources = list(sources)
        self._recent = Recent() if recent else None
        self._written = next((source.text for source in self.sources if isinstance(source, Written)), None)
        self._trained_on = next((source.text for source in self.sources if type(source) is Counted), None)
        self._text = b""
        self._counted: list[tuple[int, tuple[bytes, bytes], bytes]] = []

    def blend(self, found: Found, asked: Question, k: int) -> Found:
        """Return `found`, what the network says to the question, mixed with what was counted.

        The words after the word begun are mixed as far as one of them can be among the `k` likeliest texts.
        """
        if not asked.starts:
            return found
        if self._recent is not None:
            self._read(asked.before)
        context = words_before(asked.before)
        found = self._mixed(found, context, asked.word, close=asked.close)
        most = found.over * found.spaced
        if most <= 0.0 or most < _kth(found.words, k):
            return found
        context = [*context, *words_and_line_ends(asked.word)][-CONTEXT:]
        following = self._mixed(Found(found.following), context, b"")
        return replace(found, following=following.words)

    def knows(self, word: bytes) -> bool:
        """Return whether somebody wrote `word`: in a text that was counted, or in the text at hand."""
        texts = (source.text for source in self.sources if isinstance(source, Counted))
        return any(text.share(word) for text in texts) or (
            self._recent is not None and self._recent.occurrences(word) > 0
        )

    def begins(self, prefix: bytes) -> bool:
        """Return whether a word that was counted begins with `prefix`."""
        return any(source.begins(prefix) for source in self._all())

    def nearest(self, near: dict[bytes, float], asked: Question) -> dict[bytes, float]:
        """Return the probabilities of words that begin nearly as the word begun, with those of the errors of typing.

        near    what the network says of them
        """
        context = words_before(asked.before)
        found: dict[bytes, float] = {}
        rest = 1.0
        for source in self._all():
            told = {word: (errors, source.tell(context, word)) for word, errors in source.near(asked.word).items()}
            for word, (errors, t) in told.items():
                found[word] = found.get(word, 0.0) + rest * t.share * t.words.get(word, 0.0) * errors
            rest *= 1 - max((t.share for _, t in told.values()), default=0.0)
        for word, p in near.items():
            found[word] = found.get(word, 0.0) + rest * p
        return found

    def _all(self) -> list[Source]:
        return [*self.sources, *([self._recent] if self._recent is not None else [])]

    def _mixed(self, found: Found, context: list[bytes], prefix: bytes, *, close: bool = False) -> Found:
        """Return `found`, words after `context` that begin with `prefix`, mixed with what each source tells of them.

        close    the word may come after punctuation, of which sources know nothing: the network says how likely not
        """
        told = [source.tell(context, prefix) for source in self._all()]
        told = [t.of_words(MAX_LETTERS if found.endless else RUN) for t in told]
        if close:
            at_once = min(
                1.0, sum(p for word, p in found.words.items() if first_kind(word) in (CharKind.UNIT, CharKind.WORD))
            )
            told = [replace(t, words={word: p * at_once for word, p in t.words.items()}) for t in told]
        found = mix(found, told, prefix)
        return self._held_back(found if self._recent is None else self._scaled(found, prefix), prefix)

    def _held_back(self, found: Found, prefix: bytes) -> Found:
        """Return `found` where no spelling that this person used once leads over a common word: it may be an error."""
        if self._written is None:
            return found
        common = max((p for added, p in found.words.items() if self._is_common(prefix + added)), default=0.0)
        if not common:
            return found
        most = BEHIND * common
        words = {a: min(p, most) if p > most and self._is_once(prefix + a) else p for a, p in found.words.items()}
        return replace(found, words=words)

    def _is_common(self, word: bytes) -> bool:
        """Return whether a word occurs more than once in what was counted before."""
        texts = (text for text in (self._trained_on, self._written) if text is not None)
        return any(text.occurrences(word) > 1 for text in texts)

    def _is_once(self, word: bytes) -> bool:
        """Return whether a word is known from one place only, among what this person wrote."""
        assert self._written is not None
        return (
            self._written.occurrences(word) == 1
            and (self._trained_on is None or not self._trained_on.occurrences(word))
            and (self._recent is None or self._recent.occurrences(word) <= 1)
        )

    def _scaled(self, found: Found, prefix: bytes) -> Found:
        """Return `found` with words scaled by how often they have come beside their share of the training text."""
        recent = self._recent
        assert recent is not None
        text = next((source.text for source in self.sources if isinstance(source, Counted)), None)
        if text is None:
            return found

        def scaled(word: bytes, p: float) -> float:
            share = text.share(word)
            return p * recent.leaning(word, share) if share else p

        words = {added: scaled(prefix + added, p) for added, p in found.words.items()}
        over = scaled(prefix, found.over)
        left = max(0.0, 1.0 - sum(found.words.values()) - found.over)
        total = left + sum(words.values()) + over
        if total <= 0.0:
            return found
        return replace(found, words={added: p / total for added, p in words.items()}, over=over / total)

    def _read(self, text: bytes) -> None:
        """Count the words of `text`, and only those. The last one may still go on and is not counted yet."""
        assert self._recent is not None
        if not text.startswith(self._text):
            shared = same(self._text, text)
            while self._counted and self._counted[-1][0] >= shared:
                _, context, word = self._counted.pop()
                self._recent.add(context, word, -1)
        self._text = text
        start, context = 0, (LINE, LINE)
        if self._counted:
            start, context, word = self._counted[-1]
            context = (context[1], word)
        for _, stop, word in word_and_line_spans(text, start):
            if word == LINE:
                context = (LINE, LINE)
            elif stop < len(text):
                self._recent.add(context, word)
                self._counted.append((stop, context, word))
                context = (context[1], word)


def words_before(text: bytes) -> list[bytes]:
    """Return the last words of the line that `text` ends in."""
    end = text[-256:]
    if len(text) > len(end):
        end = end[end.find(b" ") + 1 :]
    line = end[end.rfind(LINE) + 1 :]
    return words_and_line_ends(line)[-CONTEXT:]


def mix(found: Found, told: list[Told], prefix: bytes) -> Found:
    """Return `found` with the probabilities of each source, weighed by its share and by how likely it made `prefix`."""
    rest = 1.0
    weighed: list[tuple[float, Told]] = []
    for source in told:
        weighed.append((rest * source.share, source))
        rest *= 1 - source.share
    network = rest * math.exp(min(0.0, found.log_typed))
    total = network + sum(share * source.prefix for share, source in weighed)
    if total <= 0.0:
        return found
    words = {added: network / total * p for added, p in found.words.items()}
    over = network / total * found.over
    for share, source in weighed:
        over += share / total * source.words.get(prefix, 0.0)
        for word, p in source.words.items():
            if len(word) > len(prefix):
                added = word[len(prefix) :]
                words[added] = words.get(added, 0.0) + share / total * p
    return replace(found, words=words, over=over, log_typed=math.log(total))


def _kth(words: dict[bytes, float], k: int) -> float:
    """Return the k-th largest probability, 0 while there are fewer."""
    return nlargest(k, words.values())[-1] if len(words) >= k else 0.0
