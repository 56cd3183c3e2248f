"""A language model put together from the kernels as an engine would, in any dtype, for the tests."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from lstm_kernels.cell_table import CELLS
from lstm_kernels.cpu import arrays, embedding, linear, linear_cross_entropy, recurrence
from lstm_kernels.cpu.packing import Packed
from lstm_kernels.interface import StateGradients, Steps

from support import naive
from support.gradcheck import assert_gradients_agree, numerical_gradient

CPU = SimpleNamespace(
    arrays=arrays,
    embedding=embedding,
    linear=linear,
    linear_cross_entropy=linear_cross_entropy,
    recurrence=recurrence,
    Packed=Packed,
)


def packed(W, precision, on=CPU):
    """Return W (N, K) packed as columns."""
    taken = on.Packed(W.shape[1], W.shape[0], precision)
    taken.pack_transposed(W, 1)
    return taken


def case(cell, T, B, D, H, dtype=np.float64):
    """Return a layer, its inputs, states and gradients from above and behind, as `run_layer` takes them."""
    rng = np.random.default_rng([T, B, D, H])
    layer = naive.random_layer(cell, D, H, rng)
    x, dh_above = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    h0, c0, dh_last, dc_last = naive.random_states(cell, B, H, rng)
    return layer, x.astype(dtype), h0, c0, dh_above, dh_last, dc_last


def reference(cell, layer, x, h0, c0, dh_above, dh_last, dc_last):
    """Return what `run_layer` should, from the slow reference: h, c, the steps and all gradients."""
    h, c, steps = naive.forward(cell, layer, x, h0, c0)
    return h, c, steps, naive.backward(cell, layer, x, h, c, steps, dh_above, dh_last, dc_last)


def run_layer(
    cell, layer, x, h0, c0, dh_above, dh_last, dc_last,
    threads=1, precision=None, on=CPU, backward=True, lengths=None,
):  # fmt: skip
    """Return h (T+1, B, H), c (T+1, B, MH), saved, and the gradients, named as by `naive.forward` and `naive.backward`.

    Arrays are converted to x's dtype. `dh_above` is called with h[1:] when it is a function. `on` has the kernels.
    Without `backward` there are no gradients.
    """
    spec, (T, B, D), dtype, (to_device, to_host) = (
        CELLS[cell],
        x.shape,
        x.dtype,
        (on.arrays.to_device, on.arrays.to_host),
    )
    H = h0.shape[1]
    G, R, S = len(spec.gates), len(spec.recurrent_gates), len(spec.saved)
    W_ih, W_hh, b, unit = (
        to_device(np.ascontiguousarray(layer[name], dtype)) for name in ("W_ih", "W_hh", "b", "unit")
    )
    c0, dc_last = (state[:, : len(spec.memories) * H] for state in (c0, dc_last))
    h, c = np.full((T + 1, B, H), np.nan, dtype), np.full((T + 1, *c0.shape), np.nan, dtype)
    h[0], c[0] = h0, c0
    h, c = to_device(h), to_device(c)
    gates, extra = (to_device(np.full((T, B, width * H), np.nan, dtype)) for width in (G, spec.extra_blocks))
    scratch = to_device(np.full((B, spec.scratch_blocks * H), np.nan, dtype))
    lengths = to_device(np.full(B, T, np.int32) if lengths is None else np.asarray(lengths, np.int32))
    walk, precision, linear = on.recurrence.compiled(cell), precision or dtype.name, on.linear
    rows = to_device(np.ascontiguousarray(x)).reshape(T * B, D)
    linear.forward(rows, packed(W_ih, precision, on), b, gates.reshape(T * B, G * H), threads)
    packed_gates = on.recurrence.PackedGates(H, R, precision)
    packed_gates.pack_transposed(W_hh, threads)
    steps = Steps(gates, h, c, extra, lengths, scratch)
    walk.forward(steps, packed_gates, unit, threads)
    saved = np.concatenate([to_host(gates), to_host(extra)[:, :, : S * H]], axis=2)
    if not backward:
        return to_host(h), to_host(c), saved, {}

    dh_above = to_device(np.ascontiguousarray(dh_above(to_host(h)[1:]) if callable(dh_above) else dh_above, dtype))
    shapes = {"W_ih": W_ih.shape, "W_hh": W_hh.shape, "b": b.shape, "unit": unit.shape, "x": x.shape}
    grads = {name: to_device(np.zeros(shape, dtype)) for name, shape in shapes.items()}
    grads |= {"h0": to_device(dh_last.astype(dtype)), "c0": to_device(dc_last.astype(dtype))}
    dstates = StateGradients(grads["h0"], grads["c0"])
    walk.backward(dh_above, steps, W_hh, unit, dstates, grads["unit"], precision, threads)
    da_x, before = gates.reshape(T * B, G * H), h[:-1].reshape(T * B, H)
    for product in spec.products:
        da = (extra if product.own else gates).reshape(T * B, -1)
        columns, of = (slice(n * H, (n + product.count) * H) for n in (product.first, product.row))
        linear.backward_weights(da[:, columns], before, grads["W_hh"][of], None, precision, threads)
    linear.backward_weights(da_x, rows, grads["W_ih"], grads["b"], precision, threads)
    linear.backward_input(da_x, W_ih, grads["x"].reshape(T * B, D), precision, threads)
    return to_host(h), to_host(c), saved, {name: to_host(grad) for name, grad in grads.items()}


def run_tied(tokens, targets, table, b_out, body, threads=1, on=CPU):
    """Return the mean nll and the gradients of table and b_out, with `table` (V, H) as embedding and output weights.

    `body` turns x (T, B, H) and a function from h to dL/dh into (h, dx).
    """
    (T, B), (V, H), dtype = tokens.shape, table.shape, table.dtype
    (to_device, to_host), N = (on.arrays.to_device, on.arrays.to_host), T * B
    x, nll = to_device(np.empty((N, H), dtype)), to_device(np.empty(N, dtype))
    dtable, db_out = to_device(np.zeros_like(table)), to_device(np.zeros_like(b_out))
    E, flat, following = to_device(table), to_device(tokens.ravel()), to_device(targets.ravel())
    on.embedding.forward(E, flat, x, threads)

    def output(h):
        loss, dh = (
            on.linear_cross_entropy.LinearCrossEntropy(N, H, V, dtype, dtype.name),
            to_device(np.empty((N, H), dtype)),
        )
        rows = to_device(np.ascontiguousarray(h).reshape(N, H))
        loss.forward(rows, E, to_device(b_out), following, nll, 1 / N, threads)
        loss.backward(rows, E, following, dh, dtable, db_out, threads)
        return to_host(dh).reshape(T, B, H)

    dx = body(to_host(x).reshape(T, B, H), output)
    on.embedding.backward(to_device(np.ascontiguousarray(dx).reshape(N, H)), flat, dtable, threads)
    return float(to_host(nll).mean()), to_host(dtable), to_host(db_out)


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


# --- what every cell is held to, on any device ------------------------------------------------------------------------

EXACT = 1e-10
"""Both sides round float64 differently in some hundred operations; this leaves room for that and for nothing else."""


def assert_agrees_with_reference(cell, args, **how):
    """Outputs, states, gates and all gradients of a `case` in float64; `how` is passed on to `run_layer`."""
    h, c, saved, grads = run_layer(cell, *args, **how)
    h_ref, c_ref, steps, grads_ref = reference(cell, *args)
    H = h.shape[2]
    np.testing.assert_allclose(h, h_ref, rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(c, c_ref, rtol=EXACT, atol=EXACT)
    spec = CELLS[cell]
    for at, name in enumerate((*spec.gate_names, *spec.saved)):
        expected = [step[name] for step in steps]
        np.testing.assert_allclose(saved[:, :, at * H : (at + 1) * H], expected, rtol=EXACT, atol=EXACT)
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, grads_ref[name], rtol=EXACT, atol=EXACT, err_msg=name)


def assert_agrees_with_central_differences(cell, args, **how):
    """All gradients of a small `case` in float64."""
    layer, x, h0, c0, dh_above, dh_last, dc_last = args

    def loss():
        h, c, _, _ = run_layer(cell, *args, **how, backward=False)
        return float((h[1:] * dh_above).sum() + (h[-1] * dh_last).sum() + (c[-1] * dc_last).sum())

    grads = run_layer(cell, *args, **how)[3]
    arrays = {**layer, "x": x, "h0": h0, "c0": c0}
    for name, array in arrays.items():
        assert_gradients_agree(grads[name], numerical_gradient(loss, array), 1e-6)


def assert_float32_agrees(cell, args, **how):
    """Outputs and all gradients of a `case` in float32, with the reference in float64."""
    layer, x, *rest = args
    h, _, _, grads = run_layer(cell, layer, x, *rest, **how)
    h_ref, _, _, grads_ref = reference(cell, layer, x.astype(np.float64), *rest)
    assert h.dtype == grads["W_hh"].dtype == np.float32
    np.testing.assert_allclose(h, h_ref, atol=5e-6)
    for name in ("W_ih", "W_hh", "b", "unit", "x", "h0"):
        assert_gradients_agree(grads[name], grads_ref[name], 1e-5)


def assert_lengths_hold(cell, **how):
    """Sequences of 4, 0, 1 and 3 steps side by side: states, gates and gradients of each as if it were alone."""
    T, B, D, H = 4, 4, 2, 3
    lengths, (layer, x, h0, c0, dh_above, dh_last, dc_last) = (4, 0, 1, 3), case(cell, T, B, D, H)
    h, c, saved, grads = run_layer(cell, layer, x, h0, c0, dh_above, dh_last, dc_last, lengths=lengths, **how)
    totals = {name: np.zeros_like(layer[name]) for name in layer}
    for b, n in enumerate(lengths):
        one = slice(b, b + 1)
        # After its end a sequence says its last state, so that all gradients from above the end come to it.
        behind = dh_last[one] + dh_above[n:, one].sum(axis=0)
        states = (h0[one], c0[one], dh_above[:n, one], behind, dc_last[one])
        h_ref, c_ref, steps, grads_ref = reference(cell, layer, x[:n, one], *states)
        for found, expected in ((h, h_ref), (c, c_ref)):
            np.testing.assert_allclose(found[: n + 1, one], expected, rtol=EXACT, atol=EXACT)
            np.testing.assert_array_equal(found[n:, one], np.broadcast_to(found[n, one], found[n:, one].shape))
        for at, name in enumerate((*CELLS[cell].gate_names, *CELLS[cell].saved)):
            values = saved[:, one, at * H : (at + 1) * H]
            np.testing.assert_allclose(values[:n], [step[name] for step in steps] or values[:n], rtol=EXACT, atol=EXACT)
            assert not values[n:].any()
        np.testing.assert_allclose(grads["x"][:n, one], grads_ref["x"], rtol=EXACT, atol=EXACT)
        assert not grads["x"][n:, one].any()
        for name in ("h0", "c0"):
            np.testing.assert_allclose(grads[name][one], grads_ref[name], rtol=EXACT, atol=EXACT)
        for name in totals:
            totals[name] += grads_ref[name]
    for name, total in totals.items():
        np.testing.assert_allclose(grads[name], total, rtol=EXACT, atol=EXACT, err_msg=name)
