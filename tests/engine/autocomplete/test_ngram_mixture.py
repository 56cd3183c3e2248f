"""N-gram counts are mixed with the network, also those of an edited text."""

import math
import random

import pytest

from lstmtui.engine.autocomplete.continuations import Continuations
from lstmtui.engine.autocomplete.ngram_index import NgramIndex
from lstmtui.engine.autocomplete.ngram_mixture import LINE_END, NgramMixture, interpolate, words_before
from lstmtui.engine.autocomplete.ngram_sources import Estimate, IndexedText, ProfileText
from lstmtui.engine.autocomplete.query import Query


def mix(mixture, found, before, word):
    """Mix continuations of `word`, a space after `before`."""
    return mixture.mix(found, Query(before, b" " + word, word), 5)


def test_interpolation_is_a_weighted_mean_given_the_typed_prefix():
    found = Continuations({b"t": 0.5, b"p": 0.25}, log_typed=math.log(0.4))
    mixed = interpolate(found, [Estimate({b"mat": 0.5, b"ma": 0.1, b"mad": 0.1}, 0.8, 0.25)], b"ma")
    typed = 0.75 * 0.4 + 0.25 * 0.8
    expected = {b"t": 0.75 * 0.2 + 0.25 * 0.5, b"p": 0.075, b"d": 0.025}
    assert mixed.words == pytest.approx({word: p / typed for word, p in expected.items()})
    assert mixed.complete == pytest.approx(0.025 / typed)


def test_a_source_without_the_prefix_changes_nothing():
    found = Continuations({b"ing": 0.5}, log_typed=math.log(0.02))
    assert interpolate(found, [Estimate({}, 0.0, 0.5)], b"go").words == pytest.approx({b"ing": 0.5})


def test_a_prefix_impossible_for_the_network_is_left_to_the_sources():
    found = Continuations({b"ing": 0.5}, log_typed=-2000.0)
    assert interpolate(found, [Estimate({b"gone": 0.2}, 0.2, 0.5)], b"go").ranked(1) == [(b"ne", pytest.approx(1.0))]
    assert interpolate(found, [Estimate({}, 0.0, 0.5)], b"go").ranked(1) == [(b"ing", 0.5)]


def test_a_word_just_written_is_proposed_again():
    mixture = NgramMixture()
    text = b"dear zebulon how are you " * 20
    found = Continuations({b"ebra": 0.5}, log_typed=math.log(0.002))
    assert mix(mixture, found, text + b"dear", b"z").ranked(1)[0][0] == b"ebulon"
    assert mix(NgramMixture(recent=False), found, text + b"dear", b"z").ranked(1)[0][0] == b"ebra"


def test_next_words_after_a_complete_word_are_mixed_too():
    mixture = NgramMixture()
    found = Continuations({}, complete=0.9, spaced=0.8, next_words={b"sings": 0.02})
    mixed = mix(mixture, found, b"dear zebulon how are you " * 20, b"dear")
    assert mixed.ranked(1)[0][0] == b" zebulon"


def test_edits_leave_the_counts_of_the_current_text():
    draw = random.Random(4)
    edited = NgramMixture()
    text = b"one two three two one two\n" * 3
    for _ in range(200):
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice([b"", b" two", b"x", b"\n", b", "]) + text[at + draw.choice([0, 0, 3]) :]
        before = text[: draw.choice([len(text), at])]
        fresh = NgramMixture()
        found = Continuations({b"wo": 0.3})
        assert mix(edited, found, before, b"t").words == mix(fresh, found, before, b"t").words
        assert edited._recent._counts == fresh._recent._counts


def test_nothing_is_mixed_after_punctuation():
    mixture = NgramMixture([IndexedText(NgramIndex.from_chunks([b"a b c " * 500]), (0.5,) * 5)])
    found = Continuations({b" b": 0.2})
    assert mixture.mix(found, Query(b"a,", b"", b"", starts_word=False), 5) is found
    assert mixture.mix(found, Query(b"a", b" ", b""), 5) is not found


def test_the_words_before_are_those_of_the_line():
    assert words_before(b"one\ntwo, three ") == [b"two", b"three"]
    assert words_before(b"a b c d e f") == [b"c", b"d", b"e", b"f"]
    assert words_before(b"") == []
    assert words_before(b"line\n") == []
    assert words_before(b"x" * 1000 + b" y z") == [b"y", b"z"]
    assert LINE_END not in words_before(b"a\nb")


def test_words_more_frequent_than_expected_gain_and_others_lose():
    text = NgramIndex.from_chunks([b"the cat sat by the car and the can " * 200])
    mixture = NgramMixture([IndexedText(text, (0.5,) * 5)])
    found = Continuations({b"at": 0.2, b"ar": 0.2, b"an": 0.2, b"ow": 0.2}, complete=0.1, log_typed=math.log(0.5))
    mixed = mix(mixture, found, b"a car or a car or two " * 30 + b"the", b"c")
    words = {word: mixed.words[word] for word in (b"at", b"ar", b"an")}
    assert words[b"ar"] > 3 * max(words[b"an"], words[b"at"])
    assert sum(mixed.words.values()) + mixed.complete <= 1 + 1e-9


def test_a_form_written_once_never_leads_over_a_common_word():
    text = IndexedText(NgramIndex.from_chunks([b"the ten tell of ten teas\n" * 50]), (0.2,))
    found = Continuations({b"n": 0.02, b"ll": 0.01}, log_typed=math.log(1e-4))

    def ranked(written, before=b"of", word=b"te"):
        mixture = NgramMixture([text, ProfileText(NgramIndex.from_chunks([written]), (0.9,))])
        return dict(mix(mixture, found, before, word).ranked(9))

    once = ranked(b"the end of teh story " + b"and more " * 500)
    assert once[b"h"] < once[b"n"]
    assert once[b"h"] == pytest.approx(0.9 * once[b"n"])
    twice = ranked(b"teh end of teh story " + b"and more " * 500)
    assert max(twice, key=twice.__getitem__) == b"h"
    assert sum(once.values()) <= 1 + 1e-9
    # Words of the user's own lead where no common word has the prefix, or when they occur again.
    assert max(ranked(b"dear zebulon", b"dear", b"zeb").items(), key=lambda entry: entry[1])[0] == b"ulon"
    again = ranked(b"the end of teh story " + b"and more " * 500, b"teh cat and teh dog of")
    assert again[b"h"] > again[b"n"]
