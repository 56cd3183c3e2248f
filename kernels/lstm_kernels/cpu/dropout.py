"""Dropout of activations with one mask for all steps of a window, of whole tokens, and of weights.

Random bits are a hash (`random_bits`): the same key gives the same mask in any order, on any number of threads, on any
device, in backward and after a resume. Use another key for each mask and step.

Sources: Gal and Ghahramani 2016, arXiv:1512.05287 (one mask for all steps, and for all occurrences of a
token); Wan et al. 2013 (weights).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels.activations import zero
from lstm_kernels.jit import kernel, threaded
from lstm_kernels.random_bits import is_kept, mask_settings, mix

Array = np.ndarray[Any, Any]


@kernel
def _locked_mask(mask, keep, drop_below, key):
    B, D = mask.shape
    keep = mask.dtype.type(keep)
    key = mix(key)
    for b in range(B):
        for d in range(D):
            mask[b, d] = keep if is_kept(key, b * D + d, drop_below) else zero(keep)


@threaded
def _apply(k, threads, x, mask, out, in_place):
    T, B, D = x.shape
    for n in range(k * T * B // threads, (k + 1) * T * B // threads):
        x_n, mask_n, out_n = x[n // B, n % B], mask[n % B], out[n // B, n % B]
        # Two loops over arrays that do not overlap. One loop would not vectorise, since x may be out.
        if not in_place:
            for d in range(D):
                out_n[d] = x_n[d]
        for d in range(D):
            out_n[d] *= mask_n[d]


@threaded
def _scale_rows(k, threads, x, tokens, mask):
    N, D = x.shape
    for n in range(k * N // threads, (k + 1) * N // threads):
        x_n, factor = x[n], mask[tokens[n]]
        for d in range(D):
            x_n[d] *= factor


@threaded
def _drop_weights(k, threads, W, out, keep, drop_below, key):
    N = W.shape[0]
    keep = W.dtype.type(keep)
    key = mix(key)
    low, high = k * N // threads, (k + 1) * N // threads
    W_k, out_k = W[low:high], out[low:high]
    for n in range(W_k.shape[0]):
        out_k[n] = W_k[n] * keep if is_kept(key, low + n, drop_below) else zero(keep)


def locked_mask(mask: Array, rate: float, key: int) -> None:
    """Fill mask (B, D) with 0, in a fraction `rate` of places (0 <= rate < 1), and 1 / (1 - rate)."""
    _locked_mask(mask, *mask_settings(rate, key))


def apply(x: Array, mask: Array, out: Array, threads: int) -> None:
    """Multiply every step by the mask: forward for x, backward for its gradient.

    x     (T, B, D)  in
    mask  (B, D)     in
    out   (T, B, D)  out  may be x itself, but must not overlap it in part
    """
    _apply(x, mask, out, x is out, threads)


def scale_rows(x: Array, tokens: Array, mask: Array, threads: int) -> None:
    """Multiply each row by the factor of its token: forward for embedded tokens, backward for their gradient.

    x       (N, D)  in-out
    tokens  (N,)    in      int32, each below V (not checked)
    mask    (V,)    in      as `locked_mask` fills it
    """
    _scale_rows(x, tokens, mask, threads)


def drop_weights(W: Array, out: Array, rate: float, key: int, threads: int) -> None:
    """Fill out (n,) with W (n,), 0 in a fraction `rate` of places and scaled by 1 / (1 - rate) elsewhere."""
    _drop_weights(W, out, *mask_settings(rate, key), threads)


def drop_weights_backward(dW: Array, rate: float, key: int, threads: int) -> None:
    """Turn the gradient of the output of `drop_weights` into that of W, in place: dW (n,)."""
    _drop_weights(dW, dW, *mask_settings(rate, key), threads)
