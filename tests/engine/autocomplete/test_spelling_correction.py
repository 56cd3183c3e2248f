"""Words with similar beginnings: distances compared with a table, and corrections of unknown beginnings."""

import random

import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.continuations import Continuations
from lstmtui.engine.autocomplete.keystroke_savings import count
from lstmtui.engine.autocomplete.ngram_index import NgramIndex
from lstmtui.engine.autocomplete.ngram_mixture import NgramMixture
from lstmtui.engine.autocomplete.ngram_sources import TRAINING_TEXT_WEIGHTS, IndexedText
from lstmtui.engine.autocomplete.spelling_correction import ERROR_PROBABILITY as ERROR
from lstmtui.engine.autocomplete.spelling_correction import LETTER_PROBABILITY as LETTER
from lstmtui.engine.autocomplete.spelling_correction import Lexicon, _distances
from lstmtui.engine.autocomplete.typing_simulation import Word
from lstmtui.engine.autocomplete.variants import combine
from lstmtui.engine.nn.params import Arena, parameters

TEXT_OF_WORDS = b"the cat will receive a friend in London\nI don't think that they receive letters\n" * 20


def completer(kind, *, indexed=False, recent=False):
    tokenizer = tokens.train(kind, [TEXT_OF_WORDS], 280 if kind == "bpe" else None)
    s = tiny.settings("unused", tied=False, hidden=6, layers=1, tokens=kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(4)
    index = NgramIndex.from_chunks([TEXT_OF_WORDS])
    mixture = NgramMixture([IndexedText(index, TRAINING_TEXT_WEIGHTS)] if indexed else [], recent=recent)
    return Completer(s, weights, tokenizer, mixture=mixture if indexed or recent else None)


def by_table(typed, word):
    """Return the least distance of `typed` from any beginning of `word`."""
    rows = [list(range(len(word) + 1))]
    for i, letter in enumerate(typed, 1):
        row = [i]
        for j, wanted in enumerate(word, 1):
            row.append(min(rows[i - 1][j] + 1, row[-1] + 1, rows[i - 1][j - 1] + (letter != wanted)))
            if i > 1 and j > 1 and letter == word[j - 2] and typed[i - 2] == wanted:
                row[-1] = min(row[-1], rows[i - 2][j - 2] + 1)
        rows.append(row)
    return min(rows[-1])


def test_distances_are_those_of_a_table():
    rng = random.Random(7)
    words = ["".join(rng.choices("abc", k=rng.randint(1, 12))) for _ in range(200)]
    lexicon = Lexicon(word.encode() for word in words)
    for _ in range(40):
        typed = "".join(rng.choices("abc", k=rng.randint(3, 9)))
        found = _distances(lexicon._columns, typed).tolist()
        assert found == [by_table(typed, word) for word in words], typed


@pytest.mark.parametrize(
    ("typed", "p"),
    [
        ("teh", ERROR), ("reiceve", ERROR**2 * LETTER), ("recive", ERROR), ("recxive", ERROR * LETTER),
        ("recexive", ERROR * LETTER),
        ("tgeh", 0.0), ("te", 0.0), ("t3h", 0.0), ("receivedly" * 9, 0.0), ("\u0422\u0415\u0425", 0.0),
    ],
)  # fmt: skip
def test_the_probability_of_errors_depends_on_their_outcomes(typed, p):
    similar = Lexicon([b"the", b"receive"]).similar(typed.encode())
    assert sum(similar.values()) == pytest.approx(p)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("a teh", "the"), ("Teh", "The"), ("TEH", "THE"), ("to recie", "receive"), ("a freind", "friend"),
        ("in london", "don"), ("I dno", "don't"), ("of lonodn", "London"), ("it don’k", "don’t"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["words", "chars", "bytes", "bpe"])
def test_unknown_beginnings_are_corrected(kind, typed, meant):
    made = completer(kind, indexed=True)
    found = made.complete(typed, k=5)
    partial_word = typed.split()[-1]
    if partial_word == "london":  # another form of a known one
        assert not any(c.replaces for c in found)
        return
    first = next(c for c in found if c.replaces)
    assert (first.text, first.replaces) == (meant, len(partial_word))
    assert all(c.replaces in (0, len(partial_word)) for c in found)
    assert not any(c.text.startswith(" ") for c in found)
    assert sum(c.probability for c in found) <= 1 + 1e-9
    assert [c.probability for c in found] == sorted((c.probability for c in found), reverse=True)
    others = made.complete(typed, k=5, passed=[first.text])
    assert first.text not in [c.text for c in others]
    assert made.complete(typed, k=1, phrase=True)[0].text.strip()


def test_a_vocabulary_of_words_corrects_without_counts():
    found = completer("words").complete("a teh")
    assert found[0].text == "the"
    assert all(c.replaces == 3 for c in found)


def test_words_of_the_text_at_hand_are_known():
    made = completer("chars", recent=True)
    assert ("Zorblax", 7) in [(c.text, c.replaces) for c in made.complete("Zorblax is a name. Zorbalx")]
    assert not any(c.replaces for c in made.complete("Zorblax is a name. Zorb"))


def test_beginnings_unlike_every_word_are_not_corrected():
    for text in ("a zqk", "te", "a 12th", "zzzzzzzz"):
        assert not any(c.replaces for c in completer("words", indexed=True).complete(text))


def test_a_correction_is_no_hit_and_takes_a_rank():
    found = Continuations({b"b": 0.2}, corrections={b"b": 0.5})
    assert [(p.text, p.replaces) for p in found.proposals(2)] == [(b"b", True), (b"b", False)]
    word = Word(0, [b"a", b"b"], False)
    counted = count([(word, [Continuations(), found])], 0, 0.3).as_dict()
    assert counted["savings"] == {"1": 0.0, "3": 0.0, "5": 0.0}  # found at the last letter, where a key is a key
    assert counted["coverage"] == 0.0
    word = Word(0, [b"a", b"b", b"c"], False)
    found = Continuations({b"bc": 0.2}, corrections={b"bc": 0.5})
    assert count([(word, [Continuations(), found])], 0, 0.3).keystrokes == {1: 3, 3: 2, 5: 2}


def test_the_simulation_sees_the_corrections():
    made = completer("words", indexed=True)
    query = made.parse(b"a teh")
    variants = made._run(made.variants(made._text_state.after(query.before), query, 5))
    found = combine(variants, made.token_index, made.mixture, 5).proposals(5)
    assert [p.text.decode() for p in found] == [c.text for c in made.complete("a teh")]
