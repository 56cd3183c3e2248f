"""Twin of `cpu.dropout`: the same masks, bit for bit, from the same keys; a thread for each number."""

from __future__ import annotations

from typing import Any

from lstm_kernels import random_bits
from lstm_kernels.cuda.launch import Array, cuda, elementwise_grid, inlined, kernel, row_grid

is_kept, mix = inlined(random_bits.is_kept), inlined(random_bits.mix)


@kernel
def _locked_mask(mask, keep, none, drop_below, key):
    key = mix(key)
    for n in range(cuda.grid(1), mask.shape[0], cuda.gridsize(1)):
        mask[n] = keep if is_kept(key, n, drop_below) else none


@kernel
def _apply(x, mask, out):
    T, B, D = x.shape
    for n in range(cuda.blockIdx.x, T * B, cuda.gridDim.x):
        t, b = n // B, n % B
        for d in range(cuda.threadIdx.x, D, cuda.blockDim.x):
            out[t, b, d] = x[t, b, d] * mask[b, d]


@kernel
def _scale_rows(x, tokens, mask):
    N, D = x.shape
    for n in range(cuda.blockIdx.x, N, cuda.gridDim.x):
        factor = mask[tokens[n]]
        for d in range(cuda.threadIdx.x, D, cuda.blockDim.x):
            x[n, d] *= factor


@kernel
def _drop_weights(W, out, keep, none, drop_below, key):
    key = mix(key)
    for n in range(cuda.grid(1), W.shape[0], cuda.gridsize(1)):
        out[n] = W[n] * keep if is_kept(key, n, drop_below) else none


def _settings(a: Array, rate: float, key: int) -> tuple[Any, ...]:
    keep, *rest = random_bits.mask_settings(rate, key)
    return a.dtype.type(keep), a.dtype.type(0), *rest


def locked_mask(mask: Array, rate: float, key: int) -> None:
    """Fill mask (B, D) with 0, in a fraction `rate` of places (0 <= rate < 1), and 1 / (1 - rate)."""
    _locked_mask[elementwise_grid(mask.size)](mask.reshape(mask.size), *_settings(mask, rate, key))


def apply(x: Array, mask: Array, out: Array, threads: int) -> None:
    """Multiply every step of x (T, B, D) by mask (B, D) to out, which may be x itself."""
    _apply[row_grid(x.shape[0] * x.shape[1])](x, mask, out)


def scale_rows(x: Array, tokens: Array, mask: Array, threads: int) -> None:
    """Multiply each row of x (N, D) by the factor of its token in mask (V,)."""
    _scale_rows[row_grid(len(tokens))](x, tokens, mask)


def drop_weights(W: Array, out: Array, rate: float, key: int, threads: int) -> None:
    """Fill out (n,) with W (n,), 0 in a fraction `rate` of places and scaled by 1 / (1 - rate) elsewhere."""
    _drop_weights[elementwise_grid(W.size)](W, out, *_settings(W, rate, key))


def drop_weights_backward(dW: Array, rate: float, key: int, threads: int) -> None:
    """Turn the gradient of what `drop_weights` wrote into that of W, in place: dW (n,)."""
    drop_weights(dW, dW, rate, key, threads)
