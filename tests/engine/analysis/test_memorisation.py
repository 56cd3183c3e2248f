"""Passages of samples are found in the training text."""

import dataclasses

import numpy as np
import pytest
from support import tiny
from support.corpora import prepare

from lstmtui.data.corpus import Dataset
from lstmtui.engine.analysis import memorisation
from lstmtui.engine.analysis.memorisation import MemorisationMeter

TEXT = "one two three four five six seven eight nine ten\n"


def data(tmp_path, text, tokens="chars"):
    path = tmp_path / "text.txt"
    path.write_text(text)
    return prepare(train=[str(path)], tokens=tokens, valid_fraction=0.2, cache=tmp_path / "cache")


@pytest.fixture
def varied(tmp_path) -> Dataset:
    return data(tmp_path, tiny.text(300) + TEXT + tiny.text(100))


def test_the_longest_passage_is_found(varied):
    found = MemorisationMeter(varied).measure("zebra three four five zebra")
    assert found["text"] == " three four five "
    assert (found["characters"], found["of"]) == (17, 27)


def test_a_sample_without_a_match_has_no_passage(varied):
    assert MemorisationMeter(varied).measure("ZZZ")["characters"] == 0
    assert MemorisationMeter(varied).measure("") == {"characters": 0, "text": "", "usual": None, "of": 0}


def test_the_usual_length_comes_from_validation_text(varied):
    meter = MemorisationMeter(varied)
    usual = meter.measure("the cat sat on the mat.\n" * 4)["usual"]
    # These sentences are made of few phrases, so that unseen ones share a long passage.
    assert usual > 20
    assert meter.measure("q" * 97)["usual"] == usual  # measured once for samples of about that length


def test_too_little_validation_text_has_no_usual_length(varied):
    few = dataclasses.replace(varied, valid=dataclasses.replace(varied.valid, tokens=varied.valid.tokens[:50]))
    assert MemorisationMeter(few).measure("a" * 100)["usual"] is not None
    assert MemorisationMeter(few).measure("a" * 101)["usual"] is None
    none = dataclasses.replace(varied, valid=varied.test)
    assert MemorisationMeter(none).measure("the cat")["usual"] is None


def test_passages_of_words_are_text_and_unknown_words_match_nothing(tmp_path):
    meter = MemorisationMeter(data(tmp_path, (TEXT + tiny.text(2)) * 30, tokens="words"))
    found = meter.measure("two three four unheard five six seven eight unheard")
    assert found["text"] == "five six seven eight"
    assert meter.measure("unheard unheard of")["characters"] == 0


LICENCE = "Permission is hereby granted, free of charge, to any person.\n"
PASSAGE = "quince jam over whisky buzzed vexing my fjord lynx.\n"


@pytest.fixture
def code(tmp_path) -> Dataset:
    """A text with one line in every file, and another line once."""
    return data(tmp_path, (LICENCE + tiny.text(60)) * 3 + PASSAGE + tiny.text(200))


def test_stock_phrases_of_the_training_text_are_excluded(code):
    meter = MemorisationMeter(code)
    assert meter.measure(LICENCE)["characters"] < 10
    found = meter.measure("ZZ" + LICENCE + "ZZ" + PASSAGE + "ZZ")
    assert PASSAGE.strip() in found["text"]
    assert LICENCE[:20] not in found["text"]


def test_passages_of_the_validation_text_are_stock_phrases(tmp_path):
    meter = MemorisationMeter(data(tmp_path, PASSAGE + tiny.text(300) + PASSAGE))
    assert meter.measure("ZZ" + PASSAGE + "ZZ")["characters"] < 10


@pytest.mark.parametrize("block", [1, 3, 1 << 22])
def test_find_returns_all_places(monkeypatch, block):
    monkeypatch.setattr(memorisation, "BLOCK", block)
    text = np.array([1, 2, 1, 2, 1, 2, 2, 1, 2, 1], np.uint8)
    for piece in ([1], [2, 1], [1, 2, 1], [2, 2, 1, 2], [3], [1] * 11):
        expected = [i for i in range(len(text)) if text[i : i + len(piece)].tolist() == piece]
        assert memorisation.find(text, np.array(piece, np.int32), limit=99) == expected
        assert memorisation.find(text, np.array(piece, np.int32), limit=1)[:1] == expected[:1]
