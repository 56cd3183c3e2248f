"""Connectionist temporal classification: loss and gradient of logits whose alignment with the labels is not known.

    p(labels) = sum over all paths of T frames that collapse to the labels (equal neighbours merged, blanks left out)

The states of an utterance of U labels are U + 1 blanks with the labels between them. alpha sums the paths that lead to
a state, beta those that lead on from it, both in the log domain:

    alpha_t(blank u) = y_t(0)   + log(e^alpha_{t-1}(blank u) + e^alpha_{t-1}(label u - 1))
    alpha_t(label u) = y_t(l_u) + log(e^alpha_{t-1}(label u) + e^alpha_{t-1}(blank u) + e^alpha_{t-1}(label u - 1))

the last only where the two labels differ; y is the log-softmax of the logits. beta is the same backwards, and the
gradient is softmax - posterior, where the posterior of a state is e^(alpha + beta) over the sum of them in its frame.

alpha and beta are held relative to the largest of their frame, and what is taken off is added up in float64: so small
numbers stay exact in long utterances, and the gradient of a frame sums to 0. An utterance is one turn of one thread.

Source: Graves et al. 2006, https://doi.org/10.1145/1143844.1143891
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from lstm_kernels.activations import A3, A5, A7, A9, A11, A13, ONE, TWO, exp, zero
from lstm_kernels.cpu.softmax import largest_of, sum_exp_in_place
from lstm_kernels.interface import CTCTargets
from lstm_kernels.jit import FASTMATH, SUMS, inlined, threaded

Array = np.ndarray[Any, Any]

IMPOSSIBLE = -1e30
"""Log-probability of a state that no path reaches: finite, so that differences of two are."""


@inlined
def _log32(x):
    # For 1 <= x <= 3 as 2 log(sqrt(x)); log(1 + u) = 2 artanh(s) for s = u / (2 + u), a series in s^2 <= 0.072
    u = math.sqrt(x) - ONE
    s = u / (TWO + u)
    q = s * s
    p = (((((A13 * q + A11) * q + A9) * q + A7) * q + A5) * q + A3) * q + ONE
    return (TWO + TWO) * s * p


@inlined
def _log64(x):
    return math.log(x)


def log(x: Any) -> Any:
    """Return the logarithm of 1 <= x <= 3."""
    return _log32(x) if isinstance(x, np.float32) else _log64(x)


@overload(log, jit_options={"forceinline": True, "fastmath": set(FASTMATH)})
def _compile_log(x):
    return _log32 if x == types.float32 else _log64


@inlined
def log_add(a, b):
    """Return log(e^a + e^b)."""
    largest = a if a > b else b
    return largest + log(exp(a - largest) + exp(b - largest))


@inlined
def log_add3(a, b, c):
    """Return log(e^a + e^b + e^c)."""
    largest = a if a > b else b
    largest = c if c > largest else largest
    return largest + log(exp(a - largest) + exp(b - largest) + exp(c - largest))


def work_shape(T: int, B: int, U: int) -> tuple[int, ...]:
    """Return the shape of the `work` that `loss` needs for B utterances of up to T frames and U labels."""
    return B, T + 2, 3, U + 2


# Of the work of an utterance, (T + 2, 3, U + 2), a frame has in [0] its blanks, from 0 to U; in [1] label u at u + 1,
# where 0 and the last are impossible; in [2] the log-softmax of the blank at 0, that of label u at u + 1, and last
# the factor that makes exponentials the softmax. The two frames behind hold beta, beta + y of the next, and `apart`:
# at u + 1 what the step from label u - 1 to label u costs, 0 or impossible.


@register_jitable
def _is_alignable(labels, frames):
    """Return whether there is a path: a frame for each label, and one for the blank between equal neighbours."""
    needed = labels.shape[0]
    for u in range(1, labels.shape[0]):
        needed += labels[u] == labels[u - 1]
    return frames >= needed


@register_jitable(fastmath=set(SUMS))
def _subtract_largest(blanks, labels, U):
    """Make a frame relative to its largest value, and return that."""
    largest = blanks[0]
    for u in range(1, U + 1):
        largest = blanks[u] if blanks[u] > largest else largest
        largest = labels[u] if labels[u] > largest else largest
    for u in range(U + 1):
        blanks[u] -= largest
        labels[u] -= largest
    return largest


@register_jitable
def _log_softmax(row, labels, y, scale):
    """Fill y with that of a frame's logits, and turn them into exponentials."""
    U = labels.shape[0]
    y[0] = row[0]
    for u in range(U):
        y[u + 1] = row[labels[u]]
    largest = largest_of(row)
    total = sum_exp_in_place(row, largest)
    log_total = row.dtype.type(math.log(total))
    for u in range(U + 1):
        y[u] = (y[u] - largest) - log_total  # never above 0
    y[U + 1] = scale / total


@register_jitable
def _forward(work, apart, n, U):
    """Fill alpha for n frames, and return log p(labels)."""
    impossible, taken_off = work.dtype.type(IMPOSSIBLE), 0.0
    for t in range(n):
        blanks, labels, y = work[t, 0], work[t, 1], work[t, 2]
        if t == 0:
            blanks[:] = impossible
            labels[:] = impossible
            blanks[0] = y[0]
            if U > 0:
                labels[1] = y[1]
        else:
            blanks_before, labels_before = work[t - 1, 0], work[t - 1, 1]
            for u in range(U + 1):
                blanks[u] = log_add(blanks_before[u], labels_before[u]) + y[0]
            labels[0] = impossible
            for u in range(1, U + 1):
                label_before = labels_before[u - 1] + apart[u]
                labels[u] = log_add3(labels_before[u], blanks_before[u - 1], label_before) + y[u]
        taken_off += _subtract_largest(blanks, labels, U)
    return taken_off + log_add(work[n - 1, 0, U], work[n - 1, 1, U])


@register_jitable
def _beta(work, t, last, beta_blanks, beta_labels, next_blanks, next_labels, apart, U):
    """Turn beta of frame t + 1 into that of frame t."""
    impossible = work.dtype.type(IMPOSSIBLE)
    if last:
        beta_blanks[:] = impossible
        beta_labels[:] = impossible
        beta_blanks[U] = 0
        beta_labels[U] = 0 if U > 0 else impossible
        return
    y = work[t + 1, 2]
    for u in range(U + 1):
        next_blanks[u] = beta_blanks[u] + y[0]
        next_labels[u] = beta_labels[u] + y[u]
    next_labels[U + 1] = impossible
    for u in range(U + 1):
        beta_blanks[u] = log_add(next_blanks[u], next_labels[u + 1])
    for u in range(1, U + 1):
        beta_labels[u] = log_add3(next_labels[u], next_blanks[u], next_labels[u + 1] + apart[u + 1])
    _subtract_largest(beta_blanks, beta_labels, U)


@register_jitable(fastmath=set(SUMS))
def _posterior(blanks, labels, beta_blanks, beta_labels, U):
    """Turn alpha of a frame into the posterior of its states, but for the factor that is returned."""
    for u in range(U + 1):
        blanks[u] += beta_blanks[u]
        labels[u] += beta_labels[u]
    _subtract_largest(blanks, labels, U)
    total = zero(blanks[0])
    for u in range(U + 1):
        blanks[u] = exp(blanks[u])
        labels[u] = exp(labels[u])
        total += blanks[u] + labels[u]
    return total


@threaded
def _loss(k, threads, logits, lengths, labels, label_lengths, nll, aligned, work, scale):
    (T, B, V), scale = logits.shape, logits.dtype.type(scale)
    for b in range(k * B // threads, (k + 1) * B // threads):
        n, U = lengths[b], label_lengths[b]
        of_b = labels[b, :U]
        aligned[b] = _is_alignable(of_b, n)
        nll[b] = 0
        for t in range(n if aligned[b] else 0, T):
            logits[t, b] = 0
        if n == 0 or not aligned[b]:
            continue
        here = work[b, :, :, : U + 2]
        apart = work[b, T, 2]
        for u in range(U + 2):
            apart[u] = 0
            if 2 <= u <= U and of_b[u - 1] == of_b[u - 2]:
                apart[u] = IMPOSSIBLE
        for t in range(n):
            _log_softmax(logits[t, b], of_b, work[b, t, 2], scale)
        found = -_forward(here, apart, n, U)
        nll[b] = 0 if found < 0 else found  # rounding must not make it a gain; NaN stays
        beta_blanks, beta_labels = work[b, T, 0], work[b, T, 1]
        for t in range(n - 1, -1, -1):
            _beta(
                here, t, t == n - 1, beta_blanks, beta_labels, work[b, T + 1, 0], work[b, T + 1, 1], apart, U
            )  # fmt: skip
            row, of_blanks, of_labels, factor = logits[t, b], work[b, t, 0], work[b, t, 1], work[b, t, 2, U + 1]
            share = scale / _posterior(of_blanks, of_labels, beta_blanks, beta_labels, U)
            for v in range(V):
                row[v] *= factor
            for u in range(U + 1):
                row[0] -= share * of_blanks[u]
            for u in range(U):
                row[of_b[u]] -= share * of_labels[u + 1]


def loss(
    logits: Array, targets: CTCTargets, nll: Array, aligned: Array, work: Array, scale: float, threads: int
) -> None:
    """Fill nll and aligned, and turn logits into the gradient of scale * sum(nll).

    logits   (T, B, V)    in-out  become scale * (softmax - posterior); 0 behind the last frame of an utterance
    nll      (B,)         out     negative log-likelihood of the labels, in nats, never below 0
    aligned  (B,) int32   out     1, or 0 where there are too few frames for the labels: then loss and gradient are
                                  exactly 0, and the caller counts and reports the utterance
    work     `work_shape` -       of the logits' type
    scale                 in      one over the utterances, or over their labels, for a mean
    """
    _loss(logits, *targets, nll, aligned, work, float(scale), threads)
