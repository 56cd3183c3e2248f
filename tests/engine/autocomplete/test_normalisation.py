"""Texts are normalised to the vocabulary, and completions written in the typed forms."""

import unicodedata

import pytest

from lstmtui.data import tokens
from lstmtui.engine.autocomplete.normalisation import Normaliser, TypedForms
from lstmtui.engine.inference.token_index import TokenIndex


def normaliser(kind, text, limit=None):
    tokenizer = tokens.train(kind, [text.encode()], limit)
    return Normaliser(tokenizer, TokenIndex(tokenizer))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("the cat", "the cat"), ("The Cat", "the cat"), ("it’s", "it's"), ("a—b", "a--b"), ("a\u00a0b", "a b"),
        ("“hi”", '"hi"'), ("wait…", "wait..."), ("cafe\u0301", "café"), ("x→y", "x→y"),
    ],
)  # fmt: skip
def test_characters_that_a_vocabulary_lacks_are_replaced_by_equivalents(text, known):
    lower = normaliser("chars", "abcdefghijklmnopqrstuvwxyz é ' \" - . \n")
    assert lower.normalise_text(text.encode()).decode() == known
    # Known characters stay.
    both = normaliser("chars", "abcdefghijklmnopqrstuvwxyzTC é ’'“”\"—-… . \u00a0\n")
    assert both.normalise_text(text.encode()).decode() == unicodedata.normalize("NFC", text)


def test_ascii_signs_are_replaced_if_only_others_are_known():
    assert normaliser("chars", "donti ’\n").normalise_text(b"don't").decode() == "don’t"
    assert normaliser("chars", "abce\u0301 \n").normalise_text("é".encode()).decode() == "e\u0301"


def test_subwords_know_the_characters_of_their_training_text():
    assert normaliser("bpe", "it's the cat. " * 9, 280).normalise_text("it’s".encode()) == b"it's"
    assert normaliser("bpe", "it’s the cat. " * 9, 280).normalise_text("it’s".encode()).decode() == "it’s"
    assert normaliser("bytes", "it's").normalise_text("it’s".encode()).decode() == "it’s"


def test_words_are_normalised_to_known_forms():
    known = normaliser("words", "it's the Cat sat\n" * 3)
    assert known.normalise_text("It’s THE cat\u00a0sat on\n".encode()).decode() == "it's the Cat sat on\n"


def test_a_growing_text_is_normalised_as_at_once():
    text = "The cat’s mat — “so” it… goes\n" * 40
    alphabet = "abcdefghijklmnopqrstuvwxyz ' \" - .\n" + "the cat's mat so it goes\n" * 2
    for kind in ("chars", "words"):
        growing = normaliser(kind, alphabet)
        for end in range(0, len(text), 7):
            data = text[:end].encode()
            assert growing.normalise_text(data) == normaliser(kind, alphabet).normalise_text(data)


def test_variants_of_a_word_are_its_cases_and_apostrophes():
    known = normaliser("bytes", "")
    assert known.variants(b"Tha") == [b"Tha", b"tha", b"THA"]
    assert [s.decode() for s in known.variants("don’".encode())] == ["don’", "don'", "Don’", "Don'", "DON’", "DON'"]
    assert known.variants(b"12") == [b"12"]
    assert "café".encode() in known.variants("cafe\u0301".encode())
    assert normaliser("chars", "tha").variants(b"THA") == [b"THA", b"tha"]


@pytest.mark.parametrize(
    ("text", "typed", "known", "added", "written"),
    [
        ("Tha", "Tha", "tha", "t", "t"), ("THA", "THA", "tha", "t", "T"), ("tha", "tha", "THA", "T", "t"),
        ("tha", "tha", "tha", "t's", "t's"), ("I’m, tha", "tha", "tha", "t's", "t’s"), ("I", "I", "i", "'m", "'m"),
        ("McD", "McD", "mcd", "onald", "onald"), ("cafe\u0301 caf", "caf", "caf", "é", "e\u0301"),
    ],
)  # fmt: skip
def test_completions_have_the_case_and_the_forms_of_the_typed_word(text, typed, known, added, written):
    assert TypedForms(text.encode()).restore(added.encode(), known.encode(), typed.encode()).decode() == written
