"""Whether text to validate on is like the text that is trained on, by the characters that occur in both."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

SAMPLE_BYTES = 1 << 20
"""Bytes of each text that are looked at, from all over."""
SAMPLE_PIECES = 16
"""Pieces that a sample is made of."""
MAX_UNKNOWN = 0.01
"""The share of characters that the training text does not have, from which they are worth a warning."""
MAX_DISTANCE = 0.2
"""The share of characters that would have to be others for one text to have the characters of the other as often."""
MIN_CHARACTERS = 200
"""Fewer characters say nothing."""


def difference_warning(train: Iterable[bytes], valid: Iterable[bytes]) -> str | None:
    """Return a sentence on how samples of text to validate on and to train on differ; None where they are alike."""
    seen, unseen = _characters(train), _characters(valid)
    here, there = sum(seen.values()), sum(unseen.values())
    if min(here, there) < MIN_CHARACTERS:
        return None
    unknown = Counter({c: n for c, n in unseen.items() if c not in seen})
    share = sum(unknown.values()) / there
    if share > MAX_UNKNOWN:
        examples = " ".join(c for c, _ in unknown.most_common(5))
        return (
            f"{share:.1%} of the validation text are characters that the training text does not have (such as "
            f"{examples}), so its figures say little of the text that is learnt; give other --valid text."
        )
    apart = distance(seen, unseen)
    if apart > MAX_DISTANCE + _chance(seen, unseen):
        return (
            f"The validation text is unlike the training text ({apart:.0%} of its characters would have to be others), "
            f"so its figures say little of the text that is learnt; give other --valid text."
        )
    return None


def distance(one: Counter[str], other: Counter[str]) -> float:
    """Return the total variation distance of two distributions of characters, 0 to 1."""
    n, m = sum(one.values()), sum(other.values())
    return sum(abs(one[c] / n - other[c] / m) for c in one | other) / 2


def _chance(one: Counter[str], other: Counter[str]) -> float:
    """Return twice the distance that samples of one and the same text would have about."""
    n, m = sum(one.values()), sum(other.values())
    each = math.sqrt(2 / math.pi * (1 / n + 1 / m) / (n + m))
    return sum(math.sqrt(count) * each for count in (one + other).values())


def _characters(chunks: Iterable[bytes]) -> Counter[str]:
    return Counter("".join(chunk.decode("utf-8", "ignore") for chunk in chunks))
