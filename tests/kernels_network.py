"""A language model put together from the kernels as an engine would, in any dtype, for the tests."""

from __future__ import annotations

import numpy as np
from lstm_kernels.cells import CELLS
from lstm_kernels.cpu import embedding, linear, recurrence, softmax
from lstm_kernels.cpu.packed import Packed


def packed(W, precision):
    """Return W (N, K) packed as columns."""
    taken = Packed(W.shape[1], W.shape[0], precision)
    taken.columns(W, 1)
    return taken


def run_layer(cell, layer, x, h0, c0, dh_above, dh_last, dc_last, threads=1, precision=None):
    """Return h (T+1, B, H), c, saved, and the gradients by name, as `naive.forward` and `naive.backward` name them.

    Arrays are converted to x's dtype. `dh_above` is called with h[1:] when it is a function.
    """
    spec, (T, B, D), dtype = CELLS[cell], x.shape, x.dtype
    H = h0.shape[1]
    G, S, width_c = len(spec.gates), len(spec.saved), H if spec.has_c else 0
    W_ih, W_hh, b, unit = (np.ascontiguousarray(layer[name], dtype) for name in ("W_ih", "W_hh", "b", "unit"))
    h, c = np.full((T + 1, B, H), np.nan, dtype), np.full((T + 1, B, width_c), np.nan, dtype)
    h[0], c[0] = h0, c0[:, :width_c]
    gates, extra = np.full((T, B, G * H), np.nan, dtype), np.full((T, B, (S - G) * H), np.nan, dtype)
    scratch = np.full((B, G * H), np.nan, dtype)
    walk, precision = recurrence.compiled(cell), precision or dtype.name
    linear.forward(x.reshape(T * B, D), packed(W_ih, precision), b, gates.reshape(T * B, G * H), threads)
    walk.forward(gates, packed(W_hh, precision), unit, h, c, extra, scratch, threads)
    saved = np.concatenate([gates, extra], axis=2)

    dh_above = np.ascontiguousarray(dh_above(h[1:]) if callable(dh_above) else dh_above, dtype)
    grads = {"W_ih": np.zeros_like(W_ih), "W_hh": np.zeros_like(W_hh), "b": np.zeros_like(b), "x": np.empty_like(x)}
    grads |= {"unit": np.zeros_like(unit), "h0": dh_last.astype(dtype), "c0": dc_last[:, :width_c].astype(dtype)}
    walk.backward(
        dh_above, W_hh, unit, h, c, gates, extra, grads["h0"], grads["c0"], grads["unit"], scratch, precision, threads
    )
    da_x, da_h = gates.reshape(T * B, -1), gates.reshape(T * B, -1)
    if spec.split:
        da_h = np.concatenate([da_x[:, : (G - 1) * H], extra.reshape(T * B, -1)], axis=1)
    linear.backward_weights(da_h, h[:-1].reshape(T * B, H), grads["W_hh"], None, precision, threads)
    linear.backward_weights(da_x, x.reshape(T * B, D), grads["W_ih"], grads["b"], precision, threads)
    linear.backward_input(da_x, W_ih, grads["x"].reshape(T * B, D), precision, threads)
    return h, c, saved, grads


def run_tied(tokens, targets, table, b_out, body, threads=1):
    """Return the mean nll and the gradients of table and b_out, with `table` (V, H) as embedding and output weights.

    `body` turns x (T, B, H) and a function from h to dL/dh into (h, dx).
    """
    (T, B), (V, H), dtype = tokens.shape, table.shape, table.dtype
    N = T * B
    x, nll = np.empty((T, B, H), dtype), np.empty(N, dtype)
    dtable, db_out = np.zeros_like(table), np.zeros_like(b_out)
    embedding.forward(table, tokens.ravel(), x.reshape(N, H), threads)

    def output(h):
        logits, dh = np.empty((N, V), dtype), np.empty((T, B, H), dtype)
        flat = np.ascontiguousarray(h).reshape(N, H)
        linear.forward(flat, packed(table, dtype.name), b_out, logits, threads)
        softmax.cross_entropy(logits, targets.ravel(), nll, 1 / N, threads)
        linear.backward_input(logits, table, dh.reshape(N, H), dtype.name, threads)
        linear.backward_weights(logits, flat, dtable, db_out, dtype.name, threads)
        return dh

    dx = body(x, output)
    embedding.backward(np.ascontiguousarray(dx).reshape(N, H), tokens.ravel(), dtable, threads)
    return float(nll.mean()), dtable, db_out


def worst_difference(cell, recorded):
    """Return how far outputs and gradients of a layer are from recorded ones, relative to each array's largest value.

    `recorded` has `in.NAME` and `out.NAME` as tests/bench/record_torch.py writes them.
    """
    layer = {name: recorded[f"in.{name}"] for name in ("W_ih", "W_hh", "b", "unit")}
    rest = (recorded[f"in.{name}"] for name in ("x", "h0", "c0", "dh_above", "dh_last", "dc_last"))
    h, c, _, got = run_layer(cell, layer, *rest)
    got |= {"h": h[1:], "c_last": c[-1]}
    worst = 0.0
    for name, expected in recorded.items():
        kind, _, name = name.partition(".")
        if kind == "out" and expected.size:
            assert got[name].dtype == expected.dtype
            worst = max(worst, float(np.abs(got[name] - expected).max() / np.abs(expected).max()))
    return worst
