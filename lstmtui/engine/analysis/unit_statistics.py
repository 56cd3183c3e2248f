"""What sets a unit apart: the token it reacts to, how slowly it changes, and the spans of text that it marks.

Source of the span search: LSTMVis, Strobelt et al. 2018, arXiv:1606.07461.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

MIN_OCCURRENCES = 5
"""A unit is selective only for tokens that occur this often."""
MAX_SPAN_UNITS = 24
"""Units that a span is searched by: those with the largest activations."""


def selectivity(values: Array, tokens: Array) -> tuple[Array, Array]:
    """Return each unit's highest selectivity (H,) and its token (H,); -1 where no token has MIN_OCCURRENCES.

    values (N, H), tokens (N,). Selectivity is the distance between a unit's mean after a token and its mean after all
    others, divided by the sum of both standard deviations plus 0.05, so that a nearly constant unit is not selective.
    """
    N, H = values.shape
    best, best_token = np.zeros(H, np.float32), np.full(H, -1, np.int64)
    total, squares = values.sum(axis=0), np.square(values).sum(axis=0)
    for token in np.unique(tokens):
        rows = values[tokens == token]
        n, rest = len(rows), N - len(rows)
        if n < MIN_OCCURRENCES or rest < MIN_OCCURRENCES:
            continue
        s, q = rows.sum(axis=0), np.square(rows).sum(axis=0)
        mean, other = s / n, (total - s) / rest
        spread = np.sqrt(np.maximum(q / n - mean**2, 0)) + np.sqrt(np.maximum((squares - q) / rest - other**2, 0))
        distance = np.abs(mean - other) / (spread + 0.05)
        better = distance > best
        best[better], best_token[better] = distance[better], token
    return best, best_token


def slowness(values: Array) -> Array:
    """Return the autocorrelation (H,) of each unit at lag one, given values (N, H): near 1 for slow units."""
    if len(values) < 3:
        return np.zeros(values.shape[1], np.float32)
    centred = values - values.mean(axis=0)
    return np.asarray((centred[1:] * centred[:-1]).sum(axis=0) / np.maximum(np.square(centred).sum(axis=0), 1e-9))


def units_on_in_span(values: Array, first: int, last: int, threshold: float) -> tuple[Array, Array]:
    """Return the units beyond +-threshold at every token from `first` to `last`, and their signs, strongest first.

    Units that are on at more than 4 of 5 tokens of the text are left out: they do not mark the span.
    """
    span = values[first : last + 1]
    low, high = span.min(axis=0), span.max(axis=0)
    signs = np.where(low >= threshold, 1, np.where(high <= -threshold, -1, 0))
    ubiquitous = (values * signs >= threshold).mean(axis=0) > 0.8
    units = np.flatnonzero((signs != 0) & ~ubiquitous)
    strength = np.minimum(np.abs(low), np.abs(high))[units]
    units = units[np.argsort(-strength, kind="stable")][:MAX_SPAN_UNITS]
    return units, signs[units]


def similar_spans(
    values: Array, units: Array, signs: Array, first: int, last: int, threshold: float
) -> list[tuple[int, int, float]]:
    """Return the spans (first, last, share) where most of `units` are on as they are in the given span, best first.

    At each token of such a span, at least three quarters of the units are on; `share` is the mean fraction. Spans at
    least as long as the given one come before shorter ones.
    """
    share = (values[:, units] * signs >= threshold).mean(axis=1)
    on = np.concatenate(([False], share >= 0.75, [False]))
    starts, ends = np.flatnonzero(on[1:] & ~on[:-1]), np.flatnonzero(~on[1:] & on[:-1]) - 1
    found = [
        (int(a), int(b), float(share[a : b + 1].mean()))
        for a, b in zip(starts, ends, strict=True)
        if b < first or a > last
    ]
    length = last - first + 1
    return sorted(found, key=lambda span: (-min(span[1] - span[0] + 1, length), -span[2], span[0]))
