"""Whether validation text resembles the training text."""

from __future__ import annotations

from collections import Counter

import pytest

from lstmtui.data.likeness import difference_warning, distance

ENGLISH = b"the quick brown fox jumps over the lazy dog and runs away from it. " * 20


def test_texts_of_one_kind_give_no_warning():
    assert difference_warning([ENGLISH], [ENGLISH[:600]]) is None


def test_characters_that_training_lacks_are_named():
    warning = difference_warning([ENGLISH], ["größer ".encode() * 100])
    assert warning is not None
    assert "ö" in warning


def test_another_distribution_of_characters_is_reported():
    warning = difference_warning([ENGLISH], [b"zzz qqq " * 100])
    assert warning is not None
    assert "unlike the training text" in warning


def test_short_texts_give_no_warning():
    assert difference_warning([ENGLISH], ["ö".encode() * 50]) is None


@pytest.mark.parametrize(("one", "other", "expected"), [("ab", "ab", 0.0), ("aa", "bb", 1.0), ("ab", "aa", 0.5)])
def test_the_distance_is_that_of_total_variation(one, other, expected):
    assert distance(Counter(one), Counter(other)) == pytest.approx(expected)
