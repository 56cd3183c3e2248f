"""BLEU and chrF by sacreBLEU, and test sets with several references."""

import sys

import pytest

from lstmtui.data.pairs import Pairs
from lstmtui.engine.inference.bleu import corpus_bleu
from lstmtui.errors import UsageError
from lstmtui.reports import translation_scores
from lstmtui.reports.translation_scores import scores

FOUND = ["a dog runs over the green grass .", "two men are in a boat ."]
RIGHT = ["a dog runs across the green grass .", "two men sit in a boat ."]


def test_figures_have_their_signatures():
    found = scores(FOUND, [[line] for line in RIGHT], tokenize="none", lowercase=True)
    assert found["bleu"] == pytest.approx(corpus_bleu(FOUND, RIGHT), abs=1e-6)
    assert 0 < found["chrf"] < 100
    assert "tok:none" in found["bleu_signature"]
    assert "case:lc" in found["bleu_signature"]


def test_a_second_reference_counts_where_there_is_one():
    one = scores(FOUND, [[line] for line in RIGHT])["bleu"]
    assert scores(FOUND, [[RIGHT[0], FOUND[0]], [RIGHT[1]]])["bleu"] > one


def test_lines_of_a_source_are_its_references():
    pairs = Pairs(("a", "b", "a", "", "c"), ("x", "y", "z", "w", " "))
    assert translation_scores.test_set(pairs, grouped=True) == (("a", "b"), (("x", "z"), ("y",)))
    assert translation_scores.test_set(pairs, grouped=False) == (("a", "b", "a"), (("x",), ("y",), ("z",)))
    with pytest.raises(UsageError, match="both a source and a reference"):
        translation_scores.test_set(Pairs(("a",), ("",)), grouped=True)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.bleu", None)
    with pytest.raises(UsageError, match=r"lstmtui\[metrics\]"):
        scores(FOUND, [[line] for line in RIGHT])
