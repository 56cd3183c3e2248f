"""Optimizers over flat arrays of all weights: one pass for the norm, one for clipping, update, decay and average.

Each pass is limited by memory bandwidth.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lstm_kernels.activations import zero
from lstm_kernels.interface import Adam, FlatWeights, Update
from lstm_kernels.jit import SUMS, inlined, threaded

Array = np.ndarray[Any, Any]


BLOCK = 2048
"""Weights that are updated before their average is: few enough that both find them in the first-level cache."""


# Loops run over slices, from 0: an index that could be negative costs a test for each element and prevents vectors.
@threaded(fastmath=SUMS)
def _square_sums(k, threads, g, sums):
    N = g.shape[0]
    low, high = k * N // threads, (k + 1) * N // threads
    # Four streams at once: the processor does not prefetch one far enough ahead (3.7 ms for 80 MB instead of 5.0).
    quarter = (high - low) // 4
    a, b = g[low : low + quarter], g[low + quarter : low + 2 * quarter]
    c, d = g[low + 2 * quarter : low + 3 * quarter], g[low + 3 * quarter : low + 4 * quarter]
    total = 0.0
    for n in range(quarter):
        total += np.float64(a[n]) * np.float64(a[n]) + np.float64(b[n]) * np.float64(b[n])
        total += np.float64(c[n]) * np.float64(c[n]) + np.float64(d[n]) * np.float64(d[n])
    for n in range(low + 4 * quarter, high):
        total += np.float64(g[n]) * np.float64(g[n])
    sums[k] = total


@inlined
def _average(ema, w, new):
    for n in range(w.shape[0]):
        ema[n] += new * (w[n] - ema[n])


@inlined
def _sgd_block(w, g, velocity, lr, momentum, decay, clip):
    for n in range(w.shape[0]):
        velocity[n] = momentum * velocity[n] + (clip * g[n] + decay * w[n])
        w[n] -= lr * velocity[n]


@threaded
def _sgd(k, threads, w, g, velocity, ema, lr, momentum, weight_decay, decayed, clip, new):
    N = w.shape[0]
    number = w.dtype.type
    lr, momentum, weight_decay = number(lr), number(momentum), number(weight_decay)
    clip, new = number(clip), number(new)
    high = (k + 1) * N // threads
    at = k * N // threads
    while at < high:
        # Weight decay applies to all of a block or to none of it.
        end = min(at + BLOCK, decayed if at < decayed else high, high)
        decay = weight_decay if at < decayed else zero(weight_decay)
        _sgd_block(w[at:end], g[at:end], velocity[at:end], lr, momentum, decay, clip)
        if ema.shape[0] > 0:
            _average(ema[at:end], w[at:end], new)
        at = end


@inlined
def _adamw_block(w, g, m, v, rate, beta1, beta2, new1, new2, eps, decay, clip, v_scale):
    for n in range(w.shape[0]):
        g_n = clip * g[n]
        m_n = beta1 * m[n] + new1 * g_n
        v_n = beta2 * v[n] + new2 * (g_n * g_n)
        m[n], v[n] = m_n, v_n
        w[n] = w[n] - decay * w[n] - rate * m_n / (math.sqrt(v_n * v_scale) + eps)


@threaded
def _adamw(k, threads, w, g, m, v, ema, rate, beta1, beta2, eps, shrink, decayed, clip, v_scale, new):
    N = w.shape[0]
    number = w.dtype.type
    rate, eps, shrink, clip, v_scale = number(rate), number(eps), number(shrink), number(clip), number(v_scale)
    new1, new2, beta1, beta2 = number(1.0 - beta1), number(1.0 - beta2), number(beta1), number(beta2)
    new = number(new)
    high = (k + 1) * N // threads
    at = k * N // threads
    while at < high:
        end = min(at + BLOCK, decayed if at < decayed else high, high)
        decay = shrink if at < decayed else zero(shrink)
        _adamw_block(
            w[at:end], g[at:end], m[at:end], v[at:end],
            rate, beta1, beta2, new1, new2, eps, decay, clip, v_scale,
        )  # fmt: skip
        if ema.shape[0] > 0:
            _average(ema[at:end], w[at:end], new)
        at = end


@threaded
def _adapt(k, threads, w, g, trained, scale, pull, lr, decay):
    N = w.shape[0]
    lr, decay = w.dtype.type(lr), w.dtype.type(decay)
    low, high = k * N // threads, (k + 1) * N // threads
    w_k, g_k, trained_k = w[low:high], g[low:high], trained[low:high]
    scale_k, pull_k = scale[low:high], pull[low:high]
    for n in range(w_k.shape[0]):
        w_k[n] += decay * pull_k[n] * (trained_k[n] - w_k[n]) - lr * scale_k[n] * g_k[n]


def norm(g: Array, sums: Array, threads: int) -> float:
    """Return the Euclidean norm of g (n,), summed in float64 in a fixed order.

    g     (n,)        in
    sums  (threads,)  -    float64
    """
    _square_sums(g, sums, threads)
    return math.sqrt(sum(sums.tolist()))


def sgd(weights: FlatWeights, velocity: Array, momentum: float, update: Update, threads: int) -> None:
    """Gradient descent as PyTorch's SGD: velocity = momentum * velocity + g + weight_decay * w; w -= lr * velocity.

    velocity  (n,)  in-out
    """
    (w, g, ema), (lr, clip, weight_decay, decayed, ema_decay) = weights, update
    _sgd(
        w, g, velocity, ema, float(lr), float(momentum), float(weight_decay), decayed, float(clip), 1.0 - ema_decay,
        threads,
    )  # fmt: skip


def adamw(weights: FlatWeights, adam: Adam, update: Update, threads: int) -> None:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), as PyTorch's AdamW."""
    (w, g, ema), (m, v, beta1, beta2, eps, step) = weights, adam
    lr, clip, weight_decay, decayed, ema_decay = update
    rate, v_scale = lr / (1.0 - beta1**step), 1.0 / (1.0 - beta2**step)
    shrink = lr * weight_decay
    _adamw(
        w, g, m, v, ema, rate, float(beta1), float(beta2), float(eps), shrink, decayed, float(clip), v_scale,
        1.0 - ema_decay, threads,
    )  # fmt: skip


def adapt(w: Array, g: Array, trained: Array, scale: Array, pull: Array, lr: float, decay: float, threads: int) -> None:
    """Gradient descent that decays towards trained weights: w += decay * pull * (trained - w) - lr * scale * g.

    w                        (n,)  in-out
    g, trained, scale, pull  (n,)  in

    Source: Krause et al. 2018, arXiv:1709.07432, equations 4 (scale and pull 1) and 6.
    """
    _adapt(w, g, trained, scale, pull, float(lr), float(decay), threads)
