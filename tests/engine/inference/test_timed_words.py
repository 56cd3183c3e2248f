"""Words of labels: texts of every kind of token, times and confidences."""

import pytest

from lstmtui.data.tokens.chars import Chars
from lstmtui.data.tokens.words import Words
from lstmtui.engine.inference.ctc_search import Span
from lstmtui.engine.inference.timed_words import Word, timed_words

SPANS = [Span(0, 1, 0.5), Span(2, 4, 0.5), Span(5, 6, 0.1), Span(8, 9, 0.8)]


def test_characters_are_joined_to_words():
    tokenizer = Chars(" anoé")
    labels = [int(n) + 1 for n in tokenizer.encode("né a".encode())]
    first, second = timed_words(labels, SPANS, tokenizer, start=10.0, step=0.02)
    assert (first.text, second.text) == ("né", "a")
    assert (first.start, first.end) == pytest.approx((10.0, 10.08))
    assert (second.start, second.end) == pytest.approx((10.16, 10.18))
    assert (first.confidence, second.confidence) == pytest.approx((0.25, 0.8))


def test_each_token_may_be_a_word():
    tokenizer = Words([b"no", b"yes"])
    found = timed_words([3, 4], SPANS[:2], tokenizer, start=0.0, step=1.0)
    assert found == [Word("no", 0.0, 1.0, 0.5), Word("yes", 2.0, 4.0, 0.5)]


def test_spaces_alone_are_no_word():
    tokenizer = Chars(" a")
    space = int(tokenizer.encode(b" ")[0]) + 1
    assert timed_words([space, space], SPANS[:2], tokenizer, start=0.0, step=1.0) == []
    assert timed_words([], [], tokenizer, start=0.0, step=1.0) == []
