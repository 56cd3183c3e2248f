"""Figures of an evaluation."""

import math

import numpy as np
import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.data.token_files import Split
from lstmtui.engine.inference.evaluate import Evaluator, LossMeter
from lstmtui.engine.nn.params import Arena, parameters


def split(n=500, characters=1000):
    tokens = np.random.default_rng(3).integers(0, 9, n).astype(np.uint8)
    return Split(tokens=tokens, bytes=characters, characters=characters)


def weights(scale=1.0):
    made = Arena(parameters(tiny.settings("unused", tied=False), 9))
    made.initialise(2)
    made.flat *= scale
    return made


def metered(nats, split_, tokenizer=None):
    """Return the figures of predicting all tokens but the first at `nats` each."""
    meter, targets = LossMeter(split_, tokenizer), np.asarray(split_.tokens[1:])
    meter.add(np.full(len(targets), nats, np.float32), targets, np.ones(len(targets), np.float32))
    return meter.result()


def tokenised(kind, text, vocabulary=None):
    """Return a tokenizer of `vocabulary` (all of the text), and the text in its tokens."""
    data = text.encode()
    tokenizer = tokens.train(kind, [(vocabulary or text).encode()], 600 if kind == "bpe" else None)
    return tokenizer, Split(tokens=tokenizer.encode(data), bytes=len(data), characters=len(text))


@pytest.mark.parametrize("kind", ["chars", "bytes", "bpe"])
def test_bits_per_character_count_the_predicted_characters(kind):
    text = "the first word is long, é中😀 and the rest is the rest " * 3
    tokenizer, whole = tokenised(kind, text)
    first = len(tokenizer.text(whole.tokens[:1]).replace("\ufffd", "?"))
    bits = (len(whole.tokens) - 1) / math.log(2) / (len(text) - first)
    assert metered(1.0, whole, tokenizer).bits_per_char == pytest.approx(bits)


def test_words_count_with_their_space_and_unknown_ones_share_the_rest():
    tokenizer, whole = tokenised("words", "one two two\none zzzzzz two\n", vocabulary="one two\none two\n")
    found = metered(1.0, whole, tokenizer)
    assert found.unknown == pytest.approx(1 / 7)
    assert found.bits_per_char == pytest.approx(7 / math.log(2) / (len("one two two\none zzzzzz two\n") - 4))
    known = metered(1.0, tokenised("words", "one two\none two\n")[1], tokenizer)
    assert known.unknown == 0


def test_a_uniform_model_costs_the_logarithm_of_the_vocabulary():
    s = tiny.settings("unused", tied=False)
    found = Evaluator(s, weights(0.0), split(), threads=1).run()
    assert found.nll == pytest.approx(math.log(9), rel=1e-6)
    assert found.perplexity == pytest.approx(9, rel=1e-5)
    assert found.tokens == 499
    assert found.bits_per_char == pytest.approx(math.log2(9) / 2, rel=1e-6)  # two characters a token


def test_max_tokens_limits_the_predictions():
    s = tiny.settings("unused", tied=False)
    assert Evaluator(s, weights(), split(), max_tokens=100, threads=1).run().tokens == 100
    assert Evaluator(s, weights(), split(50), max_tokens=100, threads=1).run().tokens == 49


def test_repeated_evaluation_gives_equal_figures():
    s = tiny.settings("unused", tied=False)
    evaluator = Evaluator(s, weights(), split(), threads=1)
    assert evaluator.run() == evaluator.run()


def test_figures_of_a_short_text_do_not_depend_on_threads():
    s = tiny.settings("unused", tied=False)
    found = [Evaluator(s, weights(3.0), split(1000), threads=threads).run() for threads in (1, 2, 16)]
    assert found[0].nll == pytest.approx(found[1].nll, rel=1e-6)
    assert found[0].nll == pytest.approx(found[2].nll, rel=1e-6)


def test_without_characters_there_are_no_bits_per_character():
    assert metered(1.0, split(characters=None)).bits_per_char is None


def test_the_perplexity_of_a_hopeless_model_is_finite():
    assert math.isfinite(metered(1e6, split()).perplexity)


def test_between_is_called_after_each_window():
    calls = []
    Evaluator(tiny.settings("unused", tied=False), weights(), split(), threads=1).run(between=lambda: calls.append(1))
    assert len(calls) > 1
