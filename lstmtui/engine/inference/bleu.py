"""BLEU of translations, for figures during training: words between spaces, one reference each.

As sacreBLEU computes it with `tok:none` and its default smoothing, `smooth:exp` (Papineni et al. 2002; Post 2018,
arXiv:1804.08771), so that the figure equals the literature's on files that are tokenised already.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

MAX_ORDER = 4
"""Words of the longest n-gram that counts."""


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Return BLEU, from 0 to 100, of all hypotheses together, each with one reference."""
    correct, total = [0] * MAX_ORDER, [0] * MAX_ORDER
    length = reference_length = 0
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        words, expected = hypothesis.split(), reference.split()
        length += len(words)
        reference_length += len(expected)
        for n in range(1, MAX_ORDER + 1):
            correct[n - 1] += (_ngrams(words, n) & _ngrams(expected, n)).total()
            total[n - 1] += max(0, len(words) - n + 1)
    if correct[0] == 0 or total[-1] == 0:
        return 0.0
    brevity = min(1.0, math.exp(1 - reference_length / length))
    return 100 * brevity * math.exp(sum(map(math.log, _precisions(correct, total))) / MAX_ORDER)


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))


def _precisions(correct: Sequence[int], total: Sequence[int]) -> list[float]:
    """Return the precision of each order; the k-th without a match counts as 1 / 2^k matches."""
    found, matches = [], 1.0
    for right, of in zip(correct, total, strict=True):
        if right == 0:
            matches /= 2
        found.append((right or matches) / of)
    return found
