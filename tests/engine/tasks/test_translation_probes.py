"""Probes of a translation model."""

import numpy as np
import pytest

from lstmtui.data.pairs import Pairs, encode_pairs, train_tokenizers
from lstmtui.engine.tasks.translation_probes import SHOWN_TOKENS, shown_pair


@pytest.mark.parametrize(("lengths", "expected"), [((3, 9, 30), 1), ((20, 15, 15), 1), ((SHOWN_TOKENS,), 0)])
def test_the_pair_that_is_shown_has_a_middling_length(lengths, expected):
    lines = tuple(" ".join("ab"[n % 2] for n in range(length)) for length in lengths)
    pairs = Pairs(lines, ("b",) * len(lines))
    tokenizers = train_tokenizers(pairs, "words", 100, joint=False)
    assert shown_pair(encode_pairs(pairs, tokenizers)) == expected


def test_the_shown_pair_counts_the_longer_side():
    pairs = Pairs(("a", "a"), ("b", "b " * (SHOWN_TOKENS - 1) + "b"))
    tokenizers = train_tokenizers(pairs, "words", 100, joint=False)
    tokens = encode_pairs(pairs, tokenizers)
    assert shown_pair(tokens) == int(np.argmax(tokens.target.lengths))
