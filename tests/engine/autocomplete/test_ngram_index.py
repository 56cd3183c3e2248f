"""Kneser-Ney probabilities, compared with a direct evaluation of the formula."""

import random

import numpy as np
import pytest

from lstmtui.engine.autocomplete.ngram_index import DISCOUNTS, LINE_END, ORDER, NgramIndex

TEXT = b"the cat sat on the mat\nthe dog sat on the cat\na dog and the cat sat\nthe the cat\n" * 2 + b"on the mat again"


def split_lines(text):
    return [[LINE_END, *line.split()] for line in text.split(b"\n")]


def formula(text, context, word):
    """Return p(word | context)."""
    flat = [w for line in split_lines(text) for w in line]
    vocabulary = sorted(set(flat) - {LINE_END})

    def grams(n):
        return [tuple(flat[i : i + n]) for i in range(len(flat) - n + 1)]

    def p(context):
        if not context:
            before = {w: len({a for a, b in grams(2) if b == w}) + 0.5 for w in vocabulary}
            return {w: n / sum(before.values()) for w, n in before.items()}
        lower = p(context[1:])
        n = len(context) + 1
        seen = [g for g in grams(n) if g[:-1] == context and g[-1] != LINE_END]
        if n == ORDER or context[0] == LINE_END:
            counts = {w: sum(g[-1] == w for g in seen) for w in vocabulary}
        else:
            wider = {g for g in grams(n + 1) if g[1:-1] == context and g[-1] != LINE_END}
            counts = {w: len({g[0] for g in wider if g[-1] == w}) for w in vocabulary}
        total = sum(counts.values())
        if not total:
            return lower
        discounted = {w: (c - DISCOUNTS[min(c, 3)]) / total for w, c in counts.items()}
        backoff = 1 - sum(discounted.values())
        return {w: discounted[w] + backoff * lower[w] for w in vocabulary}

    return p(tuple(context))[word]


@pytest.mark.parametrize(
    "context", [[], [b"the"], [b"on", b"the"], [b"cat", b"sat", b"on", b"the"], [b"never", b"the"], [b"never"]]
)
def test_probabilities_are_those_of_the_formula(context):
    index = NgramIndex.from_chunks([TEXT])
    # An unseen word cuts the context; the beginning of a line belongs to it.
    known = index.context(context)
    words = [index.words[i] for i in known]
    for word in (b"the", b"cat", b"mat", b"dog", b"again", b"a"):
        assert index.probability(known, word) == pytest.approx(formula(TEXT, words, word), abs=1e-12), word


def test_probabilities_sum_to_one():
    index = NgramIndex.from_chunks([TEXT])
    for context in ([], [b"the"], [b"on", b"the"], [b"the", b"dog"], [b"a", b"b"]):
        known = index.context(context)
        assert sum(index.probability(known, w) for w in index.words[1:]) == pytest.approx(1)
        estimated, total, _ = index.estimate(known, b"")
        assert total == pytest.approx(1)
        assert estimated[b"cat"] == pytest.approx(index.probability(known, b"cat"))


def test_prefix_estimates_sum_over_all_words_with_the_prefix():
    random.seed(2)
    words = [bytes(random.choice(b"abc") for _ in range(random.randint(1, 4))) for _ in range(3000)]
    index = NgramIndex.from_chunks([b" ".join(words)])
    known = index.context(words[40:44])
    estimated, total, seen = index.estimate(known, b"ab", count=500)
    assert seen >= 1
    assert all(word.startswith(b"ab") for word in estimated)
    assert total == pytest.approx(sum(index.probability(known, w) for w in index.words if w.startswith(b"ab")))
    assert sum(estimated.values()) == pytest.approx(total)
    few, same, _ = index.estimate(known, b"ab", count=3)
    assert same == total
    assert max(estimated, key=estimated.get) == max(few, key=few.get)
    assert index.estimate(known, b"zz") == ({}, 0.0, seen)


def test_an_index_survives_dump_and_load():
    index = NgramIndex.from_chunks([TEXT])
    again = NgramIndex.load(index.dump())
    assert again.words == index.words
    assert again.text() == index.text()
    assert again.text().strip() == TEXT
    assert again.probability(again.context([b"on", b"the"]), b"mat") == index.probability(
        index.context([b"on", b"the"]), b"mat"
    )
    assert index.word_count == len(TEXT.split())


@pytest.mark.parametrize("data", [b"", b"PK nonsense", b"\x00" * 100])
def test_other_bytes_raise(data):
    with pytest.raises(ValueError, match="not an n-gram index"):
        NgramIndex.load(data)


def test_a_damaged_index_raises():
    data = bytearray(NgramIndex.from_chunks([TEXT]).dump())
    data[len(data) // 2] ^= 0xFF
    try:
        NgramIndex.load(bytes(data))
    except ValueError:
        return
    # A flipped bit in padding does no harm.
    assert np.array_equal(NgramIndex.load(bytes(data)).words, NgramIndex.from_chunks([TEXT]).words)


@pytest.mark.parametrize("text", [b"", b"\n\n", b"... !!", b"one", "ümlaut 漢字 ümlaut".encode()])
def test_any_text_has_an_index(text):
    index = NgramIndex.from_chunks([text])
    estimated, total, _ = index.estimate(index.context([b"one"]), b"")
    assert total == pytest.approx(sum(estimated.values()))
    assert NgramIndex.load(index.dump()).words == index.words


def test_lines_of_words_are_indexed_as_their_text_is():
    lines = [b"the cat sat", b"on it's mat", "\u6f22 \u5b57 na\u00efve".encode()]
    a, b = NgramIndex.from_lines(lines), NgramIndex.from_chunks([b"\n".join(lines)])
    assert a.dump() == b.dump()
    assert NgramIndex.from_lines([]).dump() == NgramIndex.from_chunks([]).dump()
