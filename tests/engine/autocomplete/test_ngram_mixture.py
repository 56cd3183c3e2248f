"""What was counted beside the network: shares, and a text at hand that is edited."""

import math
import random

import pytest

from lstmtui.engine.autocomplete.ngram_index import Concordance
from lstmtui.engine.autocomplete.ngram_mixture import LINE, Counted, Memory, Told, Written, mix, words_before
from lstmtui.engine.autocomplete.question import Question
from lstmtui.engine.autocomplete.search import Found


def blend(memory, found, before, word):
    """Mix what goes on with `word`, a space after `before`."""
    return memory.blend(found, Question(before, b" " + word, word), 5)


def test_mixing_is_a_weighted_mean_of_what_goes_on_as_typed():
    found = Found({b"t": 0.5, b"p": 0.25}, log_typed=math.log(0.4))
    mixed = mix(found, [Told({b"mat": 0.5, b"ma": 0.1, b"mad": 0.1}, 0.8, 0.25)], b"ma")
    typed = 0.75 * 0.4 + 0.25 * 0.8
    expected = {b"t": 0.75 * 0.2 + 0.25 * 0.5, b"p": 0.075, b"d": 0.025}
    assert mixed.words == pytest.approx({word: p / typed for word, p in expected.items()})
    assert mixed.over == pytest.approx(0.025 / typed)


def test_a_source_that_knows_nothing_of_what_is_typed_says_nothing():
    found = Found({b"ing": 0.5}, log_typed=math.log(0.02))
    assert mix(found, [Told({}, 0.0, 0.5)], b"go").words == pytest.approx({b"ing": 0.5})


def test_a_beginning_that_the_network_never_heard_of_is_left_to_the_sources():
    found = Found({b"ing": 0.5}, log_typed=-2000.0)
    assert mix(found, [Told({b"gone": 0.2}, 0.2, 0.5)], b"go").ranked(1) == [(b"ne", pytest.approx(1.0))]
    assert mix(found, [Told({}, 0.0, 0.5)], b"go").ranked(1) == [(b"ing", 0.5)]


def test_a_word_just_written_is_proposed_again():
    memory = Memory()
    text = b"dear zebulon how are you " * 20
    found = Found({b"ebra": 0.5}, log_typed=math.log(0.002))
    assert blend(memory, found, text + b"dear", b"z").ranked(1)[0][0] == b"ebulon"
    assert blend(Memory(recent=False), found, text + b"dear", b"z").ranked(1)[0][0] == b"ebra"


def test_the_word_after_one_that_is_over_is_mixed_too():
    memory = Memory()
    found = Found({}, over=0.9, spaced=0.8, following={b"sings": 0.02})
    mixed = blend(memory, found, b"dear zebulon how are you " * 20, b"dear")
    assert mixed.ranked(1)[0][0] == b" zebulon"


def test_edits_leave_exactly_the_counts_of_the_text_as_it_stands():
    draw = random.Random(4)
    edited = Memory()
    text = b"one two three two one two\n" * 3
    for _ in range(200):
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice([b"", b" two", b"x", b"\n", b", "]) + text[at + draw.choice([0, 0, 3]) :]
        before = text[: draw.choice([len(text), at])]
        fresh = Memory()
        found = Found({b"wo": 0.3})
        assert blend(edited, found, before, b"t").words == blend(fresh, found, before, b"t").words
        assert edited._recent._counts == fresh._recent._counts


def test_after_punctuation_nothing_is_mixed_in():
    memory = Memory([Counted(Concordance.of([b"a b c " * 500]), (0.5,) * 5)])
    found = Found({b" b": 0.2})
    assert memory.blend(found, Question(b"a,", b"", b"", starts=False), 5) is found
    assert memory.blend(found, Question(b"a", b" ", b""), 5) is not found


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
    found = Found({b"at": 0.2, b"ar": 0.2, b"an": 0.2, b"ow": 0.2}, over=0.1, log_typed=math.log(0.5))
    mixed = blend(leaning, found, b"a car or a car or two " * 30 + b"the", b"c")
    words = {word: mixed.words[word] for word in (b"at", b"ar", b"an")}
    assert words[b"ar"] > 3 * max(words[b"an"], words[b"at"])
    assert sum(mixed.words.values()) + mixed.over <= 1 + 1e-9


def test_a_spelling_that_was_used_once_never_leads_over_a_common_word():
    text = Counted(Concordance.of([b"the ten tell of ten teas\n" * 50]), (0.2,))
    found = Found({b"n": 0.02, b"ll": 0.01}, log_typed=math.log(1e-4))

    def ranked(written, before=b"of", word=b"te"):
        memory = Memory([text, Written(Concordance.of([written]), (0.9,))])
        return dict(blend(memory, found, before, word).ranked(9))

    once = ranked(b"the end of teh story " + b"and more " * 500)
    assert once[b"h"] < once[b"n"]
    assert once[b"h"] == pytest.approx(0.9 * once[b"n"])
    twice = ranked(b"teh end of teh story " + b"and more " * 500)
    assert max(twice, key=twice.__getitem__) == b"h"
    assert sum(once.values()) <= 1 + 1e-9
    # What only this person writes is proposed at once where no common word begins so, or when it is met again.
    assert max(ranked(b"dear zebulon", b"dear", b"zeb").items(), key=lambda entry: entry[1])[0] == b"ulon"
    again = ranked(b"the end of teh story " + b"and more " * 500, b"teh cat and teh dog of")
    assert again[b"h"] > again[b"n"]
