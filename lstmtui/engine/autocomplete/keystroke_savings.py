"""The keystrokes that completion saves on a typed text.

A typist writes the text word by word and looks at the first k suggestions before every letter. If the intended word is
among them, one keystroke takes it together with the space after it. Until then every character costs one keystroke, as
does everything that is not a word. Savings are 1 - keystrokes / characters. Line ends are not counted if lines are
separate texts.

In a script without spaces each character is a word, and a suggestion is text up to where the network is uncertain. The
longest suggestion that matches the text to come is taken, and its characters cost nothing more.

Two counts are made: suggestions may be repeated at the next letter, or are shown once while a word is typed, since a
typist who looks at all of them has rejected those that were not taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lstmtui.engine.autocomplete.continuations import SPACE, Continuations
from lstmtui.engine.autocomplete.ngram_mixture import NgramMixture
from lstmtui.engine.autocomplete.typing_simulation import MAX_RANK, TypedText, Word
from lstmtui.engine.autocomplete.variants import combine

RANKS = (1, 3, MAX_RANK)
"""Numbers of suggestions that a typist looks at."""
GHOST = 0
"""The typist who sees ghost text alone."""


@dataclass(frozen=True, slots=True)
class Count:
    """Keystrokes and hits over some words."""

    words: int
    characters: int
    keystrokes: dict[int, int]
    """By number of suggestions."""
    once: dict[int, int]
    """The same, if no suggestion is shown twice for a word."""
    recall: dict[int, float]
    mrr: float
    """Mean reciprocal rank of the intended word before its first letter."""
    shown: float
    """The fraction of queries with ghost text."""
    precision: float | None
    """The fraction of ghost texts that are right; None without any."""
    ghost: int
    """Keystrokes with one suggestion that is shown only if it is probable enough."""

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {
            "characters": self.characters,
            "savings": self._savings(self.keystrokes),
            "savings_once": self._savings(self.once),
            "savings_ghost": round(1 - self.ghost / self.characters, 4),
            "recall": {str(k): round(share, 4) for k, share in self.recall.items()},
            "mrr": round(self.mrr, 4),
            "coverage": round(self.shown, 4),
            "precision": None if self.precision is None else round(self.precision, 4),
        }

    def _savings(self, keystrokes: dict[int, int]) -> dict[str, float]:
        return {str(k): round(1 - n / self.characters, 4) for k, n in keystrokes.items()}


def measure(typed: TypedText, mixture: NgramMixture | None, threshold: float) -> dict[str, Any]:
    """Return the figures of `typed`, mixed with the counts of `mixture`, which learns the words as they come.

    threshold    the probability from which the first suggestion is shown as ghost text
    """
    words = [(word, suggestions(typed, word, mixture)) for word in typed.words]
    return count(words, typed.other_characters, threshold).as_dict()


def suggestions(typed: TypedText, word: Word, mixture: NgramMixture | None) -> list[Continuations]:
    """Return the distribution before each letter of a word, as a completer with `mixture` would propose from it."""
    token_index, normaliser = typed.completer.token_index, typed.completer.normaliser
    ends = sorted(set(word.read_to)) if mixture else []
    befores = {end: normaliser.normalise_text(typed.text[:end]) for end in ends}
    found = []
    for variants, end in zip(word.variants, word.read_to, strict=True):
        if mixture is not None:
            variants = [replace(v, query=replace(v.query, before=befores[end])) for v in variants]
        found.append(combine(variants, token_index, mixture, MAX_RANK))
    return found


def count(words: list[tuple[Word, list[Continuations]]], other: int, threshold: float) -> Count:
    """Count keystrokes; `other` characters belong to no word and cost one each."""
    tally = _Tally(other, threshold)
    for word, suggested in words:
        if word.ahead:
            tally.add_character(word, suggested[0].ranked(MAX_RANK))
        else:
            tally.add_word(word, suggested)
    return tally.count(len(words))


class _Tally:
    """Keystrokes and hits so far."""

    def __init__(self, other: int, threshold: float) -> None:
        self._threshold = threshold
        self._characters = self._ghost = other
        self._keystrokes, self._once = dict.fromkeys(RANKS, other), dict.fromkeys(RANKS, other)
        self._hits = dict.fromkeys(RANKS, 0)
        self._reciprocal, self._queries, self._shown, self._right = 0.0, 0, 0, 0
        self._written = {**dict.fromkeys(RANKS, 0), GHOST: 0}
        """Up to where each typist's suggestions have written the text."""

    def count(self, words: int) -> Count:
        """Return the totals."""
        n = max(1, words)
        return Count(
            words, max(1, self._characters), self._keystrokes, self._once,
            {k: self._hits[k] / n for k in RANKS}, self._reciprocal / n,
            self._shown / max(1, self._queries), self._right / self._shown if self._shown else None, self._ghost,
        )  # fmt: skip

    def add_word(self, word: Word, suggested: list[Continuations]) -> None:
        """Type a word, with the suggestions before each of its letters."""
        full = len(word.letters) + word.spaced
        self._characters += full
        costs, ghost_cost = dict.fromkeys(RANKS, full), full
        taken = False
        for typed, found in enumerate(suggested):
            ranked = found.proposals(MAX_RANK)
            intended = b"".join(word.letters[typed:])
            rank = next((at for at, p in enumerate(ranked, 1) if p.text == intended and not p.replaces), 0)
            for k in RANKS:
                if 0 < rank <= k:
                    costs[k] = min(costs[k], typed + 1)
            if not taken:
                self._queries += 1
                if ranked and ranked[0].probability >= self._threshold and not ranked[0].replaces:
                    self._shown += 1
                    self._right += rank == 1
                    ghost_cost = min(ghost_cost, typed + 1) if rank == 1 else ghost_cost
                taken = rank == 1
            if typed == 0:
                self._add_hit(rank)
        for k in RANKS:
            self._keystrokes[k] += costs[k]
            self._once[k] += _cost_once(word, suggested, k)
        self._ghost += ghost_cost

    def add_character(self, word: Word, ranked: list[tuple[bytes, float]]) -> None:
        """Type a character of a script without spaces, with the suggestions before it."""
        self._characters += len(word.letters) + word.spaced
        matching = [len(added) if word.ahead.startswith(added) else 0 for added, _ in ranked]
        for k in RANKS:
            cost = self._cost(word, k, max(matching[:k], default=0))
            self._keystrokes[k] += cost
            self._once[k] += cost
        shows = bool(ranked) and ranked[0][1] >= self._threshold
        if word.start >= self._written[GHOST]:
            self._queries += 1
            self._shown += shows
            self._right += shows and matching[0] > 0
        self._ghost += self._cost(word, GHOST, matching[0] if shows else 0)
        whole = b"".join(word.letters)
        self._add_hit(next((at for at, (added, _) in enumerate(ranked, 1) if added.startswith(whole)), 0))

    def _cost(self, word: Word, typist: int, matching: int) -> int:
        """Return a typist's keystrokes for a character, given the bytes of the best suggestion before it (0: none)."""
        if word.start < self._written[typist]:
            return int(word.spaced)
        if matching:
            self._written[typist] = word.start + matching
            return 1 + word.spaced
        return len(word.letters) + word.spaced

    def _add_hit(self, rank: int) -> None:
        self._reciprocal += 1 / rank if rank else 0.0
        for k in RANKS:
            self._hits[k] += 0 < rank <= k


def _cost_once(word: Word, suggested: list[Continuations], k: int) -> int:
    """Return the keystrokes of `word` with `k` suggestions, none of which is shown again at a later letter."""
    rejected: set[bytes] = set()
    for typed, found in enumerate(suggested):
        partial_word, intended = b"".join(word.letters[:typed]), b"".join(word.letters[typed:])
        fresh = found.without(partial_word, rejected).proposals(k)
        if any(p.text == intended and not p.replaces for p in fresh):
            return typed + 1
        rejected.update(p.text if p.replaces else partial_word + p.text for p in fresh if not p.text.startswith(SPACE))
    return len(word.letters) + word.spaced
