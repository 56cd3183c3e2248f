"""Twin of `cpu.penalty`: activation regularisation and its temporal form; a thread for each number."""

from __future__ import annotations

import numpy as np

from lstm_kernels.cuda.launch import Array, cuda, elementwise_grid, kernel
from lstm_kernels.cuda.reduction import partial_sums, sum_kernel


def _penalise(n, slope, x, dx):
    value = x[n]
    dx[n] += slope * value
    return np.float64(value) * np.float64(value)


def _step(n, slope, before, after):
    step = after[n] - before[n]
    return np.float64(step) * np.float64(step)


_activation, _squared_steps = sum_kernel(_penalise, adds=True), sum_kernel(_step, adds=True)


@kernel
def _temporal(h, dh, dh_before, slope, first):
    """Each state takes part in the difference from the state before it and in that to the state after it, if any."""
    T, B, H = dh.shape
    size = B * H
    for n in range(cuda.grid(1), size, cuda.gridsize(1)):
        b, j = n // H, n % H
        now = h[0, b, j]
        slopes = dh_before[b, j]
        for t in range(T + 1):
            if t < T:
                following = h[t + 1, b, j]
                if t >= first:
                    slopes -= slope * (following - now)
            if t == 0:
                dh_before[b, j] = slopes
            else:
                dh[t - 1, b, j] = slopes
            if t < T:
                slopes = dh[t, b, j]
                if t >= first:
                    slopes += slope * (following - now)
                now = following


def square_sums(threads: int) -> Array:
    """Return zeros to which kernels add squares, one for each block."""
    return partial_sums()


def activation(x: Array, dx: Array, slope: float, sums: Array, threads: int) -> None:
    """Add slope * x to dx, both (N,), and the sum of x^2 to `sums`."""
    _activation[elementwise_grid(x.size)](x.size, sums, x.dtype.type(slope), x, dx)


def temporal(
    h: Array, dh: Array, dh_before: Array, slope: float, counts_first: bool, sums: Array, threads: int
) -> None:
    """Add the gradient of slope / 2 * sum of (h_t - h_{t-1})^2 to dh (T, B, H) and dh_before (B, H), that to `sums`."""
    (T, B, H), first = dh.shape, 0 if counts_first else 1
    _temporal[elementwise_grid(B * H)](h, dh, dh_before, h.dtype.type(slope), first)
    count = (T - first) * B * H
    if count > 0:
        before, after = h[first:T].reshape(count), h[first + 1 :].reshape(count)
        _squared_steps[elementwise_grid(count)](count, sums, h.dtype.type(0), before, after)
