"""Text to text: order, batches, prefixes, unknown words."""

from __future__ import annotations

import numpy as np
import pytest
from support.translation_cases import sizes

from lstmtui.data.pairs import Pairs, train_tokenizers
from lstmtui.engine.inference import translator
from lstmtui.engine.inference.beam_search import SearchOptions
from lstmtui.engine.inference.translator import Translator, surface_tokens
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.translation_model import parameters

PAIRS = Pairs(("a cat sat", "a dog ran", "a cat ran", "the dog"), ("ein x sass", "ein y lief", "ein x lief", "der y"))
OPTIONS = SearchOptions(beam=3, max_length=5)


@pytest.fixture
def made():
    tokenizers = train_tokenizers(PAIRS, "words")
    of_model = sizes(source_vocabulary=tokenizers.source.size, target_vocabulary=tokenizers.target.size)
    weights = Arena(parameters(of_model))
    weights.initialise(3)
    weights.flat[...] += 0.5 * np.random.default_rng(5).standard_normal(weights.flat.shape).astype(np.float32)
    return Translator(of_model, weights, tokenizers, Compute("float32", 1)), weights, tokenizers


def test_translations_come_in_the_order_of_the_lines_whatever_the_batches(made, monkeypatch):
    lines = ["a cat sat and ran and sat and ran and sat", "dog", "", "a cat", "the dog ran"]
    whole = made[0].translate(lines, OPTIONS)
    monkeypatch.setattr(translator, "BATCH", 2)
    checks = []
    parts = made[0].translate(lines, OPTIONS, check=lambda: checks.append(1))
    assert [best.text for (best,) in whole] == [best.text for (best,) in parts]
    assert [best.score for (best,) in whole] == [best.score for (best,) in parts]
    assert len(checks) == 3


def test_several_translations_have_falling_scores_and_an_alignment(made):
    (found,) = made[0].translate(["a cat sat"], SearchOptions(beam=4, nbest=3, max_length=5))
    scores = [best.score for best in found]
    assert scores == sorted(scores, reverse=True)
    assert len({best.target for best in found}) == 3
    for best in found:
        assert best.source == ("a", "cat", "sat")
        assert best.alignment.shape == (len(best.target), 3)


def test_a_prefix_stands(made):
    prefixes = ["ein x ", "y", "ein sonst", "", "lie"]
    found = made[0].translate(["a cat sat", "the dog", "a cat", "a dog", "a"], OPTIONS, prefixes=prefixes)
    for (best,), prefix in zip(found, prefixes, strict=True):
        assert best.text.startswith(prefix.strip())


def test_unknown_words_become_the_source_word_that_is_read_most(made):
    translates, weights, _ = made
    weights["softmax.b"][...] = [9, 5, 0, 0, 0, 0][: len(weights["softmax.b"])]  # unknown words, then the end
    ((best,),) = translates.translate(["a zebra"], OPTIONS)
    read = best.alignment.argmax(axis=1)
    assert best.target == tuple(("a", "zebra")[n] for n in read)
    assert best.text == " ".join(best.target)


def test_unknown_words_stay_where_they_are_not_to_be_replaced(made):
    translates, weights, tokenizers = made
    weights["softmax.b"][...] = [9, 5, 0, 0, 0, 0][: len(weights["softmax.b"])]
    ((best,),) = translates.translate(["a zebra"], OPTIONS, replace_unknown=False)
    unknown = tokenizers.target.token_bytes(tokenizers.target.unk).decode()
    assert best.target
    assert set(best.target) == {unknown}
    ((given,),) = translates.translate(["a zebra"], OPTIONS, prefixes=["sonst "], replace_unknown=False)
    assert given.text.startswith("sonst")  # what is given stands as it is written


def test_surface_tokens_name_unknown_words(made):
    _, _, tokenizers = made
    ids = tokenizers.source.encode(b"a zebra ran")
    assert surface_tokens("a zebra ran", ids, tokenizers.source) == ("a", "zebra", "ran")


def test_changed_weights_are_read_after_a_refresh(made):
    translates, weights, _ = made
    before = translates.translate(["a cat"], OPTIONS)[0][0].score
    weights.flat[...] *= 0.5
    translates.refresh()
    assert translates.translate(["a cat"], OPTIONS)[0][0].score != before


@pytest.mark.parametrize(("kind", "unknown"), [("words", 1), ("bpe", 3), ("bytes", 0)])
def test_characters_that_a_vocabulary_lacks_are_counted(kind, unknown):
    tokenizers = train_tokenizers(PAIRS, kind, 300 if kind == "bpe" else None)
    of_model = sizes(source_vocabulary=tokenizers.source.size, target_vocabulary=tokenizers.target.size)
    weights = Arena(parameters(of_model))
    weights.initialise(3)
    made = Translator(of_model, weights, tokenizers, Compute("float32", 1))
    ((best,),) = made.translate(["a ☃ dog"], OPTIONS)
    assert best.unknown == unknown
