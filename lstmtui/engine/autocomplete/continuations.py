"""What may follow a text: a probability distribution over words, and the proposals ranked from it."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from lstmtui.engine.autocomplete.stepper import Node

SPACE = b" "


@dataclass(frozen=True, slots=True)
class Proposal:
    """A text to propose."""

    text: bytes
    probability: float
    replaces: bool = False
    """Whether the text replaces the partial word; otherwise it is appended."""


@dataclass(slots=True)
class Continuations:
    """What follows the typed text: probabilities of mutually exclusive events, given the typed text."""

    words: dict[bytes, float] = field(default_factory=dict)
    """Texts that finish the partial word; without one, next words."""
    complete: float = 0.0
    """The probability that the partial word is complete as it is."""
    spaced: float = 0.0
    """The probability that a space follows the partial word, given that it is complete."""
    next_words: dict[bytes, float] = field(default_factory=dict)
    """Words after the partial word, given that it is complete and a space follows."""
    log_typed: float = 0.0
    """Log probability of the partial word's letters, given the space before them."""
    end_nodes: dict[bytes, Node] = field(default_factory=dict)
    """The most probable node after each word, and after each next word with its space."""
    runs: dict[bytes, tuple[bytes, float]] = field(default_factory=dict)
    """For words in scripts without spaces: the text as far as the network is certain, and its probability given the
    word."""
    vocabulary_forms: dict[bytes, bytes] = field(default_factory=dict)
    """The partial word and its continuation as the vocabulary has them, where they are normalised."""
    similar: dict[bytes, float] = field(default_factory=dict)
    """Where no word of the vocabulary begins with the partial word: words with a similar beginning, by the probability
    of the word and its typing errors."""
    corrections: dict[bytes, float] = field(default_factory=dict)
    """Words that may replace the partial word, where no known word begins with it."""
    without_words: bool = False
    """Whether the text is not made of words, as a sequence of genes."""

    def without(self, partial_word: bytes, words: Collection[bytes]) -> Continuations:
        """Return the distribution given that the word that begins with `partial_word` is none of `words`."""
        left = dict(self.words)
        excluded = sum(left.pop(word[len(partial_word) :], 0.0) for word in set(words) if word.startswith(partial_word))
        excluded += sum(p for word, p in self.corrections.items() if word in words)
        total = max(1.0 - excluded, 1e-12)
        left = {word: p / total for word, p in left.items()}
        corrections = {word: p / total for word, p in self.corrections.items() if word not in words}
        return replace(self, words=left, complete=self.complete / total, corrections=corrections)

    def proposals(self, k: int) -> list[Proposal]:
        """Return the `k` most probable proposals: texts to append, and words that replace the partial word."""
        found = [Proposal(text, p) for text, p in self.ranked(k)]
        found += [Proposal(word, min(1.0, p), replaces=True) for word, p in self.corrections.items()]
        return sorted(found, key=lambda proposal: -proposal.probability)[:k] if self.corrections else found

    def ranked(self, k: int) -> list[tuple[bytes, float]]:
        """Return the `k` most probable texts to append, with their probabilities."""
        entries = [(-p, word) for word, p in self.words.items()]
        after = self.complete * self.spaced
        entries += [(-p * after, SPACE + word) for word, p in self.next_words.items()]
        best = heapq.nsmallest(k, (entry for entry in entries if entry[0] < 0.0 and is_text(entry[1])))
        if not self.runs:
            return [(word, min(1.0, -p)) for p, word in best]
        runs = [(self.runs.get(word, (word, 1.0)), -p) for p, word in best]
        return sorted(((text, min(1.0, p * share)) for (text, share), p in runs), key=lambda run: (-run[1], run[0]))


def is_text(data: bytes) -> bool:
    """Return whether `data` consists of whole characters."""
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
