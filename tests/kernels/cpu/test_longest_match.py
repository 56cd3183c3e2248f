import numpy as np
import pytest
from lstm_kernels.cpu import longest_match


def slowly(text, short):
    """Return the length of the longest common stretch, by trying all."""
    best = 0
    for at in range(len(short)):
        while at + best < len(short) and tuple(short[at : at + best + 1]) in {
            tuple(text[k : k + best + 1]) for k in range(len(text) - best)
        }:
            best += 1
    return best


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_brute_force(seed):
    random = np.random.default_rng(seed)
    kinds = 1 + seed % 5
    text = random.integers(0, kinds, int(random.integers(0, 80))).astype((np.uint8, np.uint16, np.int32)[seed % 3])
    short = random.integers(0, kinds + 1, int(random.integers(0, 30))).astype(np.int32)
    found = longest_match.longest(text, short, kinds + 1)
    assert found.length == slowly(text, short)
    in_text = text[found.at : found.at + found.length]
    np.testing.assert_array_equal(in_text, short[found.at_short : found.at_short + found.length])


def test_tokens_missing_from_the_long_sequence_end_a_match():
    text = np.array([1, 2, 3, 4, 5, 1, 2, 3], np.int32)
    assert longest_match.longest(text, np.array([9, 2, 3, 9, 3, 4, 5, 9]), 10) == (3, 2, 4)


def test_sequences_of_one_repeated_token():
    assert longest_match.longest(np.zeros(50, np.uint8), np.zeros(7, np.int32), 1).length == 7
