"""Whether validation text resembles the training text, by the frequencies of characters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

SAMPLE_BYTES = 1 << 20
"""Bytes of each text that are sampled."""
SAMPLE_PIECES = 16
"""Pieces of a sample, spread over the text."""
MAX_UNKNOWN = 0.01
"""The fraction of characters missing from the training text above which there is a warning."""
MAX_DISTANCE = 0.2
"""The total variation distance above which there is a warning."""
MIN_CHARACTERS = 200
"""Characters below which a comparison means nothing."""


def difference_warning(train: Iterable[bytes], valid: Iterable[bytes]) -> str | None:
    """Return a sentence on how samples of training and validation text differ; None where they are alike."""
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
            f"{examples}), so its figures say little about the training text; give other --valid text."
        )
    apart = distance(seen, unseen)
    if apart > MAX_DISTANCE + _chance(seen, unseen):
        return (
            f"The validation text is unlike the training text ({apart:.0%} of its characters would have to be others), "
            f"so its figures say little about the training text; give other --valid text."
        )
    return None


def distance(one: Counter[str], other: Counter[str]) -> float:
    """Return the total variation distance of two distributions of characters, 0 to 1."""
    n, m = sum(one.values()), sum(other.values())
    return sum(abs(one[c] / n - other[c] / m) for c in one | other) / 2


def _chance(one: Counter[str], other: Counter[str]) -> float:
    """Return about twice the distance between two samples of one text."""
    n, m = sum(one.values()), sum(other.values())
    each = math.sqrt(2 / math.pi * (1 / n + 1 / m) / (n + m))
    return sum(math.sqrt(count) * each for count in (one + other).values())


def _characters(chunks: Iterable[bytes]) -> Counter[str]:
    return Counter("".join(chunk.decode("utf-8", "ignore") for chunk in chunks))
