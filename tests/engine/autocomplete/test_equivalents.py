"""Spellings that mean the same are known in the forms of the vocabulary, and written as they were typed."""

import unicodedata

import pytest

from lstmtui.data import tokens
from lstmtui.engine.autocomplete.equivalents import KnownForms, Typed
from lstmtui.engine.inference.token_index import TokenIndex


def forms(kind, text, limit=None):
    tokenizer = tokens.train(kind, [text.encode()], limit)
    return KnownForms(tokenizer, TokenIndex(tokenizer))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("the cat", "the cat"), ("The Cat", "the cat"), ("it’s", "it's"), ("a—b", "a--b"), ("a\u00a0b", "a b"),
        ("“hi”", '"hi"'), ("wait…", "wait..."), ("cafe\u0301", "café"), ("x→y", "x→y"),
    ],
)  # fmt: skip
def test_characters_that_a_vocabulary_lacks_are_read_as_what_means_the_same(text, known):
    lower = forms("chars", "abcdefghijklmnopqrstuvwxyz é ' \" - . \n")
    assert lower.text(text.encode()).decode() == known
    # What is known already stays: nothing of it is lost.
    both = forms("chars", "abcdefghijklmnopqrstuvwxyzTC é ’'“”\"—-… . \u00a0\n")
    assert both.text(text.encode()).decode() == unicodedata.normalize("NFC", text)


def test_typewriter_forms_are_read_as_the_others_where_only_these_are_known():
    assert forms("chars", "donti ’\n").text(b"don't").decode() == "don’t"
    assert forms("chars", "abce\u0301 \n").text("é".encode()).decode() == "e\u0301"


def test_pieces_know_the_characters_that_they_were_learnt_with():
    assert forms("bpe", "it's the cat. " * 9, 280).text("it’s".encode()) == b"it's"
    assert forms("bpe", "it’s the cat. " * 9, 280).text("it’s".encode()).decode() == "it’s"
    assert forms("bytes", "it's").text("it’s".encode()).decode() == "it’s"


def test_words_that_a_vocabulary_lacks_are_read_as_those_that_it_has():
    known = forms("words", "it's the Cat sat\n" * 3)
    assert known.text("It’s THE cat\u00a0sat on\n".encode()).decode() == "it's the Cat sat on\n"


def test_a_text_that_grows_is_read_as_if_it_were_read_at_once():
    text = "The cat’s mat — “so” it… goes\n" * 40
    grown, alphabet = None, "abcdefghijklmnopqrstuvwxyz ' \" - .\n"
    for kind in ("chars", "words"):
        grown = forms(kind, alphabet + "the cat's mat so it goes\n" * 2)
        for end in range(0, len(text), 7):
            assert grown.text(text[:end].encode()) == forms(kind, alphabet + "the cat's mat so it goes\n" * 2).text(
                text[:end].encode()
            )


def test_spellings_of_a_word_are_itself_and_its_cases_and_apostrophes():
    known = forms("bytes", "")
    assert known.spellings(b"Tha") == [b"Tha", b"tha", b"THA"]
    assert [s.decode() for s in known.spellings("don’".encode())] == ["don’", "don'", "Don’", "Don'", "DON’", "DON'"]
    assert known.spellings(b"12") == [b"12"]
    assert "café".encode() in known.spellings("cafe\u0301".encode())
    assert forms("chars", "tha").spellings(b"THA") == [b"THA", b"tha"]


@pytest.mark.parametrize(
    ("text", "typed", "spelt", "added", "written"),
    [
        ("Tha", "Tha", "tha", "t", "t"), ("THA", "THA", "tha", "t", "T"), ("tha", "tha", "THA", "T", "t"),
        ("tha", "tha", "tha", "t's", "t's"), ("I’m, tha", "tha", "tha", "t's", "t’s"), ("I", "I", "i", "'m", "'m"),
        ("McD", "McD", "mcd", "onald", "onald"), ("cafe\u0301 caf", "caf", "caf", "é", "e\u0301"),
    ],
)  # fmt: skip
def test_what_is_added_has_the_case_and_the_form_that_was_typed(text, typed, spelt, added, written):
    assert Typed(text.encode()).written(added.encode(), spelt.encode(), typed.encode()).decode() == written
