import itertools
import math
import re

import numpy as np
import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.inference.sampler import (
    Piece,
    Sampler,
    SamplingOptions,
    draw,
    joined,
    probabilities,
    surprise_fields,
)
from lstmtui.engine.nn.incremental import IncrementalModel
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.errors import UsageError

LOGITS = np.log(np.array([0.1, 0.4, 0.3, 0.2], np.float32))


def sampler(kind="chars"):
    tokenizer = tokens.train(kind, [tiny.text().encode()])
    weights = Arena(parameters(tiny.settings("unused", tokens=kind, tied=False), tokenizer.size))
    weights.initialise(1)
    return Sampler(tiny.settings("unused", tokens=kind, tied=False), weights, tokenizer), tokenizer


def test_temperature_one_is_the_softmax():
    np.testing.assert_allclose(probabilities(LOGITS, SamplingOptions(temperature=1)), [0.1, 0.4, 0.3, 0.2], rtol=1e-6)


def test_low_temperatures_sharpen_and_zero_takes_the_most_probable():
    p = probabilities(LOGITS, SamplingOptions(temperature=0.5))
    np.testing.assert_allclose(p, np.array([1, 16, 9, 4]) / 30, rtol=1e-5)
    np.testing.assert_array_equal(probabilities(LOGITS, SamplingOptions(temperature=0)), [0, 1, 0, 0])
    tiny_temperature = probabilities(LOGITS, SamplingOptions(temperature=1e-300))
    assert np.isfinite(tiny_temperature).all()
    assert tiny_temperature[1] == 1


def test_top_k_keeps_the_k_most_probable():
    np.testing.assert_allclose(probabilities(LOGITS, SamplingOptions(1, top_k=2)), [0, 4 / 7, 3 / 7, 0], rtol=1e-6)
    np.testing.assert_allclose(probabilities(LOGITS, SamplingOptions(1, top_k=99)), [0.1, 0.4, 0.3, 0.2], rtol=1e-6)


def test_top_p_keeps_the_smallest_set_that_reaches_it():
    np.testing.assert_allclose(probabilities(LOGITS, SamplingOptions(1, top_p=0.6)), [0, 4 / 7, 3 / 7, 0], rtol=1e-6)
    np.testing.assert_array_equal(probabilities(LOGITS, SamplingOptions(1, top_p=0.01)), [0, 1, 0, 0])


@pytest.mark.parametrize(
    "options",
    [
        SamplingOptions(math.inf),
        SamplingOptions(math.nan),
        SamplingOptions(-1),
        SamplingOptions(1, top_k=-1),
        SamplingOptions(1, top_p=0),
        SamplingOptions(1, top_p=1.5),
    ],
)
def test_options_out_of_range_raise(options):
    with pytest.raises(UsageError):
        options.check()


@pytest.mark.parametrize("kind", tokens.KINDS)
def test_equal_seeds_give_equal_texts(kind):
    made, _ = sampler(kind)
    first = made.text("the", 40, SamplingOptions(1.0), np.random.default_rng(5))
    assert first == made.text("the", 40, SamplingOptions(1.0), np.random.default_rng(5))
    assert first != made.text("the", 40, SamplingOptions(1.0), np.random.default_rng(6))


def test_pieces_join_to_the_text():
    made, _ = sampler("bytes")
    pieces = list(made.pieces("", 60, SamplingOptions(2.0), np.random.default_rng(1)))
    assert joined(pieces) == made.text("", 60, SamplingOptions(2.0), np.random.default_rng(1))
    assert all(piece.text for piece in pieces)


@pytest.mark.parametrize(("kind", "prompt"), [("chars", ""), ("words", "the bi")])
def test_surprise_is_that_of_the_network_whatever_the_temperature(kind, prompt):
    made, tokenizer = sampler(kind)
    options = SamplingOptions(0.3, top_k=50)
    pieces = list(made.pieces(prompt, 40, options, np.random.default_rng(1)))
    drawn = itertools.islice(made.tokens(prompt, options, np.random.default_rng(1)), len(pieces))
    reader, bits = IncrementalModel(tiny.settings("unused", tokens=kind, tied=False), made._reader._weights), []
    logits = reader.read(tokenizer.encode((prompt.removesuffix("bi") or "\n").encode()).reshape(-1, 1))[0]
    for token in drawn:
        bits.append((np.logaddexp.reduce(logits.astype(np.float64)) - logits[token]) / math.log(2))
        logits = reader.read(np.array([[token]], np.int32))[0]
    assert [piece.bits for piece in pieces] == pytest.approx(bits, rel=1e-5)


def test_a_record_of_surprise_leaves_out_what_is_cut_from_the_text():
    pieces = [Piece("\n", 1.0), Piece("\nab", 2.0), Piece("c", 0.126)]
    assert surprise_fields(pieces, skipped=2) == {"bits": [2.0, 0.13], "pieces": [2, 1]}
    assert surprise_fields(pieces[2:]) == {"bits": [0.13]}


def test_words_are_one_space_apart_and_lines_begin_without_one():
    made, tokenizer = sampler("words")
    text = made.text("", 80, SamplingOptions(1.5), np.random.default_rng(2))
    assert "  " not in text
    assert " \n" not in text.replace("\n\n", "\n")
    assert "\n " not in text
    known = {tokenizer.token_bytes(i).decode() for i in range(tokenizer.size)}
    assert set(text.split()) <= known
    assert made.text("the", 1, SamplingOptions(0), np.random.default_rng(2)).startswith((" ", "\n"))


def test_scripts_without_spaces_get_none():
    tokenizer = tokens.train("words", ["你好 world，世界。 more\n".encode() * 3])
    weights = Arena(parameters(tiny.settings("unused", tokens="words", tied=False), tokenizer.size))
    weights.initialise(1)
    writer = Sampler(tiny.settings("unused", tokens="words", tied=False), weights, tokenizer)
    text = writer.text("你", 400, SamplingOptions(), np.random.default_rng(1))
    assert not re.search(r"[你好世界，。] [你好世界，。]|\n | \n", "你" + text)
    assert "world more" in text


@pytest.mark.parametrize(
    "options", [SamplingOptions(0), SamplingOptions(1), SamplingOptions(0.5, top_k=2), SamplingOptions(1, top_p=0.6)]
)
def test_draws_follow_the_distribution(options):
    found = [draw(LOGITS, options, u) for u in (np.arange(1000) + 0.5) / 1000]
    np.testing.assert_allclose(np.bincount(found, minlength=4) / 1000, probabilities(LOGITS, options), atol=0.002)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_unfinished_word_of_the_prompt_is_finished(temperature):
    for seed in range(8):
        made, tokenizer = sampler("words")
        words = {tokenizer.token_bytes(i).decode() for i in range(tokenizer.size)}
        text = made.text("the bi", 20, SamplingOptions(temperature), np.random.default_rng(seed))
        assert ("bi" + text).split()[0] in words
        assert made.text("the bird", 1, SamplingOptions(temperature), np.random.default_rng(seed))[0] in " \n"
        assert made.text("the xq", 1, SamplingOptions(temperature), np.random.default_rng(seed))[0] in " \n"


def test_a_prompt_that_ends_within_a_token_may_continue_with_the_whole_token():
    data = tiny.text().encode()
    tokenizer = tokens.train("bpe", [data], 330)
    s = tiny.settings("unused", tokens="bpe", tied=False)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(1)
    whole = next(i for i in range(tokenizer.size) if tokenizer.token_bytes(i) == b" under")
    weights["softmax.b"][whole] += 12
    made = Sampler(s, weights, tokenizer)
    assert made.text("a dog sat und", 2, SamplingOptions(0.5), np.random.default_rng(1)) == "er"
    weights["softmax.b"][whole] -= 24
    text = Sampler(s, weights, tokenizer).text("a dog sat und", 2, SamplingOptions(0.5), np.random.default_rng(1))
    assert text != "er"
    assert len(text) >= 2


def test_a_text_of_subwords_begins_with_a_word():
    tokenizer = tokens.train("bpe", [tiny.text().encode()], 330)
    s = tiny.settings("unused", tokens="bpe", tied=False)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(1)
    known = {tokenizer.token_bytes(i) for i in range(tokenizer.size)}
    within = next(
        i for i in range(256, tokenizer.size) if (p := tokenizer.token_bytes(i)).isalpha() and b" " + p not in known
    )
    weights["softmax.b"][within] += 20
    drawn = Sampler(s, weights, tokenizer).tokens("", SamplingOptions(1.0), np.random.default_rng(1))
    assert next(drawn) != within
    assert next(drawn) == within


def test_the_placeholder_for_unknown_words_is_never_drawn():
    made, tokenizer = sampler("words")
    drawn = itertools.islice(made.tokens("", SamplingOptions(50.0), np.random.default_rng(3)), 300)
    assert tokenizer.unk not in set(drawn)
