"""The continuations of a text are one distribution: it equals a full enumeration of token sequences."""

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.ngram_index import NgramIndex
from lstmtui.engine.autocomplete.ngram_mixture import NgramMixture, words_before
from lstmtui.engine.autocomplete.ngram_sources import HALF_WEIGHT_WORDS, TRAINING_TEXT_WEIGHTS, IndexedText
from lstmtui.engine.autocomplete.search import Limits
from lstmtui.engine.autocomplete.spelling_correction import LETTER_PROBABILITY
from lstmtui.engine.inference.prompt import prompt_tokens
from lstmtui.engine.nn.params import Arena, parameters

KINDS = {"bytes": None, "chars": None, "words": None, "bpe": 264}
TEXT = ("ab ba aab. b a ab abba baa\nba ab-ba, ab 'b\n" * 30).encode()
TYPED = ("", "a", "ab", "ba a", "ab ", "b", "ab ba", "b a ab", "ab. ", "ab.", "ba\n", "ab ab-b", "a 'b")
WORD = rb"[0-9A-Za-z'_\x80-\xff]"
MIN_RELATIVE = 1e-9
"""Token sequences less probable than this, relative to those that spell the typed text, are not enumerated."""
THOROUGH = Limits(max_nodes=10**6, min_probability=1e-9, max_branches=10**6)
INDEX = NgramIndex.from_chunks([TEXT])


def completer(kind, **options):
    """Return an untrained completer over a tiny alphabet, in which words are short."""
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
    """Probabilities of what follows a text, from the root on."""

    typed: float = 0.0
    complete: float = 0.0
    spaced: float = 0.0
    words: Counter = field(default_factory=Counter)
    next_words: Counter = field(default_factory=Counter)


def enumerate_events(made, text):
    """Follow every token sequence that spells the typed text, until its word ends."""
    tokenizer, data = made.tokenizer, text.encode()
    run = re.search(rb"[^ \n]*\Z", data)[0]
    word = re.search(WORD + rb"*\Z", data)[0]
    whole = tokenizer.kind == "words"
    pieces = [tokenizer.token_bytes(i) for i in range(tokenizer.size)]
    if whole and any(p.startswith(run) for i, p in enumerate(pieces) if i > 1):
        word = run
    before, prefix = data[: len(data) - len(word)], word
    if before.endswith(b" "):
        before, prefix = before[:-1], (prefix if whole else b" " + prefix)
    if whole:
        pieces = [p if p == b"\n" else p + b" " for p in pieces]
    found = Events(typed=0.0 if prefix else 1.0)
    if whole and prefix:
        found.typed += after(made, before)[0] * LETTER_PROBABILITY ** len(prefix)
    ahead = [(*after_tokens(made, before), 1.0, b"")]
    while ahead:
        grown = []
        for state, logp, probability, spelled in ahead:
            p = probability * np.exp(logp.astype(np.float64))
            for token in np.flatnonzero(p > (MIN_RELATIVE * found.typed if len(spelled) >= len(prefix) else 1e-20)):
                if token == tokenizer.unk:
                    continue
                new = spelled + pieces[token]
                if not (new.startswith(prefix) or prefix.startswith(new)):
                    continue
                if prefix and len(new) >= len(prefix) > len(spelled):
                    found.typed += p[token]
                if record(found, new[len(prefix) :], spelled[len(prefix) :], bool(re.search(WORD, word)), p[token]):
                    grown.append((state, int(token), p[token], new))
        nodes = made.stepper.step([g[0] for g in grown], [g[1] for g in grown])
        ahead = [(n.state, n.logp, g[2], g[3]) for n, g in zip(nodes, grown, strict=True)]
    return found


def record(found, rest, known, inside, p):
    """Record the events that `rest` decides and `known` did not; return whether longer texts may decide more."""
    target = found.words
    if inside:
        word_rest = re.match(WORD + rb"*", rest)[0]
        if len(word_rest) == len(rest):
            return True
        if word_rest:
            found.words[word_rest] += p
            return False
        if not known:
            found.complete += p
            found.spaced += p * rest.startswith(b" ")
        if not rest.startswith(b" "):
            return False
        rest, target = rest[1:], found.next_words
    if b"\n" in rest and not re.match(rb"[^\n]*" + WORD + rb"\n", rest):
        return False
    ended = re.match(rb"((?:(?!" + WORD + rb")[^\n])*" + WORD + rb"+)(?!" + WORD + rb").", rest, re.DOTALL)
    if ended:
        target[ended[1]] += p
        return False
    return len(re.match(rb"(?:(?!" + WORD + rb").)*", rest, re.DOTALL)[0]) <= 3


def after_tokens(made, before):
    """Return state and log probabilities after a text, read token by token."""
    state = made.stepper.initial_state()
    read = [*prompt_tokens(made.tokenizer, ""), *(made.tokenizer.encode(before) if before else ())]
    for token in read:
        node = made.stepper.step([state], [int(token)])[0]
        state = node.state
    return state, node.logp


def after(made, before):
    return np.exp(after_tokens(made, before)[1].astype(np.float64))


def searched(made, text, limits=THOROUGH, k=10**6):
    query = made.parse(text.encode())
    return query, made._run(made.search(made._text_state.after(query.before), query, k, limits=limits))


def proposable(words, made):
    """Return the words that a search may propose: with at most two bytes before them."""
    space = b" " if made.tokenizer.kind == "words" else b"\n"
    return {w: p for w, p in words.items() if space not in w and not re.match(rb"(?:(?!" + WORD + rb").){3}", w)}


@pytest.mark.parametrize("text", TYPED)
def test_every_probability_is_that_of_a_full_enumeration(made, text):
    events = enumerate_events(made, text)
    query, found = searched(made, text)
    assert sum(found.words.values()) + found.complete <= 1 + 1e-6
    assert sum(found.next_words.values()) <= 1 + 1e-6
    for word, p in proposable(events.words, made).items():
        assert found.words.get(query.separator + word, 0.0) == pytest.approx(p / events.typed, abs=1e-6)
    assert found.complete == pytest.approx(events.complete / events.typed, abs=1e-6)
    after = found.complete * found.spaced
    for word, p in proposable(events.next_words, made).items():
        assert after * found.next_words.get(word, 0.0) == pytest.approx(p / events.typed, abs=1e-6)
    for word, p in found.words.items():
        assert p == pytest.approx(events.words[word.removeprefix(query.separator)] / events.typed, abs=1e-6)


@pytest.mark.parametrize("text", TYPED)
def test_candidates_are_the_most_probable_of_the_enumeration(made, text):
    events = enumerate_events(made, text)
    query = searched(made, text)[0]
    separator = query.separator
    expected = {separator + word: p / events.typed for word, p in proposable(events.words, made).items()}
    expected |= {b" " + word: p / events.typed for word, p in proposable(events.next_words, made).items()}
    answer = made.complete(text, k=5)
    assert sum(c.probability for c in made.complete(text, k=100)) <= 1 + 1e-6
    exact = 1e-6 if made.tokenizer.kind != "bpe" else 2e-2  # improbable ways to spell a word are not follprefix
    for candidate, p in zip(answer, sorted(expected.values(), reverse=True), strict=False):
        assert candidate.probability == pytest.approx(p, abs=exact)
        assert candidate.probability == pytest.approx(expected[candidate.text.encode()], abs=exact)


@pytest.mark.parametrize("text", ["a", "b a", "ab", "ab ", "ba b", ""])
def test_counted_words_are_mixed_by_their_probability_of_the_typed_text(made, text):
    """Each source estimates whole words, given the words before and a typed space."""
    counts = NgramMixture([IndexedText(INDEX, TRAINING_TEXT_WEIGHTS)], recent=False)
    events = enumerate_events(made, text)
    query, found = searched(made, text)
    mixed = counts.mix(found, query, 10**6)
    space = 1.0
    if query.prefix.startswith(b" "):
        space = sum(p for i, p in enumerate(after(made, query.before)) if made.token_index.pieces[i].startswith(b" "))
    partial_word = query.partial_word
    words, complete = mix_by_hand(
        words_before(query.before),
        partial_word,
        events.typed / space,
        {word: p / space for word, p in events.words.items()},
        events.complete / space,
    )
    for word, p in proposable(words, made).items():
        assert mixed.words.get(word, 0.0) == pytest.approx(p, abs=1e-6)
    assert mixed.complete == pytest.approx(complete, abs=1e-6)
    assert sum(mixed.words.values()) + mixed.complete <= 1 + 1e-6
    if partial_word and events.spaced:
        joint = mixed.complete * mixed.spaced
        given = {word: p / events.spaced for word, p in events.next_words.items()}
        following, _ = mix_by_hand([*words_before(query.before), partial_word], b"", 1.0, given, 0.0)
        for word, p in proposable(following, made).items():
            assert joint * mixed.next_words.get(word, 0.0) == pytest.approx(joint * p, abs=1e-6)


def mix_by_hand(context, prefix, typed, network, complete):
    """Mix the network's events with the index; `typed` is the network's probability of the typed letters."""
    numbers = INDEX.context(context)
    weight = TRAINING_TEXT_WEIGHTS[len(INDEX.layers(numbers))] * len(INDEX) / (len(INDEX) + HALF_WEIGHT_WORDS)
    counted = {word: INDEX.probability(numbers, word) for word in INDEX.words[1:] if word.startswith(prefix)}
    total = (1 - weight) * typed + weight * sum(counted.values())
    words = Counter({word: (1 - weight) * p / total for word, p in network.items()})
    for word, p in counted.items():
        words[word[len(prefix) :]] += weight * p / total
    return words, words.pop(b"", 0.0) + (1 - weight) * complete / total


@pytest.mark.parametrize("text", ["", "a", "ab ", "zab", "ba\nb", "ab, ba b", "q" * 70, "ab ab-b"])
def test_probabilities_of_all_candidates_sum_to_at_most_one(text):
    for kind in KINDS:
        for mixture in (
            None,
            NgramMixture([IndexedText(INDEX, TRAINING_TEXT_WEIGHTS)], recent=False),
            NgramMixture([IndexedText(INDEX, TRAINING_TEXT_WEIGHTS)]),
        ):
            found = completer(kind, mixture=mixture).complete(text, k=100)
            assert sum(c.probability for c in found) <= 1 + 1e-6


def test_line_ends_and_unknown_words_take_probability_from_next_words():
    made = completer("words")
    p = after(made, b"ab")
    found = {c.text: c.probability for c in made.complete("ab ", k=100)}
    assert sum(found.values()) < 1 - p[made.tokenizer.unk] - p[made.tokenizer.eos] + 1e-6
    assert found["abba"] == pytest.approx(p[made.token_index.token(b"abba")], rel=1e-5)
