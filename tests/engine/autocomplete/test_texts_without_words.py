"""Completion where words have no end in sight, as in sequences of genes: up to where the network is unsure."""

import random

import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.ngram_index import Concordance
from lstmtui.engine.autocomplete.ngram_mixture import TEXT, Counted, Memory, Told
from lstmtui.engine.autocomplete.search import MAX_RUN, MIN_ENDS, Found, has_no_words
from lstmtui.engine.nn.params import Arena, parameters

GENES = "".join(random.Random(5).choices("ACGT", k=3000))


def completer(kind, likely=(), **options):
    """Return an untrained network whose softmax prefers what is `likely` to what else there is, by its logits."""
    tokenizer = tokens.train(kind, [GENES.encode()], 262 if kind == "bpe" else None)
    s = tiny.settings("unused", tied=False, hidden=6, layers=1, tokens=kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(4)
    for i in range(tokenizer.size):
        weights["softmax.b"][i] += dict(likely).get(tokenizer.token_bytes(i), 0.0)
    return Completer(s, weights, tokenizer, **options)


@pytest.mark.parametrize("kind", ["chars", "bytes", "bpe"])
@pytest.mark.parametrize("typed", ["", "ACG", GENES[:40], GENES[:200]])
def test_the_likeliest_letters_are_proposed_though_no_word_ends(kind, typed):
    made = completer(kind, {b"G": 13.0, b"T": 13.0, b"A": 12.0}.items())
    found = made.complete(typed, k=5)
    assert {c.text for c in found} == {"A", "G", "T"}
    assert sum(c.probability for c in found) == pytest.approx(1.0, abs=0.02)
    assert all(c.probability > 0.1 for c in found)
    assert made.complete(typed, k=1, phrase=True)[0] == found[0]


@pytest.mark.parametrize("kind", ["chars", "bytes", "bpe"])
def test_a_candidate_goes_on_while_the_network_is_sure(kind):
    (first, *_) = completer(kind, {b"G": 15.0}.items()).complete("ACG")
    assert first.text == "G" * (MAX_RUN + 1)
    assert 0.9 < first.probability <= 1


def test_lines_of_the_training_text_are_no_words():
    memory = Memory([Counted(Concordance.of([GENES.encode()]), TEXT)], recent=False)
    made = completer("chars", {b"G": 13.0, b"T": 13.0, b"A": 12.0}.items(), memory=memory)
    found = made.complete(GENES[:12])
    assert {c.text for c in found} == {"A", "G", "T"}
    told = Told({b"a" * 100: 0.25, b"ab": 0.5}, 1.0, 0.3)
    assert told.of_words(64) == Told({b"ab": 0.5}, 0.5, 0.3)
    assert told.of_words(100) is told


def test_a_text_has_words_where_their_ends_are_in_sight():
    assert not has_no_words(Found({b"ing": MIN_ENDS}), b"go")
    assert not has_no_words(Found(over=MIN_ENDS), b"go")
    assert has_no_words(Found({b"ing": MIN_ENDS / 2}), b"go")
    assert has_no_words(Found(over=0.4), b"a" * 31)  # too long for a word
    assert not has_no_words(Found({b"go": 0.02}), b"")  # rarer words may come
