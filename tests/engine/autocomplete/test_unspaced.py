"""Completion in texts without words, as sequences of genes: tokens, extended while the network is certain."""

import random

import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.continuations import Continuations
from lstmtui.engine.autocomplete.ngram_index import NgramIndex
from lstmtui.engine.autocomplete.ngram_mixture import NgramMixture
from lstmtui.engine.autocomplete.ngram_sources import TRAINING_TEXT_WEIGHTS, Estimate, IndexedText
from lstmtui.engine.autocomplete.unspaced import MAX_RUN_TOKENS, MIN_END_PROBABILITY, has_no_words
from lstmtui.engine.nn.params import Arena, parameters

GENES = "".join(random.Random(5).choices("ACGT", k=3000))


def completer(kind, likely=(), **options):
    """Return an untrained completer with the logits `likely` added to some tokens."""
    tokenizer = tokens.train(kind, [GENES.encode()], 262 if kind == "bpe" else None)
    s = tiny.settings("unused", tied=False, hidden=6, layers=1, tokens=kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(4)
    for i in range(tokenizer.size):
        weights["softmax.b"][i] += dict(likely).get(tokenizer.token_bytes(i), 0.0)
    return Completer(s, weights, tokenizer, **options)


@pytest.mark.parametrize("kind", ["chars", "bytes", "bpe"])
@pytest.mark.parametrize("typed", ["", "ACG", GENES[:40], GENES[:200]])
def test_the_most_probable_letters_are_proposed_though_no_word_ends(kind, typed):
    made = completer(kind, {b"G": 13.0, b"T": 13.0, b"A": 12.0}.items())
    found = made.complete(typed, k=5)
    assert {c.text for c in found} == {"A", "G", "T"}
    assert sum(c.probability for c in found) == pytest.approx(1.0, abs=0.02)
    assert all(c.probability > 0.1 for c in found)
    assert made.complete(typed, k=1, phrase=True)[0] == found[0]


@pytest.mark.parametrize("kind", ["chars", "bytes", "bpe"])
def test_a_candidate_is_extended_while_the_network_is_certain(kind):
    (first, *_) = completer(kind, {b"G": 15.0}.items()).complete("ACG")
    assert first.text == "G" * (MAX_RUN_TOKENS + 1)
    assert 0.9 < first.probability <= 1


def test_lines_of_the_training_text_are_not_words():
    mixture = NgramMixture([IndexedText(NgramIndex.from_chunks([GENES.encode()]), TRAINING_TEXT_WEIGHTS)], recent=False)
    made = completer("chars", {b"G": 13.0, b"T": 13.0, b"A": 12.0}.items(), mixture=mixture)
    found = made.complete(GENES[:12])
    assert {c.text for c in found} == {"A", "G", "T"}
    estimate = Estimate({b"a" * 100: 0.25, b"ab": 0.5}, 1.0, 0.3)
    assert estimate.without_long_words(64) == Estimate({b"ab": 0.5}, 0.5, 0.3)
    assert estimate.without_long_words(100) is estimate


def test_a_text_has_words_where_their_ends_are_found():
    assert not has_no_words(Continuations({b"ing": MIN_END_PROBABILITY}), b"go")
    assert not has_no_words(Continuations(complete=MIN_END_PROBABILITY), b"go")
    assert has_no_words(Continuations({b"ing": MIN_END_PROBABILITY / 2}), b"go")
    assert has_no_words(Continuations(complete=0.4), b"a" * 31)  # too long for a word
    assert not has_no_words(Continuations({b"go": 0.02}), b"")  # rarer words may come
