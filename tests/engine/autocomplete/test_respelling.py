"""Words that begin nearly as typed: distances against a table, and what is proposed where no known word begins so."""

import random

import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.autocomplete.answer import proposed
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.keystroke_savings import Word, count
from lstmtui.engine.autocomplete.ngram_index import Concordance
from lstmtui.engine.autocomplete.ngram_mixture import TEXT, Counted, Memory
from lstmtui.engine.autocomplete.respelling import EDIT, LETTER, Lexicon, _distances
from lstmtui.engine.autocomplete.search import Found
from lstmtui.engine.nn.params import Arena, parameters

TEXT_OF_WORDS = b"the cat will receive a friend in London\nI don't think that they receive letters\n" * 20


def completer(kind, *, memory=False, recent=False):
    tokenizer = tokens.train(kind, [TEXT_OF_WORDS], 280 if kind == "bpe" else None)
    s = tiny.settings("unused", tied=False, hidden=6, layers=1, tokens=kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(4)
    counted = Memory([Counted(Concordance.of([TEXT_OF_WORDS]), TEXT)] if memory else [], recent=recent)
    return Completer(s, weights, tokenizer, memory=counted if memory or recent else None)


def by_table(typed, word):
    """Return the least distance of `typed` from a beginning of `word`."""
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
        ("teh", EDIT), ("reiceve", EDIT**2 * LETTER), ("recive", EDIT), ("recxive", EDIT * LETTER),
        ("recexive", EDIT * LETTER),
        ("tgeh", 0.0), ("te", 0.0), ("t3h", 0.0), ("receivedly" * 9, 0.0), ("\u0422\u0415\u0425", 0.0),
    ],
)  # fmt: skip
def test_errors_are_as_probable_as_what_they_may_lead_to(typed, p):
    near = Lexicon([b"the", b"receive"]).near(typed.encode())
    assert sum(near.values()) == pytest.approx(p)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("a teh", "the"), ("Teh", "The"), ("TEH", "THE"), ("to recie", "receive"), ("a freind", "friend"),
        ("in london", "don"), ("I dno", "don't"), ("of lonodn", "London"), ("it don’k", "don’t"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["words", "chars", "bytes", "bpe"])
def test_an_unknown_beginning_gets_the_nearest_words_in_its_place(kind, typed, meant):
    made = completer(kind, memory=True)
    found = made.complete(typed, k=5)
    begun = typed.split()[-1]
    if begun == "london":  # another form of a known one
        assert not any(c.replaces for c in found)
        return
    first = next(c for c in found if c.replaces)
    assert (first.text, first.replaces) == (meant, len(begun))
    assert all(c.replaces in (0, len(begun)) for c in found)
    assert not any(c.text.startswith(" ") for c in found)
    assert sum(c.probability for c in found) <= 1 + 1e-9
    assert [c.probability for c in found] == sorted((c.probability for c in found), reverse=True)
    others = made.complete(typed, k=5, passed=[first.text])
    assert first.text not in [c.text for c in others]
    assert made.complete(typed, k=1, phrase=True)[0].text.strip()


def test_a_vocabulary_of_words_needs_no_counted_text():
    found = completer("words").complete("a teh")
    assert found[0].text == "the"
    assert all(c.replaces == 3 for c in found)


def test_words_of_the_text_at_hand_are_known_too():
    made = completer("chars", recent=True)
    assert ("Zorblax", 7) in [(c.text, c.replaces) for c in made.complete("Zorblax is a name. Zorbalx")]
    assert not any(c.replaces for c in made.complete("Zorblax is a name. Zorb"))


def test_what_is_far_from_every_word_gets_nothing_in_its_place():
    for text in ("a zqk", "te", "a 12th", "zzzzzzzz"):
        assert not any(c.replaces for c in completer("words", memory=True).complete(text))


def test_a_word_in_place_of_the_one_begun_is_no_hit_and_takes_its_rank():
    found = Found({b"b": 0.2}, respelt={b"b": 0.5})
    assert [(p.text, p.replaces) for p in found.proposals(2)] == [(b"b", True), (b"b", False)]
    word = Word(0, [b"a", b"b"], False)
    counted = count([(word, [Found(), found])], 0, 0.3).as_dict()
    assert counted["savings"] == {"1": 0.0, "3": 0.0, "5": 0.0}  # found at the last letter, where a key is a key
    assert counted["coverage"] == 0.0
    word = Word(0, [b"a", b"b", b"c"], False)
    found = Found({b"bc": 0.2}, respelt={b"bc": 0.5})
    assert count([(word, [Found(), found])], 0, 0.3).keystrokes == {1: 3, 3: 2, 5: 2}


def test_the_report_sees_what_the_screen_sees():
    made = completer("words", memory=True)
    asked = made.taken_apart(b"a teh")
    readings = made._run(made.readings(made._history.after(asked.before), asked, 5))
    found = proposed(readings, made.spelling, made.memory, 5).proposals(5)
    assert [p.text.decode() for p in found] == [c.text for c in made.complete("a teh")]
