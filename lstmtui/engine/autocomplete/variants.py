"""One distribution from the variants of a query: mixed with n-gram counts, corrected, and written as it is typed."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace

from lstmtui.engine.autocomplete.continuations import SPACE, Continuations, is_text
from lstmtui.engine.autocomplete.ngram_mixture import NgramMixture
from lstmtui.engine.autocomplete.query import Query
from lstmtui.engine.autocomplete.spelling_correction import can_be_corrected, fold_case, match_case
from lstmtui.engine.autocomplete.stepper import Node
from lstmtui.engine.inference.token_index import TokenIndex

VARIANT_PROBABILITY = 0.02
"""The probability that a given other form of the typed word is meant."""
MIN_PROBABILITY = 1e-3
"""Less probable words are proposed only if they have been written before."""


@dataclass(frozen=True, slots=True)
class Variant:
    """The network's continuations for one form of the partial word."""

    query: Query
    continuations: Continuations
    prior: float
    """The probability of this form, before any context."""


def combine(variants: list[Variant], token_index: TokenIndex, mixture: NgramMixture | None, k: int) -> Continuations:
    """Return the distribution of proposals from the variants of a query, of which the first is the typed form."""
    query = variants[0].query
    if mixture is not None:
        variants = [replace(v, continuations=mixture.mix(v.continuations, v.query, k)) for v in variants]
    found = variants[0].continuations
    if len(variants) > 1 or not query.forms.plain:
        found = _merge(variants, query)
    if not token_index.whole_words:
        found = _drop_improbable(found, query.partial_word, mixture)
    if query.starts_word and can_be_corrected(query.partial_word) and not _is_known(variants, token_index, mixture):
        similar = variants[0].continuations.similar
        found = _correct(found, query, mixture.similar_words(similar, query) if mixture is not None else similar)
    return found


def _is_known(variants: list[Variant], token_index: TokenIndex, mixture: NgramMixture | None) -> bool:
    """Return whether a word of the vocabulary or of the counts begins with the partial word, in any form."""
    words = [v.query.partial_word for v in variants]
    if token_index.whole_words and any(len(token_index.covering(word)) for word in words):
        return True
    return mixture is not None and any(mixture.has_prefix(word) for word in words)


def _correct(found: Continuations, query: Query, similar: dict[bytes, float]) -> Continuations:
    """Return `found` with corrections of the partial word, weighed by their words and typing errors."""
    typed = query.partial_word.decode("utf-8", "replace")
    forms: dict[str, dict[str, float]] = defaultdict(dict)
    for word, p in similar.items():
        if is_text(word):
            forms[fold_case(word)][word.decode()] = p
    corrections: dict[bytes, float] = defaultdict(float)
    for cased in forms.values():
        best = max(cased, key=lambda word: (word[:1].islower() == typed[:1].islower(), cased[word], word))
        word = query.forms.restore(match_case(best, typed).encode())
        corrections[word] += sum(cased.values())
    unknown = math.exp(found.log_typed) if found.log_typed < 0.0 else 0.0
    total = unknown + sum(corrections.values())
    if total <= unknown:
        return found
    share = unknown / total
    return replace(
        found,
        words={added: share * p for added, p in found.words.items() if share * p >= MIN_PROBABILITY},
        complete=0.0,  # no next words before this one is correct
        corrections={word: p / total for word, p in corrections.items() if p / total >= MIN_PROBABILITY},
    )


def _drop_improbable(found: Continuations, partial_word: bytes, mixture: NgramMixture | None) -> Continuations:
    """Drop improbable words that have never been written."""

    def stays(word: bytes, p: float) -> bool:
        return p >= MIN_PROBABILITY or (mixture is not None and mixture.contains(word))

    after = found.complete * found.spaced
    return replace(
        found,
        words={added: p for added, p in found.words.items() if stays(partial_word + added, p)},
        next_words={word: p for word, p in found.next_words.items() if stays(word, after * p)},
    )


def _merge(variants: list[Variant], query: Query) -> Continuations:
    """Return one distribution over all variants, each weighed by its prior and its probability in context."""
    logs = [v.continuations.log_typed + math.log(v.prior) for v in variants]
    highest = max(logs)
    weights = [math.exp(log - highest) for log in logs]
    total = sum(weights)
    words: dict[bytes, float] = defaultdict(float)
    next_words: dict[bytes, float] = defaultdict(float)
    best: dict[bytes, float] = {}
    end_nodes: dict[bytes, Node] = {}
    vocabulary_forms: dict[bytes, bytes] = {}
    complete = spaced = 0.0

    def note(text: bytes, known: bytes, p: float, v: Variant) -> None:
        """Remember where `text` leads, if this variant is its most probable one so far."""
        if p > best.get(text, 0.0):
            best[text], vocabulary_forms[text] = p, v.query.prefix + known
            if known in v.continuations.end_nodes:
                end_nodes[text] = v.continuations.end_nodes[known]

    for weight, v in zip(weights, variants, strict=True):
        share, found = weight / total, v.continuations
        for added, p in found.words.items():
            text = query.forms.restore(added, v.query.partial_word, query.partial_word)
            words[text] += share * p
            note(text, added, share * p, v)
        complete += share * found.complete
        after = share * found.complete * found.spaced
        spaced += after
        for word, p in found.next_words.items():
            text = query.forms.restore(word)
            next_words[text] += after * p
            note(SPACE + text, SPACE + word, after * p, v)
    return Continuations(
        dict(words),
        complete,
        spaced / complete if complete > 0.0 else 0.0,
        {word: p / spaced for word, p in next_words.items() if spaced > 0.0},
        highest + math.log(total),
        end_nodes,
        {
            query.forms.restore(word, v.query.partial_word, query.partial_word): (
                query.forms.restore(text, v.query.partial_word, query.partial_word),
                share,
            )
            for v in reversed(variants)
            for word, (text, share) in v.continuations.runs.items()
        },
        vocabulary_forms,
    )
