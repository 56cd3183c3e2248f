"""How many keystrokes completion saves on a text, counted by typing it.

The rule of the count. A typist writes the text word by word and looks at the first k suggestions before every letter.
When the intended word is among them, one keystroke takes it, and brings the space behind it; until then every
character costs one, as does everything that is not a word. What is saved is the share of the characters:
1 - keystrokes / characters. Line ends are not counted where lines are texts of their own.

In a script without spaces each character is a word, and a suggestion is text up to where the network is unsure: it is
taken when all of it comes next, the longest first, and the characters in it cost nothing more.

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

from lstmtui.common.word_boundaries import CharKind, last_kind, word_spans
from lstmtui.engine.autocomplete.answer import Reading, proposed
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.ngram_mixture import Memory
from lstmtui.engine.autocomplete.search import SPACE, Found, Wanted
from lstmtui.engine.autocomplete.stepper import Node
from lstmtui.engine.autocomplete.text_state import may_cut
from lstmtui.engine.inference.prompt import prompt_tokens

RANKS = (1, 3, 5)
GHOST = 0
"""The typist who sees ghost text alone, beside those who see so many suggestions."""
AHEAD = 64
"""Bytes of the text to come that a suggestion can be right about."""
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
    ahead: bytes = b""
    """Where the word is a character of a script without spaces, the text from it on; else nothing."""
    found: list[list[Reading]] = field(default_factory=list)
    """What the network says, without the text before."""
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
    completer: Completer
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
    return Typed(text, completer, words, other, time.perf_counter() - begun)


def figures(typed: Typed, memory: Memory | None, threshold: float) -> dict[str, Any]:
    """Return the shares of the count over `typed`, mixed with what `memory` counts, word by word as they come.

    threshold    the probability from which the first suggestion would show as ghost text
    """

    words = [(word, answers(typed, word, memory)) for word in typed.words]
    return count(words, typed.other, threshold).as_dict()


def answers(typed: Typed, word: Word, memory: Memory | None) -> list[Found]:
    """Return what is proposed before each letter of one word, just as a completer with `memory` does."""
    spelling, forms = typed.completer.spelling, typed.completer.forms
    befores = {place: forms.text(typed.text[:place]) for place in sorted(set(word.places))} if memory else {}
    found = []
    for readings, place in zip(word.found, word.places, strict=True):
        if memory is not None:
            readings = [replace(r, asked=replace(r.asked, before=befores[place])) for r in readings]
        found.append(proposed(readings, spelling, memory, RANKS[-1]))
    return found


def count(words: list[tuple[Word, list[Found]]], other: int, threshold: float) -> Count:
    """Count keystrokes by the rule above; `other` characters are no part of words and cost one each."""
    tally = _Tally(other, threshold)
    for word, suggested in words:
        if word.ahead:
            tally.add_character(word, suggested[0].ranked(RANKS[-1]))
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
        self._reciprocal, self._passed, self._shown, self._right = 0.0, 0, 0, 0
        self._written = {**dict.fromkeys(RANKS, 0), GHOST: 0}
        """Up to where the text is written by what was taken, for each typist."""

    def count(self, words: int) -> Count:
        """Return what all of it comes to."""
        n = max(1, words)
        return Count(
            words, max(1, self._characters), self._keystrokes, self._once,
            {k: self._hits[k] / n for k in RANKS}, self._reciprocal / n,
            self._shown / max(1, self._passed), self._right / self._shown if self._shown else None, self._ghost,
        )  # fmt: skip

    def add_word(self, word: Word, suggested: list[Found]) -> None:
        """Type a word, with what is proposed before each of its letters."""
        full = len(word.letters) + word.spaced
        self._characters += full
        costs, ghost_cost = dict.fromkeys(RANKS, full), full
        taken = False
        for typed, found in enumerate(suggested):
            ranked = found.proposals(RANKS[-1])
            intended = b"".join(word.letters[typed:])
            rank = next((at for at, p in enumerate(ranked, 1) if p.text == intended and not p.replaces), 0)
            for k in RANKS:
                if 0 < rank <= k:
                    costs[k] = min(costs[k], typed + 1)
            if not taken:
                self._passed += 1
                if ranked and ranked[0].probability >= self._threshold and not ranked[0].replaces:
                    self._shown += 1
                    self._right += rank == 1
                    ghost_cost = min(ghost_cost, typed + 1) if rank == 1 else ghost_cost
                taken = rank == 1
            if typed == 0:
                self._hit(rank)
        for k in RANKS:
            self._keystrokes[k] += costs[k]
            self._once[k] += _cost_once(word, suggested, k)
        self._ghost += ghost_cost

    def add_character(self, word: Word, ranked: list[tuple[bytes, float]]) -> None:
        """Type a character of a script without spaces, with what is proposed before it."""
        self._characters += len(word.letters) + word.spaced
        fitting = [len(added) if word.ahead.startswith(added) else 0 for added, _ in ranked]
        for k in RANKS:
            cost = self._cost(word, k, max(fitting[:k], default=0))
            self._keystrokes[k] += cost
            self._once[k] += cost
        sure = bool(ranked) and ranked[0][1] >= self._threshold
        if word.start >= self._written[GHOST]:
            self._passed += 1
            self._shown += sure
            self._right += sure and fitting[0] > 0
        self._ghost += self._cost(word, GHOST, fitting[0] if sure else 0)
        whole = b"".join(word.letters)
        self._hit(next((at for at, (added, _) in enumerate(ranked, 1) if added.startswith(whole)), 0))

    def _cost(self, word: Word, typist: int, fitting: int) -> int:
        """Return the keystrokes of a character for a typist, who takes text of so many bytes before it (0: none)."""
        if word.start < self._written[typist]:
            return int(word.spaced)
        if fitting:
            self._written[typist] = word.start + fitting
            return 1 + word.spaced
        return len(word.letters) + word.spaced

    def _hit(self, rank: int) -> None:
        self._reciprocal += 1 / rank if rank else 0.0
        for k in RANKS:
            self._hits[k] += 0 < rank <= k


def _cost_once(word: Word, suggested: list[Found], k: int) -> int:
    """Return the keystrokes of `word` with `k` suggestions, none of which is shown again at a later letter."""
    passed: set[bytes] = set()
    for typed, found in enumerate(suggested):
        begun, intended = b"".join(word.letters[:typed]), b"".join(word.letters[typed:])
        fresh = found.without(begun, passed).proposals(k)
        if any(p.text == intended and not p.replaces for p in fresh):
            return typed + 1
        passed.update(p.text if p.replaces else begun + p.text for p in fresh if not p.text.startswith(SPACE))
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
    spans = word_spans(text)
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
            yield low, high, [_word(text, start, stop, high) for start, stop in some]
        return
    total = min(most or len(spans), len(spans))
    each = max(1, -(-total // STREAMS))
    every = max(each, len(spans) // max(1, total // each))
    for first in range(0, len(spans), every):
        some = spans[first : first + each]
        # What comes before the next word was typed too.
        high = spans[first + each][0] if first + each < len(spans) else len(text)
        yield some[0][0], high, [_word(text, start, stop, high) for start, stop in some]


def _by_line(lines: list[tuple[int, int]], spans: list[tuple[int, int]]) -> Iterator[tuple[int, int, list[Any]]]:
    at = 0
    for low, high in lines:
        first = at
        while at < len(spans) and spans[at][1] <= high:
            at += 1
        if at > first:
            yield low, high, spans[first:at]


def _word(text: bytes, start: int, stop: int, end: int) -> Word:
    """Return the word from `start` to `stop` of a stretch of text that stops at `end`."""
    characters = text[start:stop].decode("utf-8", "replace")
    ahead = text[start : min(end, start + AHEAD)] if last_kind(text[start:stop]) is CharKind.UNIT else b""
    return Word(start, [c.encode() for c in characters], text[stop : stop + 1] == b" ", ahead)


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
    node = yield from _read(node, [int(t) for t in prompt_tokens(tokenizer, "")])
    line = begin if begin == low else 0
    root, read = node, -1
    for word in words:
        for typed in range(len(word.letters)):
            stop = word.start + sum(len(letter) for letter in word.letters[:typed])
            data = text[max(line, stop - NEAR) : stop]
            question = completer.taken_apart(data)
            place = stop - len(data) + question.place
            if place != read:
                for cut in range(place, at, -1):
                    if may_cut(text, cut):
                        node = yield from _read(node, _tokens(completer, text[at:cut]))
                        at = cut
                        break
                root, read = (yield from _read(node, _tokens(completer, text[at:place]))), place
            readings = yield from completer.readings(root, question, RANKS[-1])
            best = proposed(readings, completer.spelling, None, RANKS[-1]).ranked(1)
            # Neither the text before nor nodes, of which there would be very many.
            word.found.append([replace(r, asked=replace(r.asked, before=b""), found=_light(r.found)) for r in readings])
            word.places.append(place)
            if word.ahead or (not thorough and best and best[0][0] == b"".join(word.letters[typed:])):
                break


def _light(found: Found) -> Found:
    return replace(found, ends={})


def _tokens(completer: Completer, text: bytes) -> list[int]:
    return [int(t) for t in completer.tokenizer.encode(completer.forms.known(text))] if text else []


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
