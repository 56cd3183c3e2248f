"""A text typed word by word, with the network's continuations before each letter.

Many places of the text are typed side by side, so that the network steps many rows at once. Runs of the search do not
depend on n-gram counts: these are mixed in later, see `keystroke_savings`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from lstmtui.common.word_boundaries import CharKind, last_kind, word_spans
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.stepper import Expansions, Node, read_tokens
from lstmtui.engine.autocomplete.text_state import can_split
from lstmtui.engine.autocomplete.variants import Variant, combine
from lstmtui.engine.inference.prompt import prompt_tokens

MAX_RANK = 5
"""Suggestions that are shown at most."""
AHEAD_BYTES = 64
"""Bytes of the text to come that a suggestion is compared with."""
MAX_STREAMS = 64
"""Places of a text that are typed side by side."""
WARM_UP_BYTES = 1024
"""Bytes that are read before a place within a text."""
QUERY_BYTES = 4096
"""Bytes before the cursor that are parsed for a query."""
MAX_PRESSES = 400
"""Key presses whose latency is measured."""
COLD_PRESSES = 8
"""First key presses, which meet cold code and do not count."""


@dataclass(slots=True)
class Word:
    """One word of the text, and the network's continuations before each of its letters."""

    start: int
    """Where it begins in the text."""
    letters: list[bytes]
    """Its characters."""
    spaced: bool
    """Whether a space follows, which a taken suggestion brings."""
    ahead: bytes = b""
    """The text from the word on, if it is a character of a script without spaces."""
    variants: list[list[Variant]] = field(default_factory=list)
    """The network's continuations, without the text before them."""
    read_to: list[int] = field(default_factory=list)
    """Where the text before each query ends."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a text is typed."""

    separate_lines: bool = False
    """Each line is a text of its own."""
    max_words: int = 0
    """Words to type, from places spread over the text (0: all)."""
    thorough: bool = False
    """Query each word to its end, and not only until the first suggestion is right."""


@dataclass(frozen=True, slots=True)
class TypedText:
    """A typed text with the network's continuations."""

    text: bytes
    completer: Completer
    words: list[Word]
    other_characters: int
    """Characters that belong to no word."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Stream:
    """A section of the text that is typed in order."""

    start: int
    end: int
    words: list[Word]

    def other_characters(self, text: bytes) -> int:
        """Return the number of characters that belong to no word and are not the space after one."""
        section = text[self.start : self.end]
        in_words = sum(len(word.letters) + word.spaced for word in self.words)
        ends_spaced = self.words[-1].spaced and not section.endswith(b" ")
        return max(0, len(section.decode("utf-8", "replace")) - in_words + ends_spaced)


def type_text(completer: Completer, text: bytes, options: Options) -> TypedText:
    """Type `text`, and record the network's continuations before each letter."""
    start = time.perf_counter()
    streams = list(_lines(text, options) if options.separate_lines else _sections(text, options))
    _run(completer, [_type_stream(completer, text, stream, thorough=options.thorough) for stream in streams])
    words = [word for stream in streams for word in stream.words]
    other = sum(stream.other_characters(text) for stream in streams)
    return TypedText(text, completer, words, other, time.perf_counter() - start)


def latency(completer: Completer, text: str, presses: int = MAX_PRESSES) -> dict[str, float]:
    """Type the beginning of `text` key by key; return percentiles of the time to five candidates, in milliseconds."""
    text = " ".join(text.split())[: presses + COLD_PRESSES]
    times = []
    for length in range(1, len(text)):
        start = time.perf_counter()
        completer.complete(text[:length])
        times.append(1e3 * (time.perf_counter() - start))
        completer.read_ahead()
    warm = times[COLD_PRESSES:] or times or [0.0]
    return {f"p{p}": round(float(np.percentile(warm, p)), 3) for p in (50, 90, 99)}


# --- streams ----------------------------------------------------------------------------------------------------------


def _lines(text: bytes, options: Options) -> Iterator[Stream]:
    """Yield the lines that have words, up to `max_words`."""
    spans, at, total, start = word_spans(text), 0, 0, 0
    for line in text.split(b"\n"):
        end, first = start + len(line), at
        while at < len(spans) and spans[at][1] <= end:
            at += 1
        if at > first:
            if options.max_words and total >= options.max_words:
                return
            total += at - first
            yield Stream(start, end, [_word(text, span, end) for span in spans[first:at]])
        start = end + 1


def _sections(text: bytes, options: Options) -> Iterator[Stream]:
    """Yield up to MAX_STREAMS sections with `max_words` in all, spread over the text."""
    spans = word_spans(text)
    total = min(options.max_words or len(spans), len(spans))
    each = max(1, -(-total // MAX_STREAMS))
    every = max(each, len(spans) // max(1, total // each))
    for first in range(0, len(spans), every):
        chosen = spans[first : first + each]
        # What comes before the next word is typed too.
        end = spans[first + each][0] if first + each < len(spans) else len(text)
        yield Stream(chosen[0][0], end, [_word(text, span, end) for span in chosen])


def _word(text: bytes, span: tuple[int, int], end: int) -> Word:
    """Return the word at `span` in a section that ends at `end`."""
    start, stop = span
    characters = text[start:stop].decode("utf-8", "replace")
    is_unit = last_kind(text[start:stop]) is CharKind.UNIT
    ahead = text[start : min(end, start + AHEAD_BYTES)] if is_unit else b""
    return Word(start, [c.encode() for c in characters], text[stop : stop + 1] == b" ", ahead)


# --- typing -----------------------------------------------------------------------------------------------------------


def _type_stream(
    completer: Completer, text: bytes, stream: Stream, *, thorough: bool
) -> Generator[Expansions, None, None]:
    """Type the words of a section; yields the expansions that it needs."""
    low, tokenizer = stream.start, completer.tokenizer
    node = Node(completer.stepper.initial_state(), None)
    begin = low if low == 0 or text[low - 1 : low] == b"\n" else max(0, low - WARM_UP_BYTES)
    at = next(p for p in range(begin, low + 1) if p == begin == low or can_split(text, p) or p == low)
    node = yield from read_tokens(node, [int(t) for t in prompt_tokens(tokenizer, "")])
    line = begin if begin == low else 0
    root, read_to = node, -1
    for word in stream.words:
        for typed in range(len(word.letters)):
            stop = word.start + sum(len(letter) for letter in word.letters[:typed])
            data = text[max(line, stop - QUERY_BYTES) : stop]
            query = completer.parse(data)
            place = stop - len(data) + query.read_to
            if place != read_to:
                for cut in range(place, at, -1):
                    if can_split(text, cut):
                        node = yield from read_tokens(node, _tokens(completer, text[at:cut]))
                        at = cut
                        break
                root, read_to = (yield from read_tokens(node, _tokens(completer, text[at:place]))), place
            variants = yield from completer.variants(root, query, MAX_RANK)
            best = combine(variants, completer.token_index, None, MAX_RANK).ranked(1)
            word.variants.append([_light(variant) for variant in variants])
            word.read_to.append(place)
            if word.ahead or (not thorough and best and best[0][0] == b"".join(word.letters[typed:])):
                break


def _light(variant: Variant) -> Variant:
    """Return a variant without the text before it and without nodes, which take memory."""
    return replace(
        variant,
        query=replace(variant.query, before=b""),
        continuations=replace(variant.continuations, end_nodes={}),
    )


def _tokens(completer: Completer, text: bytes) -> list[int]:
    return [int(t) for t in completer.tokenizer.encode(completer.normaliser.normalise(text))] if text else []


def _run(completer: Completer, typists: list[Generator[Expansions, None, None]]) -> None:
    """Run all typists, MAX_STREAMS of them side by side, and step the network for all their expansions together."""
    waiting = iter(typists)
    active: list[tuple[Generator[Expansions, None, None], Expansions]] = []

    def advance(typist: Generator[Expansions, None, None]) -> None:
        with contextlib.suppress(StopIteration):
            active.append((typist, next(typist)))

    while True:
        for typist in waiting:
            advance(typist)
            if len(active) >= MAX_STREAMS:
                break
        if not active:
            return
        completer.stepper.expand([expansion for _, expansions in active for expansion in expansions])
        running, active[:] = list(active), []
        for typist, _ in running:
            advance(typist)
