"""How many keystrokes completion saves on a text, counted by typing it.

The rule of the count. A typist writes the text word by word and looks at the first k suggestions before every letter.
When the intended word is among them, one keystroke takes it, and brings the space behind it; until then every
character costs one, as does everything that is not a word. What is saved is the share of the characters:
1 - keystrokes / characters. Line ends are not counted where lines are texts of their own.

It is counted twice: with suggestions that may come again at the next letter, and with each of them once while a word is
typed, since a typist who looks at all of them has passed over what was not taken, and others may have its place.

Many places of the text are typed side by side, so that the network steps many rows at once.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.autocomplete.completer import Completer, blended
from lstmtui.engine.autocomplete.history import may_cut
from lstmtui.engine.autocomplete.memory import Memory
from lstmtui.engine.autocomplete.question import Question
from lstmtui.engine.autocomplete.search import SPACE, Found, Wanted
from lstmtui.engine.autocomplete.stepper import Node
from lstmtui.engine.autocomplete.words import places
from lstmtui.engine.sample import opening

RANKS = (1, 3, 5)
STREAMS = 64
"""Places of a text that are typed side by side."""
WARM = 1024
"""Bytes that are read before a place in the middle of a text."""
NEAR = 4096
"""Bytes before the cursor that a question is made of."""
PRESSES = 400
"""Key presses whose time is taken."""


@dataclass(slots=True)
class Word:
    """One word of the text, and what was suggested before each of its letters."""

    start: int
    """Where it begins in the text."""
    letters: list[bytes]
    """Its characters."""
    spaced: bool
    """Whether a space follows, which taking the word brings."""
    found: list[Found] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    """What was asked, without the text before."""
    places: list[int] = field(default_factory=list)
    """Where the text before each question ends."""


@dataclass(frozen=True, slots=True)
class Count:
    """Keystrokes and hits over some words."""

    words: int
    characters: int
    keystrokes: dict[int, int]
    """By how many suggestions are looked at."""
    once: dict[int, int]
    """The same, when none is shown twice for a word."""
    recall: dict[int, float]
    mrr: float
    shown: float
    precision: float | None
    ghost: int
    """Keystrokes with one suggestion that shows only when it is probable enough."""

    def as_dict(self) -> dict[str, Any]:
        """Return shares, by name."""
        return {
            "characters": self.characters,
            "savings": self._shares(self.keystrokes),
            "savings_once": self._shares(self.once),
            "savings_ghost": round(1 - self.ghost / self.characters, 4),
            "recall": {str(k): round(share, 4) for k, share in self.recall.items()},
            "mrr": round(self.mrr, 4),
            "coverage": round(self.shown, 4),
            "precision": None if self.precision is None else round(self.precision, 4),
        }

    def _shares(self, keystrokes: dict[int, int]) -> dict[str, float]:
        return {str(k): round(1 - n / self.characters, 4) for k, n in keystrokes.items()}


@dataclass(frozen=True, slots=True)
class Typed:
    """A text that was typed, with all that the network proposed on the way."""

    text: bytes
    words: list[Word]
    other: int
    """Characters that belong to no word."""
    seconds: float


def type_out(completer: Completer, text: bytes, *, apart: bool, most: int, thorough: bool) -> Typed:
    """Type `text` and note what the network proposes before each letter.

    apart      each line is a text of its own
    most       words to type (0: all); they are taken from places spread over the text
    thorough   look into each word to its end, not only to where the first suggestion is right
    """
    begun = time.perf_counter()
    streams = list(_streams(text, apart, most))
    words = [word for _, _, some in streams for word in some]
    _run(completer, [_typist(completer, text, low, some, thorough=thorough) for low, _, some in streams])
    other = sum(_others(text[low:high], some) for low, high, some in streams)
    return Typed(text, words, other, time.perf_counter() - begun)


def figures(typed: Typed, memory: Memory | None, threshold: float) -> dict[str, Any]:
    """Return the shares of the count over `typed`, mixed with what `memory` counts, word by word as they come.

    threshold    the probability from which the first suggestion would show as ghost text
    """

    words = [(word, mixed(typed.text, word, memory)) for word in typed.words]
    return count(words, typed.other, threshold).as_dict()


def mixed(text: bytes, word: Word, memory: Memory | None) -> list[Found]:
    """Return what is proposed before each letter of one word of `text`, just as a completer with `memory` does."""
    if memory is None:
        return word.found
    befores = {place: text[:place] for place in set(word.places)}
    asked = [replace(q, before=befores[place]) for q, place in zip(word.questions, word.places, strict=True)]
    return [blended(found, q, memory, RANKS[-1]) for found, q in zip(word.found, asked, strict=True)]


def count(words: list[tuple[Word, list[Found]]], other: int, threshold: float) -> Count:
    """Count keystrokes by the rule above; `other` characters are no part of words and cost one each."""
    characters = other
    keystrokes, once, hits = dict.fromkeys(RANKS, other), dict.fromkeys(RANKS, other), dict.fromkeys(RANKS, 0)
    ghost, reciprocal, passed, shown, right = other, 0.0, 0, 0, 0
    for word, proposed in words:
        full = len(word.letters) + word.spaced
        characters += full
        costs, ghost_cost = dict.fromkeys(RANKS, full), full
        taken = False
        for typed, found in enumerate(proposed):
            ranked = found.ranked(RANKS[-1])
            intended = b"".join(word.letters[typed:])
            rank = next((at for at, (added, _) in enumerate(ranked, 1) if added == intended), 0)
            for k in RANKS:
                if 0 < rank <= k:
                    costs[k] = min(costs[k], typed + 1)
            if not taken:
                passed += 1
                if ranked and ranked[0][1] >= threshold:
                    shown += 1
                    right += rank == 1
                    ghost_cost = min(ghost_cost, typed + 1) if rank == 1 else ghost_cost
                taken = rank == 1
            if typed == 0:
                reciprocal += 1 / rank if rank else 0.0
                for k in RANKS:
                    hits[k] += 0 < rank <= k
        for k in RANKS:
            keystrokes[k] += costs[k]
            once[k] += _cost_once(word, proposed, k)
        ghost += ghost_cost
    n = max(1, len(words))
    return Count(
        len(words), max(1, characters), keystrokes, once, {k: hits[k] / n for k in RANKS}, reciprocal / n,
        shown / max(1, passed), right / shown if shown else None, ghost,
    )  # fmt: skip


def _cost_once(word: Word, proposed: list[Found], k: int) -> int:
    """Return the keystrokes of `word` with `k` suggestions, none of which is shown again at a later letter."""
    passed: set[bytes] = set()
    for typed, found in enumerate(proposed):
        begun, intended = b"".join(word.letters[:typed]), b"".join(word.letters[typed:])
        fresh = [added for added, _ in found.without(begun, passed).ranked(k)]
        if intended in fresh:
            return typed + 1
        passed.update(begun + added for added in fresh if not added.startswith(SPACE))
    return len(word.letters) + word.spaced


def latency(completer: Completer, text: str, presses: int = PRESSES) -> dict[str, float]:
    """Type the beginning of `text` key by key and return percentiles of the time to five candidates, in ms."""
    text = " ".join(text.split())[: presses + 8]
    spent = []
    for typed in range(1, len(text)):
        begun = time.perf_counter()
        completer.complete(text[:typed])
        spent.append(1e3 * (time.perf_counter() - begun))
        completer.get_ready()
    warm = spent[8:] or spent or [0.0]  # the first presses meet cold code
    return {f"p{p}": round(float(np.percentile(warm, p)), 3) for p in (50, 90, 99)}


# --- the text in streams ----------------------------------------------------------------------------------------------


def _streams(text: bytes, apart: bool, most: int) -> Iterator[tuple[int, int, list[Word]]]:
    """Yield (where reading begins, where it stops, words) of each stretch to be typed."""
    spans = places(text)
    if apart:
        lines, low = [], 0
        for line in text.split(b"\n"):
            lines.append((low, low + len(line)))
            low += len(line) + 1
        groups = _by_line(lines, spans)
        total = 0
        for low, high, some in groups:
            if most and total >= most:
                return
            total += len(some)
            yield low, high, [_word(text, *span) for span in some]
        return
    total = min(most or len(spans), len(spans))
    each = max(1, -(-total // STREAMS))
    every = max(each, len(spans) // max(1, total // each))
    for first in range(0, len(spans), every):
        some = spans[first : first + each]
        # What comes before the next word was typed too.
        high = spans[first + each][0] if first + each < len(spans) else len(text)
        yield some[0][0], high, [_word(text, *span) for span in some]


def _by_line(lines: list[tuple[int, int]], spans: list[tuple[int, int]]) -> Iterator[tuple[int, int, list[Any]]]:
    at = 0
    for low, high in lines:
        first = at
        while at < len(spans) and spans[at][1] <= high:
            at += 1
        if at > first:
            yield low, high, spans[first:at]


def _word(text: bytes, start: int, stop: int) -> Word:
    characters = text[start:stop].decode("utf-8", "replace")
    return Word(start, [c.encode() for c in characters], text[stop : stop + 1] == b" ")


def _others(text: bytes, words: list[Word]) -> int:
    """Return how many characters of a stretch belong to no word and are not the space behind one."""
    of_words = sum(len(word.letters) + word.spaced for word in words)
    ends_spaced = words[-1].spaced and not text.endswith(b" ")
    return max(0, len(text.decode("utf-8", "replace")) - of_words + ends_spaced)


def _typist(
    completer: Completer, text: bytes, low: int, words: list[Word], *, thorough: bool
) -> Generator[Wanted, None, None]:
    """Type `words`, asking for steps; stops looking into a word once the first suggestion is right."""
    tokenizer = completer.tokenizer
    node = Node(completer.stepper.begin(), None)
    begin = low if low == 0 or text[low - 1 : low] == b"\n" else max(0, low - WARM)
    at = next(p for p in range(begin, low + 1) if p == begin == low or may_cut(text, p) or p == low)
    node = yield from _read(node, [int(t) for t in opening(tokenizer, "")])
    line = begin if begin == low else 0
    root, read = node, -1
    for word in words:
        for typed in range(len(word.letters)):
            stop = word.start + sum(len(letter) for letter in word.letters[:typed])
            data = text[max(line, stop - NEAR) : stop]
            question = completer.taken_apart(data)
            place = stop - len(data) + len(question.before)
            if place != read:
                for cut in range(place, at, -1):
                    if may_cut(text, cut):
                        node = yield from _read(node, _tokens(tokenizer, text[at:cut]))
                        at = cut
                        break
                root, read = (yield from _read(node, _tokens(tokenizer, text[at:place]))), place
            found = yield from completer.search(root, question, RANKS[-1])
            found.ends.clear()  # nodes, of which there would be very many
            word.found.append(found)
            word.questions.append(replace(question, before=b""))
            word.places.append(place)
            best = found.ranked(1)
            if not thorough and best and best[0][0] == b"".join(word.letters[typed:]):
                break


def _tokens(tokenizer: Tokenizer, text: bytes) -> list[int]:
    return [int(t) for t in tokenizer.encode(text)] if text else []


def _read(node: Node, tokens: list[int]) -> Generator[Wanted, None, Node]:
    for token in tokens:
        yield [(node, token)]
        node = node.children[token]
    return node


def _run(completer: Completer, typists: list[Generator[Wanted, None, None]]) -> None:
    """Run all typists, STREAMS of them side by side, stepping the network for all their wishes together."""
    waiting = iter(typists)
    active: list[tuple[Generator[Wanted, None, None], Wanted]] = []

    def advance(typist: Generator[Wanted, None, None]) -> None:
        with contextlib.suppress(StopIteration):
            active.append((typist, next(typist)))

    while True:
        for typist in waiting:
            advance(typist)
            if len(active) >= STREAMS:
                break
        if not active:
            return
        completer.stepper.grow([wish for _, wanted in active for wish in wanted])
        running, active[:] = list(active), []
        for typist, _ in running:
            advance(typist)
