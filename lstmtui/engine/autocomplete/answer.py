"""From what a search found to what is proposed: mixed with what was counted, in every spelling, as it was typed."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace

from lstmtui.engine.autocomplete.ngram_mixture import Memory
from lstmtui.engine.autocomplete.question import Question
from lstmtui.engine.autocomplete.respelling import can_be_respelt, folded, in_case_of
from lstmtui.engine.autocomplete.search import SPACE, Found, is_text
from lstmtui.engine.autocomplete.stepper import Node
from lstmtui.engine.inference.token_index import TokenIndex

OTHER_SPELLING = 0.02
"""The chance that a word is meant in a given other spelling than the one in which it is typed."""
MIN_PROBABILITY = 1e-3
"""A less probable word is proposed only where somebody wrote it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the network says where the word begun is one spelling of what was typed."""

    asked: Question
    found: Found
    chance: float
    """Of this spelling, whatever comes before."""


def proposed(readings: list[Reading], spelling: TokenIndex, memory: Memory | None, k: int) -> Found:
    """Return the distribution of what is proposed, from the readings of what was typed, of which the first is exact."""
    asked = readings[0].asked
    if memory is not None:
        readings = [replace(r, found=memory.blend(r.found, r.asked, k)) for r in readings]
    found = readings[0].found
    if len(readings) > 1 or not asked.typed.plain:
        found = _together(readings, asked)
    if not spelling.whole_words:
        found = _written(found, asked.word, memory)
    if asked.starts and can_be_respelt(asked.word) and not _is_known(readings, spelling, memory):
        near = readings[0].found.near
        found = _respelt(found, asked, memory.nearest(near, asked) if memory is not None else near)
    return found


def _is_known(readings: list[Reading], spelling: TokenIndex, memory: Memory | None) -> bool:
    """Return whether a word of the vocabulary, or of what was counted, begins as typed, in any spelling."""
    begun = [r.asked.word for r in readings]
    if spelling.whole_words and any(len(spelling.covering(word)) for word in begun):
        return True
    return memory is not None and any(memory.begins(word) for word in begun)


def _respelt(found: Found, asked: Question, near: dict[bytes, float]) -> Found:
    """Return `found` with words that may be meant in place of the word begun, each as probable as it and its errors."""
    typed = asked.word.decode("utf-8", "replace")
    forms: dict[str, dict[str, float]] = defaultdict(dict)
    for word, p in near.items():
        if is_text(word):
            forms[folded(word)][word.decode()] = p
    respelt: dict[bytes, float] = defaultdict(float)
    for known in forms.values():
        likeliest = max(known, key=lambda word: (word[:1].islower() == typed[:1].islower(), known[word], word))
        word = asked.typed.written(in_case_of(likeliest, typed).encode())
        respelt[word] += sum(known.values())
    unknown = math.exp(found.log_typed) if found.log_typed < 0.0 else 0.0
    total = unknown + sum(respelt.values())
    if total <= unknown:
        return found
    share = unknown / total
    return replace(
        found,
        words={added: share * p for added, p in found.words.items() if share * p >= MIN_PROBABILITY},
        over=0.0,  # and no next words, before this one is right
        respelt={word: p / total for word, p in respelt.items() if p / total >= MIN_PROBABILITY},
    )


def _written(found: Found, begun: bytes, memory: Memory | None) -> Found:
    """Leave out words of which improbable ones are known to nobody."""

    def stays(word: bytes, p: float) -> bool:
        return p >= MIN_PROBABILITY or (memory is not None and memory.knows(word))

    after = found.over * found.spaced
    return replace(
        found,
        words={added: p for added, p in found.words.items() if stays(begun + added, p)},
        following={word: p for word, p in found.following.items() if stays(word, after * p)},
    )


def _together(readings: list[Reading], asked: Question) -> Found:
    """Return one distribution over all spellings, each as likely as what comes before and its words make it."""
    logs = [r.found.log_typed + math.log(r.chance) for r in readings]
    highest = max(logs)
    weights = [math.exp(log - highest) for log in logs]
    total = sum(weights)
    words: dict[bytes, float] = defaultdict(float)
    following: dict[bytes, float] = defaultdict(float)
    best: dict[bytes, float] = {}
    ends: dict[bytes, Node] = {}
    spelt: dict[bytes, bytes] = {}
    over = spaced = 0.0

    def note(text: bytes, known: bytes, mass: float, r: Reading) -> None:
        if mass > best.get(text, 0.0):
            best[text], spelt[text] = mass, r.asked.owed + known
            if known in r.found.ends:
                ends[text] = r.found.ends[known]

    for weight, r in zip(weights, readings, strict=True):
        share, found = weight / total, r.found
        for added, p in found.words.items():
            text = asked.typed.written(added, r.asked.word, asked.word)
            words[text] += share * p
            note(text, added, share * p, r)
        over += share * found.over
        after = share * found.over * found.spaced
        spaced += after
        for word, p in found.following.items():
            text = asked.typed.written(word)
            following[text] += after * p
            note(SPACE + text, SPACE + word, after * p, r)
    return Found(
        dict(words),
        over,
        spaced / over if over > 0.0 else 0.0,
        {word: p / spaced for word, p in following.items() if spaced > 0.0},
        highest + math.log(total),
        ends,
        {
            asked.typed.written(word, r.asked.word, asked.word): (
                asked.typed.written(text, r.asked.word, asked.word),
                share,
            )
            for r in reversed(readings)
            for word, (text, share) in r.found.runs.items()
        },
        spelt,
    )
