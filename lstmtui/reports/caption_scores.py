"""How alike captions are to those that people gave: exact matches, word F1 and CIDEr-D.

    scores = caption_scores(["a red car"], [("a car", "the red car")], ["car"])

Words are lower-case, between spaces, without punctuation around them. BLEU is that of `translation_scores`.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_ORDER, SIGMA, SCALE = 4, 6.0, 10.0
"""Of CIDEr-D: words of the longest n-gram, the standard deviation of the penalty on lengths, and the highest score."""
PUNCTUATION = ".,;:!?()[]{}\"'“”‘’«»…–—"
Gram = tuple[str, ...]


class CaptionScores(NamedTuple):
    """Means over pictures."""

    exact: float
    """The part of the captions that have the words of a reference, in their order."""
    f1: float
    """Word F1, that with the reference that is most alike; 1 is the best."""
    concept_f1: float
    """The mean over concepts of that of their pictures; a picture without a concept is one of its own."""
    cider: float
    """CIDEr-D; 10 is the best, of captions of four words and more."""


def caption_scores(
    found: Sequence[str], references: Sequence[Sequence[str]], concepts: Sequence[str] = ()
) -> CaptionScores:
    """Return the scores of the captions `found`, one a picture, each with one or more references.

    concepts   of each picture, empty where unknown; none at all: each is one of its own
    """
    own = [words(caption) for caption in found]
    wanted = [[words(reference) for reference in texts] for texts in references]
    f1 = [max(_f1(mine, its) for its in texts) for mine, texts in zip(own, wanted, strict=True)]
    by_concept: dict[str | int, list[float]] = defaultdict(list)
    for n, score in enumerate(f1):
        by_concept[(concepts[n] if concepts else "") or n].append(score)
    return CaptionScores(
        exact=_mean(mine in texts for mine, texts in zip(own, wanted, strict=True)),
        f1=_mean(f1),
        concept_f1=_mean(map(_mean, by_concept.values())),
        cider=_mean(cider_d(found, references)),
    )


def words(caption: str) -> list[str]:
    """Return the words of a caption; one that is punctuation throughout stays as it is."""
    return [word.strip(PUNCTUATION) or word for word in caption.lower().split()]


def word_f1(found: str, reference: str) -> float:
    """Return the harmonic mean of precision and recall of the words, whatever their order; 0 to 1."""
    return _f1(words(found), words(reference))


def _f1(found: Sequence[str], reference: Sequence[str]) -> float:
    together = len(found) + len(reference)
    return 2 * (Counter(found) & Counter(reference)).total() / together if together else 1.0


def _mean(values: Iterable[float]) -> float:
    """Return the mean; NaN of nothing."""
    listed = list(values)
    return statistics.fmean(listed) if listed else math.nan


# --- CIDEr-D ----------------------------------------------------------------------------------------------------------


def cider_d(found: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """Return the CIDEr-D of each caption, 0 to 10.

    Words that few pictures have count more: an n-gram is weighted with log(pictures / pictures whose references have
    it), so figures of different test sets do not compare. That of a single picture is 0. A caption of fewer than
    four words lacks the higher orders, and has less than 10 even where it is exact.

    Source: Vedantam, Zitnick and Parikh 2015, arXiv:1411.5726, sections 4 and 6, without their stemming.
    """
    wanted = [[_grams(words(reference)) for reference in texts] for texts in references]
    pictures_with = Counter(gram for texts in wanted for gram in set().union(*texts))
    log_pictures = math.log(max(1, len(wanted)))

    def weighted(grams: Counter[Gram]) -> list[dict[Gram, float]]:
        """Return the TF-IDF vector of each order."""
        vectors: list[dict[Gram, float]] = [{} for _ in range(MAX_ORDER)]
        for gram, count in grams.items():
            vectors[len(gram) - 1][gram] = count * (log_pictures - math.log(max(1, pictures_with[gram])))
        return vectors

    scores = []
    for caption, texts in zip(found, wanted, strict=True):
        mine, length = weighted(_grams(words(caption))), len(words(caption))
        each = [_similarity(mine, weighted(grams), length - _length(grams)) for grams in texts]
        scores.append(SCALE * _mean(each))
    return scores


def _grams(caption: Sequence[str]) -> Counter[Gram]:
    """Return how often each n-gram of every order stands in a caption."""
    return Counter(tuple(caption[at : at + n]) for n in range(1, MAX_ORDER + 1) for at in range(len(caption) - n + 1))


def _length(grams: Counter[Gram]) -> int:
    """Return the words of a caption with these n-grams."""
    return sum(count for gram, count in grams.items() if len(gram) == 1)


def _similarity(found: Sequence[dict[Gram, float]], wanted: Sequence[dict[Gram, float]], difference: int) -> float:
    """Return the mean over orders of the cosine of two captions; no n-gram counts more often than the reference has
    it, and a `difference` in length is penalised."""
    total = 0.0
    for mine, its in zip(found, wanted, strict=True):
        norm = math.hypot(*mine.values()) * math.hypot(*its.values())
        if norm:
            total += sum(min(value, its.get(gram, 0.0)) * its.get(gram, 0.0) for gram, value in mine.items()) / norm
    return total / MAX_ORDER * math.exp(-(difference**2) / (2 * SIGMA**2))
