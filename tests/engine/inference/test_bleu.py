"""BLEU: values of sacreBLEU 2 with `tok:none`, and by hand."""

import math

import pytest

from lstmtui.engine.inference.bleu import corpus_bleu


def test_a_perfect_translation_has_100():
    assert corpus_bleu(["a b c d e"], ["a b c d e"]) == pytest.approx(100)


def test_precisions_and_brevity_by_hand():
    """5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples; 6 words for 8."""
    expected = 100 * math.exp(1 - 8 / 6) * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25
    assert corpus_bleu(["a b c d x e"], ["a b c d e f g h"]) == pytest.approx(expected)


def test_orders_without_a_match_are_smoothed():
    """2 of 4 words, 0 of 3 pairs as 1/2, of 2 triples as 1/4, of 1 quadruple as 1/8."""
    assert corpus_bleu(["a x b y"], ["a b c d"]) == pytest.approx(100 * (2 / 4 / 2 / 3 / 4 / 2 / 8) ** 0.25)


@pytest.mark.parametrize("hypothesis", ["", "x y z", "a b"], ids=["nothing", "nothing right", "no quadruple"])
def test_without_words_in_common_or_quadruples_it_is_0(hypothesis):
    assert corpus_bleu([hypothesis], ["a b c d"]) == 0


def test_counts_of_all_sentences_are_added_up():
    whole = corpus_bleu(["a b c d", "e f g h x"], ["a b c d", "e f g h"])
    assert whole == pytest.approx(100 * (8 / 9 * 6 / 7 * 4 / 5 * 2 / 3) ** 0.25)


def test_a_word_counts_as_often_as_the_reference_has_it():
    """2 of 5 words are right: `the` twice."""
    found = corpus_bleu(["the the the the the"], ["the cat sat on the mat"])
    expected = 100 * math.exp(1 - 6 / 5) * (2 / 5 / 2 / 4 / 4 / 3 / 8 / 2) ** 0.25
    assert found == pytest.approx(expected)
