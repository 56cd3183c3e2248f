"""Scores of captions: by hand, and CIDEr-D from the definition of the paper."""

from __future__ import annotations

import math

import pytest

from lstmtui.reports.caption_scores import caption_scores, cider_d, word_f1, words


def test_words_are_lower_case_without_punctuation_around_them():
    assert words("Flag:  U.S. (medium-light skin tone), *") == ["flag", "u.s", "medium-light", "skin", "tone", "*"]
    assert words("keycap: #") == ["keycap", "#"]
    assert words("... ?") == ["...", "?"]


@pytest.mark.parametrize(
    ("found", "reference", "score"),
    [
        ("a red car", "A red car.", 1.0),
        ("car red", "red car", 1.0),
        ("red red car", "red car", 4 / 5),
        ("a dog", "red car", 0.0),
        ("", "red car", 0.0),
        ("the red car", "red", 2 / 4),
    ],
)
def test_word_f1_by_hand(found, reference, score):
    assert word_f1(found, reference) == pytest.approx(score)


def test_scores_are_means_over_pictures_and_concepts():
    found = ["red car", "blue car", "dog", "tree"]
    references = [("red car", "automobile"), ("red car",), ("wolf", "big dog"), ("bush",)]
    scores = caption_scores(found, references, ["car", "car", "animal", ""])
    assert scores.exact == 1 / 4
    assert scores.f1 == pytest.approx((1 + 1 / 2 + 2 / 3 + 0) / 4)
    assert scores.concept_f1 == pytest.approx((3 / 4 + 2 / 3 + 0) / 3)
    assert caption_scores(found, references).concept_f1 == pytest.approx(scores.f1)


def test_an_exact_caption_has_the_words_in_their_order():
    references = [("Red car",), ("dog",)]
    assert caption_scores(["car red", "dog"], references).exact == 1 / 2
    assert caption_scores(["red car.", "dog"], references).exact == 1


def test_exact_captions_of_four_words_have_the_highest_cider():
    references = [("a b c d",), ("e f g h i",), ("j k l m",)]
    assert cider_d([texts[0] for texts in references], references) == pytest.approx([10, 10, 10])


def test_a_word_that_every_picture_has_counts_nothing():
    assert cider_d(["a", "a x"], [("a b",), ("a c",)]) == [0, 0]
    assert cider_d(["a b"], [("a b",)]) == [0]


def test_cider_by_hand():
    """Two pictures, log 2 for every n-gram but `a`, which both have.

    Found `b b c`, reference `b c a`: unigrams min((2, 1), (1, 1)) in units of log 2 over b, c: cosine
    (1 * 1 + 1 * 1) / (sqrt 5 * sqrt 2); bigrams of the reference bc, ca; found bb, bc: 1 / (sqrt 2 * sqrt 2); trigrams
    differ; no quadruples. Lengths are equal.
    """
    found = cider_d(["b b c", "a"], [("b c a",), ("a d",)])
    assert found[0] == pytest.approx(10 / 4 * (2 / math.sqrt(10) + 1 / 2))
    assert found[1] == 0


def test_lengths_are_penalised_and_references_averaged():
    """One unigram of the reference of two words, one of the reference of one; a Gauss of deviation 6 over lengths."""
    found = cider_d(["b", "z"], [("b c", "b"), ("y",)])
    first = 1 / math.sqrt(2) * math.exp(-1 / 72)
    assert found[0] == pytest.approx(10 / 4 * (first + 1) / 2)


def test_rare_words_count_more():
    """`a` stands at two of three pictures, `b` at one: log 3/2 and log 3."""
    a, b = math.log(3 / 2), math.log(3)
    found = cider_d(["a", "a c", "d"], [("a b",), ("a c",), ("d",)])
    assert found[0] == pytest.approx(10 / 4 * a / math.hypot(a, b) * math.exp(-1 / 72))
    assert found[2] == pytest.approx(10 / 4)


def test_nothing_has_no_score():
    assert math.isnan(caption_scores([], [], []).f1)
    assert cider_d([], []) == []
    assert cider_d(["", "b"], [("a",), ("b",)])[0] == 0
