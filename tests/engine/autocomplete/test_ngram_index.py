"""The index against counting by hand: Kneser-Ney probabilities of every word after every context."""

import random

import numpy as np
import pytest

from lstmtui.engine.autocomplete.ngram_index import DISCOUNTS, LINE, ORDER, Concordance

TEXT = b"the cat sat on the mat\nthe dog sat on the cat\na dog and the cat sat\nthe the cat\n" * 2 + b"on the mat again"


def lines_of(text):
    return [[LINE, *line.split()] for line in text.split(b"\n")]


def by_hand(text, context, word):
    """p(word | context) straight from the formula."""
    flat = [w for line in lines_of(text) for w in line]
    vocabulary = sorted(set(flat) - {LINE})

    def grams(n):
        return [tuple(flat[i : i + n]) for i in range(len(flat) - n + 1)]

    def p(context):
        if not context:
            before = {w: len({a for a, b in grams(2) if b == w}) + 0.5 for w in vocabulary}
            return {w: n / sum(before.values()) for w, n in before.items()}
        lower = p(context[1:])
        n = len(context) + 1
        seen = [g for g in grams(n) if g[:-1] == context and g[-1] != LINE]
        if n == ORDER or context[0] == LINE:
            counts = {w: sum(g[-1] == w for g in seen) for w in vocabulary}
        else:
            wider = {g for g in grams(n + 1) if g[1:-1] == context and g[-1] != LINE}
            counts = {w: len({g[0] for g in wider if g[-1] == w}) for w in vocabulary}
        total = sum(counts.values())
        if not total:
            return lower
        kept = {w: (c - DISCOUNTS[min(c, 3)]) / total for w, c in counts.items()}
        back = 1 - sum(kept.values())
        return {w: kept[w] + back * lower[w] for w in vocabulary}

    return p(tuple(context))[word]


@pytest.mark.parametrize(
    "context", [[], [b"the"], [b"on", b"the"], [b"cat", b"sat", b"on", b"the"], [b"never", b"the"], [b"never"]]
)
def test_probabilities_are_those_of_the_formula(context):
    index = Concordance.of([TEXT])
    # What was never seen cuts the context short; a line's beginning belongs to it.
    known = index.context(context)
    words = [index.words[i] for i in known]
    for word in (b"the", b"cat", b"mat", b"dog", b"again", b"a"):
        assert index.p(known, word) == pytest.approx(by_hand(TEXT, words, word), abs=1e-12), word


def test_all_words_together_are_certain():
    index = Concordance.of([TEXT])
    for context in ([], [b"the"], [b"on", b"the"], [b"the", b"dog"], [b"a", b"b"]):
        known = index.context(context)
        assert sum(index.p(known, w) for w in index.words[1:]) == pytest.approx(1)
        told, total, _ = index.tell(known, b"")
        assert total == pytest.approx(1)
        assert told[b"cat"] == pytest.approx(index.p(known, b"cat"))


def test_a_beginning_is_told_with_the_probability_of_all_that_begin_so():
    random.seed(2)
    words = [bytes(random.choice(b"abc") for _ in range(random.randint(1, 4))) for _ in range(3000)]
    index = Concordance.of([b" ".join(words)])
    known = index.context(words[40:44])
    told, total, seen = index.tell(known, b"ab", most=500)
    assert seen >= 1
    assert all(word.startswith(b"ab") for word in told)
    assert total == pytest.approx(sum(index.p(known, w) for w in index.words if w.startswith(b"ab")))
    assert sum(told.values()) == pytest.approx(total)
    few, same, _ = index.tell(known, b"ab", most=3)
    assert same == total
    assert max(told, key=told.get) == max(few, key=few.get)
    assert index.tell(known, b"zz") == ({}, 0.0, seen)


def test_is_kept_and_brought_back():
    index = Concordance.of([TEXT])
    again = Concordance.load(index.dump())
    assert again.words == index.words
    assert again.text() == index.text()
    assert again.text().strip() == TEXT
    assert again.p(again.context([b"on", b"the"]), b"mat") == index.p(index.context([b"on", b"the"]), b"mat")
    assert index.count == len(TEXT.split())


@pytest.mark.parametrize("data", [b"", b"PK nonsense", b"\x00" * 100])
def test_what_is_no_index_is_refused(data):
    with pytest.raises(ValueError, match="not a concordance"):
        Concordance.load(data)


def test_a_damaged_index_is_refused():
    data = bytearray(Concordance.of([TEXT]).dump())
    data[len(data) // 2] ^= 0xFF
    try:
        Concordance.load(bytes(data))
    except ValueError:
        return
    # A flipped bit in padding does no harm.
    assert np.array_equal(Concordance.load(bytes(data)).words, Concordance.of([TEXT]).words)


@pytest.mark.parametrize("text", [b"", b"\n\n", b"... !!", b"one", "ümlaut 漢字 ümlaut".encode()])
def test_any_text_has_an_index(text):
    index = Concordance.of([text])
    told, total, _ = index.tell(index.context([b"one"]), b"")
    assert total == pytest.approx(sum(told.values()))
    assert Concordance.load(index.dump()).words == index.words
