"""Optimizers over the flat arena of parameters: one norm, one clip, one update.

Weight decay applies to the first `decayed` values only. `clip` is a factor on the gradient, from its norm.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import prange

from lstm_kernels.activations import zero
from lstm_kernels.compile import SUMS, threaded

Array = np.ndarray[Any, Any]


@threaded(fastmath=SUMS)
def _square_sums(g, sums, threads):
    N = g.shape[0]
    for k in prange(threads):
        total = 0.0
        for n in range(k * N // threads, (k + 1) * N // threads):
            total += np.float64(g[n]) * np.float64(g[n])
        sums[k] = total


@threaded
def _sgd(w, g, velocity, lr, momentum, weight_decay, decayed, clip, threads):
    N = w.shape[0]
    number = w.dtype.type
    lr, momentum, weight_decay, clip = number(lr), number(momentum), number(weight_decay), number(clip)
    for k in prange(threads):
        for n in range(k * N // threads, (k + 1) * N // threads):
            decay = weight_decay if n < decayed else zero(weight_decay)
            velocity[n] = momentum * velocity[n] + (clip * g[n] + decay * w[n])
            w[n] -= lr * velocity[n]


@threaded
def _adamw(w, g, m, v, rate, beta1, beta2, eps, shrink, decayed, clip, v_scale, threads):
    N = w.shape[0]
    number = w.dtype.type
    rate, eps, shrink, clip, v_scale = number(rate), number(eps), number(shrink), number(clip), number(v_scale)
    new1, new2, beta1, beta2 = number(1.0 - beta1), number(1.0 - beta2), number(beta1), number(beta2)
    for k in prange(threads):
        for n in range(k * N // threads, (k + 1) * N // threads):
            g_n = clip * g[n]
            m[n] = beta1 * m[n] + new1 * g_n
            v[n] = beta2 * v[n] + new2 * (g_n * g_n)
            decay = shrink if n < decayed else zero(shrink)
            w[n] = w[n] - decay * w[n] - rate * m[n] / (math.sqrt(v[n] * v_scale) + eps)


@threaded
def _average(ema, w, new, threads):
    N = w.shape[0]
    new = w.dtype.type(new)
    for k in prange(threads):
        for n in range(k * N // threads, (k + 1) * N // threads):
            ema[n] += new * (w[n] - ema[n])


def norm(g: Array, threads: int) -> float:
    """Return the Euclidean norm of g (n,), summed in float64 in a fixed order."""
    sums = np.empty(threads)
    _square_sums(g, sums, threads)
    return math.sqrt(sum(sums.tolist()))


def sgd(
    w: Array,
    g: Array,
    velocity: Array,
    lr: float,
    momentum: float,
    weight_decay: float,
    decayed: int,
    clip: float,
    threads: int,
) -> None:
    """Gradient descent as PyTorch's SGD: velocity = momentum * velocity + g + weight_decay * w; w -= lr * velocity.

    w, velocity  (n,)  in-out
    g            (n,)  in
    """
    _sgd(w, g, velocity, float(lr), float(momentum), float(weight_decay), decayed, float(clip), threads)


def adamw(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decayed: int,
    clip: float,
    step: int,
    threads: int,
) -> None:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), as PyTorch's AdamW.

    w, m, v  (n,)  in-out  weights, first and second moment
    g        (n,)  in
    step           in      1 for the first update
    """
    rate, v_scale = lr / (1.0 - beta1**step), 1.0 / (1.0 - beta2**step)
    shrink = lr * weight_decay
    _adamw(w, g, m, v, rate, float(beta1), float(beta2), float(eps), shrink, decayed, float(clip), v_scale, threads)


def average(ema: Array, w: Array, decay: float, threads: int) -> None:
    """Move the running average ema (n,) towards w (n,): ema = decay * ema + (1 - decay) * w."""
    _average(ema, w, 1.0 - decay, threads)
