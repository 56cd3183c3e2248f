"""Word and character error rates: against jiwer, and by hand."""

from __future__ import annotations

import math

import jiwer
import numpy as np
import pytest

from lstmtui.engine.inference.error_rates import Errors, character_errors, count_errors, word_errors


def random_texts(seed):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(["a", "b", "no", "yes"], random.integers(1, 9))) for _ in range(20)]


@pytest.mark.parametrize("seed", range(5))
def test_rates_equal_those_of_jiwer(seed):
    references, hypotheses = random_texts(seed), random_texts(seed + 100)
    hypotheses[0] = ""
    words = word_errors(references, hypotheses)
    assert words.rate == pytest.approx(jiwer.wer(references, hypotheses), abs=1e-12)
    assert character_errors(references, hypotheses).rate == pytest.approx(jiwer.cer(references, hypotheses), abs=1e-12)
    assert words.length == sum(len(text.split()) for text in references)


def test_each_kind_of_error_is_counted():
    assert count_errors("abc", "abc") == Errors(0, 0, 0, 3)
    assert count_errors("abc", "axc") == Errors(1, 0, 0, 3)
    assert count_errors("abc", "ac") == Errors(0, 1, 0, 3)
    assert count_errors("abc", "abxc") == Errors(0, 0, 1, 3)
    assert count_errors("", "ab") == Errors(0, 0, 2, 0)
    assert count_errors(["no", "yes"], []) == Errors(0, 2, 0, 2)


def test_spaces_beside_and_between_words_are_no_errors():
    assert word_errors(["no  yes "], [" no yes"]).edits == 0
    assert character_errors(["no  yes "], [" no yes"]).edits == 0


def test_no_reference_has_no_rate():
    assert math.isnan(word_errors([], []).rate)
    assert word_errors(["", "a"], ["b", "a"]).rate == 1
