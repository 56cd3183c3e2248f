"""What was counted beside the network: shares, and a text at hand that is edited."""

import random

import pytest

from lstmtui.engine.autocomplete.concordance import Concordance
from lstmtui.engine.autocomplete.memory import LINE, Counted, Memory, Told, mix, words_before
from lstmtui.engine.autocomplete.search import Found


def test_mixing_is_a_weighted_mean_of_what_goes_on_as_typed():
    found = Found({b"t": 0.2, b"p": 0.1}, 0.4)
    mixed = mix(found, [Told({b"mat": 0.5, b"ma": 0.1, b"mad": 0.1}, 0.8, 0.25)], b"ma")
    assert mixed.masses == pytest.approx({b"t": 0.75 * 0.2 + 0.25 * 0.5, b"p": 0.075, b"d": 0.025})
    assert mixed.typed == pytest.approx(0.75 * 0.4 + 0.25 * 0.8)


def test_a_source_that_knows_nothing_of_what_is_typed_says_little():
    found = Found({b"ing": 0.01}, 0.02)
    mixed = mix(found, [Told({}, 0.0, 0.5)], b"go")
    assert mixed.ranked(1)[0][1] == pytest.approx(0.5)


def test_a_word_just_written_is_proposed_again():
    memory = Memory()
    text = b"dear zebulon how are you " * 20
    mixed = memory.blend(Found({b"ebra": 0.001}, 0.002), text + b"dear", b" z")
    assert mixed.ranked(1)[0][0] == b"ebulon"
    plain = Memory(recent=False).blend(Found({b"ebra": 0.001}, 0.002), text + b"dear", b" z")
    assert plain.ranked(1)[0][0] == b"ebra"


def test_edits_leave_exactly_the_counts_of_the_text_as_it_stands():
    draw = random.Random(4)
    edited = Memory()
    text = b"one two three two one two\n" * 3
    for _ in range(200):
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice([b"", b" two", b"x", b"\n", b", "]) + text[at + draw.choice([0, 0, 3]) :]
        before = text[: draw.choice([len(text), at])]
        fresh = Memory()
        found = Found({b"wo": 0.1}, 0.3)
        assert edited.blend(found, before, b" t").masses == fresh.blend(found, before, b" t").masses
        assert edited._recent._counts == fresh._recent._counts


def test_after_punctuation_nothing_is_mixed_in():
    memory = Memory([Counted(Concordance.of([b"a b c " * 500]), (0.5,) * 5)])
    found = Found({b" b": 0.2}, 1.0)
    assert memory.blend(found, b"a,", b"") is found
    assert memory.blend(found, b"a", b" ") is not found


def test_the_words_before_are_those_of_the_line():
    assert words_before(b"one\ntwo, three ") == [b"two", b"three"]
    assert words_before(b"a b c d e f") == [b"c", b"d", b"e", b"f"]
    assert words_before(b"") == []
    assert words_before(b"line\n") == []
    assert words_before(b"x" * 1000 + b" y z") == [b"y", b"z"]
    assert LINE not in words_before(b"a\nb")


def test_words_that_come_oftener_than_they_did_gain_and_others_lose():
    text = Concordance.of([b"the cat sat by the car and the can " * 200])
    leaning = Memory([Counted(text, (0.5,) * 5)])
    found = Found({b"at": 0.1, b"ar": 0.1, b"an": 0.1, b"ow": 0.1}, 0.5, 0.05)
    mixed = leaning.blend(found, b"a car or a car or two " * 30 + b"the", b" c")
    masses = {word: mixed.masses[word] for word in (b"at", b"ar", b"an")}
    assert masses[b"ar"] > 3 * max(masses[b"an"], masses[b"at"])
    assert mixed.typed >= sum(mixed.masses.values()) + mixed.over
