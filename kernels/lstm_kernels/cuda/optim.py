"""Twin of `cpu.optim`: one pass for the norm, one for clip, update, decay and average; a thread for each weight."""

from __future__ import annotations

import math

import numpy as np

from lstm_kernels.cuda import reduction
from lstm_kernels.cuda.arrays import non_empty
from lstm_kernels.cuda.launch import Array, cuda, elementwise_grid, kernel
from lstm_kernels.interface import Adam, FlatWeights, Update


def _square(n, slope, g, _):
    value = np.float64(g[n])
    return value * value


_square_sums = reduction.sum_kernel(_square)


@kernel
def _sgd(w, g, velocity, ema, lr, momentum, weight_decay, decayed, clip, new, averages):
    for n in range(cuda.grid(1), w.shape[0], cuda.gridsize(1)):
        w_n = w[n]
        v_n = momentum * velocity[n] + clip * g[n]
        if n < decayed:
            v_n += weight_decay * w_n
        velocity[n] = v_n
        w_n -= lr * v_n
        w[n] = w_n
        if averages:
            ema[n] += new * (w_n - ema[n])


@kernel
def _adamw(w, g, m, v, ema, rate, beta1, beta2, new1, new2, eps, shrink, decayed, clip, v_scale, new, averages):
    for n in range(cuda.grid(1), w.shape[0], cuda.gridsize(1)):
        g_n = clip * g[n]
        m_n = beta1 * m[n] + new1 * g_n
        v_n = beta2 * v[n] + new2 * (g_n * g_n)
        m[n] = m_n
        v[n] = v_n
        w_n = w[n]
        step = rate * m_n / (math.sqrt(v_n * v_scale) + eps)
        if n < decayed:
            step += shrink * w_n
        w_n -= step
        w[n] = w_n
        if averages:
            ema[n] += new * (w_n - ema[n])


def norm(g: Array, sums: object, threads: int) -> float:
    """Return the Euclidean norm of g (n,), summed in float64; `sums` is not used."""
    blocks, block = elementwise_grid(len(g))
    partial = reduction.shared_partial_sums()
    _square_sums[blocks, block](len(g), partial, 0.0, g, g)
    return math.sqrt(reduction.total(partial, blocks))


def sgd(weights: FlatWeights, velocity: Array, momentum: float, update: Update, threads: int) -> None:
    """Gradient descent with momentum."""
    (w, g, ema), (lr, clip, weight_decay, decayed, ema_decay), number = weights, update, velocity.dtype.type
    _sgd[elementwise_grid(len(w))](
        w, g, velocity, non_empty(ema, w), number(lr), number(momentum), number(weight_decay), decayed, number(clip),
        number(1.0 - ema_decay), ema.size > 0,
    )  # fmt: skip


def adamw(weights: FlatWeights, adam: Adam, update: Update, threads: int) -> None:
    """Adam with decoupled weight decay."""
    (w, g, ema), (m, v, beta1, beta2, eps, step), number = weights, adam, weights.w.dtype.type
    lr, clip, weight_decay, decayed, ema_decay = update
    rate, v_scale = lr / (1.0 - beta1**step), 1.0 / (1.0 - beta2**step)
    _adamw[elementwise_grid(len(w))](
        w, g, m, v, non_empty(ema, w), number(rate), number(beta1), number(beta2), number(1.0 - beta1),
        number(1.0 - beta2), number(eps), number(lr * weight_decay), decayed, number(clip), number(v_scale),
        number(1.0 - ema_decay), ema.size > 0,
    )  # fmt: skip
