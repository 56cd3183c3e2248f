"""Sampling the next token: a distribution from logits by temperature, top-k and top-p, and a draw from it."""

from __future__ import annotations

import math

import numpy as np

from lstm_kernels.jit import kernel


@kernel
def distribution(logits, temperature, top_k, top_p, banned, p):
    """Fill p (V,) float64 with the probabilities to draw from, which sum to 1.

    logits       (V,)  in
    temperature  0 takes the likeliest token; must be finite
    top_k        keeps the k likeliest tokens and those as likely as the last of them; 0 for all
    top_p        keeps the likeliest tokens until their sum reaches it (Holtzman et al. 2020, arXiv:1904.09751); 1: all
    banned       a token that is excluded, unless it is the only one; negative for none
    """
    V = len(logits)
    if V == 1:
        banned = -1
    best = 1 if banned == 0 else 0
    for v in range(V):
        if logits[v] > logits[best] and v != banned:
            best = v
    for v in range(V):
        p[v] = 0.0
    if temperature == 0:
        p[best] = 1.0
    else:
        for v in range(V):
            if v != banned:
                p[v] = math.exp((np.float64(logits[v]) - np.float64(logits[best])) / temperature)
        _scale(p)
        if 0 < top_k < V:
            least = _descending(p)[top_k - 1]
            for v in range(V):
                if p[v] < least:
                    p[v] = 0.0
            _scale(p)
        if top_p < 1:
            _nucleus(p, top_p)
            _scale(p)


@kernel
def _nucleus(p, top_p):
    """Set to 0 all but the likeliest tokens that together reach `top_p`; of equally likely ones the first stay."""
    ordered = _descending(p)
    kept, reached = 0, 0.0
    while kept < len(p) and reached < top_p:
        reached += ordered[kept]
        kept += 1
    least, ties = ordered[kept - 1], 0
    for at in range(kept):
        if ordered[at] == least:
            ties += 1
    for v in range(len(p)):
        if p[v] == least and ties > 0:
            ties -= 1
        elif p[v] <= least:
            p[v] = 0.0


@kernel
def _descending(p):
    """Return a sorted copy. Shell's sort with Knuth's gaps; np.sort would take seconds to compile."""
    values = p.copy()
    gap = 1
    while gap < len(p) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for at in range(gap, len(p)):
            value, place = values[at], at
            while place >= gap and values[place - gap] < value:
                values[place] = values[place - gap]
                place -= gap
            values[place] = value
        gap //= 3
    return values


@kernel
def _scale(p):
    total = 0.0
    for v in range(len(p)):
        total += p[v]
    for v in range(len(p)):
        p[v] /= total


@kernel
def draw(p, uniform):
    """Return the token that a random number in [0, 1) selects from p (V,), which sums to about 1."""
    last, reached = 0, 0.0
    for v in range(len(p)):
        if p[v] > 0:
            last = v
            reached += p[v]
            if uniform < reached:
                return v
    return last  # rounding may leave the sum a little below 1


@kernel
def surprise(logits, token):
    """Return -ln of the probability of a token under the softmax of logits (V,): at temperature 1, of all tokens."""
    best, total = np.float64(logits[0]), 0.0
    for v in range(len(logits)):
        best = max(best, np.float64(logits[v]))
    for v in range(len(logits)):
        total += math.exp(np.float64(logits[v]) - best)
    return best + math.log(total) - np.float64(logits[token])
