"""All that completion says of one text is one distribution: it equals a full enumeration of what tokens may follow."""

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.autocomplete import ngram_mixture as shares
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.ngram_index import Concordance
from lstmtui.engine.autocomplete.ngram_mixture import Counted, Memory, words_before
from lstmtui.engine.autocomplete.search import LETTER, Limits
from lstmtui.engine.inference.prompt import prompt_tokens
from lstmtui.engine.nn.params import Arena, parameters

KINDS = {"bytes": None, "chars": None, "words": None, "bpe": 264}
TEXT = ("ab ba aab. b a ab abba baa\nba ab-ba, ab 'b\n" * 30).encode()
TYPED = ("", "a", "ab", "ba a", "ab ", "b", "ab ba", "b a ab", "ab. ", "ab.", "ba\n", "ab ab-b", "a 'b")
WORD = rb"[0-9A-Za-z'_\x80-\xff]"
LEAST = 1e-9
"""Sequences of tokens that are less probable than this, beside those that spell what was typed, are not enumerated."""
THOROUGH = Limits(nodes=10**6, least=1e-9, wide=10**6)
INDEX = Concordance.of([TEXT])


def completer(kind, **options):
    """Return an untrained network over a tiny alphabet, in which words are short."""
    tokenizer = tokens.train(kind, [TEXT], KINDS[kind])
    s = tiny.settings("unused", tied=False, hidden=6, layers=1, tokens=kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(4)
    weights.flat *= 3
    bias = weights["softmax.b"]
    for i in range(tokenizer.size):
        piece = tokenizer.token_bytes(i)
        if not set(piece) <= set(b" ab.,-'\n") and i != tokenizer.unk:
            bias[i] -= 40
        elif re.search(WORD, piece) and kind != "words":
            bias[i] -= 3
    return Completer(s, weights, tokenizer, **options)


@pytest.fixture(scope="module", params=KINDS)
def made(request):
    return completer(request.param)


@dataclass
class Events:
    """Probabilities of what comes after a text, from the root on."""

    typed: float = 0.0
    over: float = 0.0
    spaced: float = 0.0
    words: Counter = field(default_factory=Counter)
    following: Counter = field(default_factory=Counter)


def enumerate_events(made, text):
    """Follow every sequence of tokens that spells what was typed, until the word it makes is over."""
    tokenizer, data = made.tokenizer, text.encode()
    run = re.search(rb"[^ \n]*\Z", data)[0]
    word = re.search(WORD + rb"*\Z", data)[0]
    whole = tokenizer.kind == "words"
    pieces = [tokenizer.token_bytes(i) for i in range(tokenizer.size)]
    if whole and any(p.startswith(run) for i, p in enumerate(pieces) if i > 1):
        word = run
    before, owed = data[: len(data) - len(word)], word
    if before.endswith(b" "):
        before, owed = before[:-1], (owed if whole else b" " + owed)
    if whole:
        pieces = [p if p == b"\n" else p + b" " for p in pieces]
    found = Events(typed=0.0 if owed else 1.0)
    if whole and owed:
        found.typed += after(made, before)[0] * LETTER ** len(owed)
    ahead = [(*after_tokens(made, before), 1.0, b"")]
    while ahead:
        grown = []
        for state, logp, mass, spelt in ahead:
            p = mass * np.exp(logp.astype(np.float64))
            for token in np.flatnonzero(p > (LEAST * found.typed if len(spelt) >= len(owed) else 1e-20)):
                if token == tokenizer.unk:
                    continue
                new = spelt + pieces[token]
                if not (new.startswith(owed) or owed.startswith(new)):
                    continue
                if owed and len(new) >= len(owed) > len(spelt):
                    found.typed += p[token]
                if note(found, new[len(owed) :], spelt[len(owed) :], bool(re.search(WORD, word)), p[token]):
                    grown.append((state, int(token), p[token], new))
        nodes = made.stepper.step([g[0] for g in grown], [g[1] for g in grown])
        ahead = [(n.state, n.logp, g[2], g[3]) for n, g in zip(nodes, grown, strict=True)]
    return found


def note(found, rest, known, inside, p):
    """Note what `rest` has decided that `known` had not; return whether it may decide more."""
    target = found.words
    if inside:
        begun = re.match(WORD + rb"*", rest)[0]
        if len(begun) == len(rest):
            return True
        if begun:
            found.words[begun] += p
            return False
        if not known:
            found.over += p
            found.spaced += p * rest.startswith(b" ")
        if not rest.startswith(b" "):
            return False
        rest, target = rest[1:], found.following
    if b"\n" in rest and not re.match(rb"[^\n]*" + WORD + rb"\n", rest):
        return False
    ended = re.match(rb"((?:(?!" + WORD + rb")[^\n])*" + WORD + rb"+)(?!" + WORD + rb").", rest, re.DOTALL)
    if ended:
        target[ended[1]] += p
        return False
    return len(re.match(rb"(?:(?!" + WORD + rb").)*", rest, re.DOTALL)[0]) <= 3


def after_tokens(made, before):
    """Return state and log probabilities after a text, read token by token."""
    state = made.stepper.begin()
    read = [*prompt_tokens(made.tokenizer, ""), *(made.tokenizer.encode(before) if before else ())]
    for token in read:
        node = made.stepper.step([state], [int(token)])[0]
        state = node.state
    return state, node.logp


def after(made, before):
    return np.exp(after_tokens(made, before)[1].astype(np.float64))


def searched(made, text, limits=THOROUGH, k=10**6):
    asked = made.taken_apart(text.encode())
    return asked, made._run(made.search(made._history.after(asked.before), asked, k, limits=limits))


def proposed(words, made):
    """Return the events that are proposed: those with at most two bytes before the word."""
    space = b" " if made.tokenizer.kind == "words" else b"\n"
    return {w: p for w, p in words.items() if space not in w and not re.match(rb"(?:(?!" + WORD + rb").){3}", w)}


@pytest.mark.parametrize("text", TYPED)
def test_every_probability_is_that_of_a_full_enumeration(made, text):
    events = enumerate_events(made, text)
    asked, found = searched(made, text)
    assert sum(found.words.values()) + found.over <= 1 + 1e-6
    assert sum(found.following.values()) <= 1 + 1e-6
    for word, p in proposed(events.words, made).items():
        assert found.words.get(asked.lead + word, 0.0) == pytest.approx(p / events.typed, abs=1e-6)
    assert found.over == pytest.approx(events.over / events.typed, abs=1e-6)
    after = found.over * found.spaced
    for word, p in proposed(events.following, made).items():
        assert after * found.following.get(word, 0.0) == pytest.approx(p / events.typed, abs=1e-6)
    for word, p in found.words.items():
        assert p == pytest.approx(events.words[word.removeprefix(asked.lead)] / events.typed, abs=1e-6)


@pytest.mark.parametrize("text", TYPED)
def test_the_answer_is_the_likeliest_of_the_enumeration(made, text):
    events = enumerate_events(made, text)
    asked = searched(made, text)[0]
    lead = asked.lead
    expected = {lead + word: p / events.typed for word, p in proposed(events.words, made).items()}
    expected |= {b" " + word: p / events.typed for word, p in proposed(events.following, made).items()}
    answer = made.complete(text, k=5)
    assert sum(c.probability for c in made.complete(text, k=100)) <= 1 + 1e-6
    exact = 1e-6 if made.tokenizer.kind != "bpe" else 2e-2  # improbable ways to spell a word are not followed
    for candidate, p in zip(answer, sorted(expected.values(), reverse=True), strict=False):
        assert candidate.probability == pytest.approx(p, abs=exact)
        assert candidate.probability == pytest.approx(expected[candidate.text.encode()], abs=exact)


@pytest.mark.parametrize("text", ["a", "b a", "ab", "ab ", "ba b", ""])
def test_counted_words_are_mixed_in_by_how_likely_they_make_what_was_typed(made, text):
    """Each source tells of whole words, given the words before and that a space was typed."""
    memory = Memory([Counted(INDEX, shares.TEXT)], recent=False)
    events = enumerate_events(made, text)
    asked, found = searched(made, text)
    mixed = memory.blend(found, asked, 10**6)
    space = 1.0
    if asked.owed.startswith(b" "):
        space = sum(p for i, p in enumerate(after(made, asked.before)) if made.spelling.pieces[i].startswith(b" "))
    begun = asked.word
    words, over = mixture(
        words_before(asked.before),
        begun,
        events.typed / space,
        {word: p / space for word, p in events.words.items()},
        events.over / space,
    )
    for word, p in proposed(words, made).items():
        assert mixed.words.get(word, 0.0) == pytest.approx(p, abs=1e-6)
    assert mixed.over == pytest.approx(over, abs=1e-6)
    assert sum(mixed.words.values()) + mixed.over <= 1 + 1e-6
    if begun and events.spaced:
        joint = mixed.over * mixed.spaced
        given = {word: p / events.spaced for word, p in events.following.items()}
        following, _ = mixture([*words_before(asked.before), begun], b"", 1.0, given, 0.0)
        for word, p in proposed(following, made).items():
            assert joint * mixed.following.get(word, 0.0) == pytest.approx(joint * p, abs=1e-6)


def mixture(context, begun, typed, network, over):
    """Mix the network's events with the index, word by word; `typed` is how likely the network made the letters."""
    numbers = INDEX.context(context)
    share = shares.TEXT[len(INDEX.layers(numbers))] * len(INDEX) / (len(INDEX) + shares.ENOUGH)
    counted = {word: INDEX.p(numbers, word) for word in INDEX.words[1:] if word.startswith(begun)}
    spelt = (1 - share) * typed + share * sum(counted.values())
    words = Counter({word: (1 - share) * p / spelt for word, p in network.items()})
    for word, p in counted.items():
        words[word[len(begun) :]] += share * p / spelt
    standing = words.pop(b"", 0.0) + (1 - share) * over / spelt
    return words, standing


@pytest.mark.parametrize("text", ["", "a", "ab ", "zab", "ba\nb", "ab, ba b", "q" * 70, "ab ab-b"])
def test_all_candidates_together_are_never_more_than_certain(text):
    for kind in KINDS:
        for memory in (
            None,
            Memory([Counted(INDEX, shares.TEXT)], recent=False),
            Memory([Counted(INDEX, shares.TEXT)]),
        ):
            found = completer(kind, memory=memory).complete(text, k=100)
            assert sum(c.probability for c in found) <= 1 + 1e-6


def test_a_line_end_and_an_unknown_word_have_their_part_of_the_next_word():
    made = completer("words")
    p = after(made, b"ab")
    found = {c.text: c.probability for c in made.complete("ab ", k=100)}
    assert sum(found.values()) < 1 - p[made.tokenizer.unk] - p[made.tokenizer.eos] + 1e-6
    assert found["abba"] == pytest.approx(p[made.spelling.token(b"abba")], rel=1e-5)
