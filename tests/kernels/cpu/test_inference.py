"""Single steps agree with the recurrence, for every cell and precision, one layer or several, with or without table."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cell_table import CELLS
from lstm_kernels.cpu import inference, linear, recurrence
from lstm_kernels.cpu.microkernel.registers import HAS_BFLOAT16
from lstm_kernels.cpu.packing import Packed, packed_stack, workspace
from lstm_kernels.interface import Steps

V = 9


def network(cell, L, D, H, B, precision, *, table):
    """Return (network, states, work) as stepping takes them, and the matrices (embedding, W_ih, W_hh, W_out)."""
    spec, rng = CELLS[cell], np.random.default_rng([L, D, H])
    dtype = np.float64 if precision == "float64" else np.float32
    GH, RH = len(spec.gates) * H, len(spec.recurrent_gates) * H

    def matrix(*shape):
        return rng.normal(0, 0.5, shape).astype(dtype)

    E, W_ih = matrix(V, D), [matrix(GH, D if k == 0 else H) for k in range(L)]
    W_hh, W_out = [matrix(RH, H) for _ in range(L)], matrix(V, H)
    b, unit, b_out = matrix(L, GH), matrix(L, len(spec.unit_params), H), matrix(V)

    def packed(matrices, K):
        words = packed_stack(len(matrices), K, len(matrices[0]) if matrices else 1, precision)
        for W, place in zip(matrices, words, strict=True):
            Packed(K, len(W), precision, place).pack_transposed(W, 1)
        return words

    first, out = packed(W_ih[:1], D)[0], packed([W_out], H)[0]
    looked_up = np.zeros((V if table else 0, GH), dtype)
    if table:
        linear.forward(E, Packed(D, GH, precision, first), b[0].copy(), looked_up, 1)
    net = (looked_up, E, first, packed(W_ih[1:], H), packed(W_hh, H), b, unit, out, b_out)
    states = np.zeros((L, B, H), dtype), np.zeros((L, B, len(spec.memories) * H), dtype)
    work = (*(np.full((B, n), np.nan, dtype) for n in (D, GH, RH, V)), workspace.scratch(1, precision)[0])
    return net, states, work, (E, W_ih, W_hh, W_out)


def logits_of_recurrence(cell, tokens, net, matrices, B, precision):
    """Return the logits after `tokens` (N, B) by the kernels that train."""
    (E, W_ih, W_hh, W_out), (b, unit, b_out), N = matrices, (net[5], net[6], net[8]), len(tokens)
    spec, x, dtype = CELLS[cell], E[tokens], E.dtype
    for k in range(len(W_ih)):
        GH, H = b.shape[1], W_hh[k].shape[1]
        gates, h = np.empty((N, B, GH), dtype), np.zeros((N + 1, B, H), dtype)
        c, extra = (
            np.zeros((N + 1, B, len(spec.memories) * H), dtype),
            np.empty((N, B, spec.extra_blocks * H), dtype),
        )
        W_i, W_h = Packed(x.shape[2], GH, precision), recurrence.PackedGates(H, len(spec.recurrent_gates), precision)
        W_i.pack_transposed(W_ih[k], 1)
        W_h.pack_transposed(W_hh[k], 1)
        linear.forward(x.reshape(N * B, -1), W_i, b[k].copy(), gates.reshape(N * B, -1), 1)
        lengths, scratch = np.full(B, N, np.int32), np.empty((B, spec.scratch_blocks * H), dtype)
        recurrence.compiled(cell).forward(Steps(gates, h, c, extra, lengths, scratch), W_h, unit[k], 1)
        x = h[1:]
    W_o, logits = Packed(W_out.shape[1], V, precision), np.empty((B, V), dtype)
    W_o.pack_transposed(W_out, 1)
    linear.forward(x[-1].copy(), W_o, b_out, logits, 1)
    return logits


@pytest.mark.parametrize("precision", ["float32", "float64"] + ["bfloat16"] * HAS_BFLOAT16)
@pytest.mark.parametrize(("L", "D", "H", "table"), [(1, 3, 5, True), (2, 7, 17, False), (3, 4, 4, True)])
@pytest.mark.parametrize("cell", CELLS)
def test_read_agrees_with_the_recurrence(cell, L, D, H, table, precision):
    net, states, work, matrices = network(cell, L, D, H, 4, precision, table=table)
    tokens = np.random.default_rng(1).integers(0, V, (6, 3)).astype(np.int32)
    step = inference.compiled(cell)
    step.read(tokens[:4], net, states, work)
    step.read(tokens[4:], net, states, work)
    expected = logits_of_recurrence(cell, tokens, net, matrices, 3, precision)
    np.testing.assert_allclose(work[3][:3], expected, rtol=1e-12 if precision == "float64" else 2e-6, atol=1e-6)
    assert not states[0][:, 3].any()  # a row beyond those that read stays as it was


@pytest.mark.parametrize("precision", ["float32", "float64"] + ["bfloat16"] * HAS_BFLOAT16)
def test_a_tied_embedding_is_read_from_the_packed_softmax(precision):
    net, states, work, (_, _, _, W_out) = network("gru", 2, 5, 5, 3, precision, table=False)
    tokens = np.random.default_rng(1).integers(0, V, (4, 3)).astype(np.int32)
    step, found = inference.compiled("gru"), []
    for embedding in (W_out, W_out[:0]):
        for state in states:
            state.fill(0)
        step.read(tokens, (net[0], embedding, *net[2:]), states, work)
        found.append(work[3].copy())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_write_reads_each_token_it_draws(cell):
    net, states, work, _ = network(cell, 2, 3, 5, 1, "float64", table=True)
    step = inference.compiled(cell)
    step.read(np.array([[2]], np.int32), net, states, work)
    written, nats, p = np.zeros(12, np.int32), np.zeros(12), np.zeros(V)
    uniform = np.random.default_rng(3).random(12)
    step.write(written[:5], nats[:5], uniform[:5], (1.0, 0, 1.0, 4), net, states, work, p)
    step.write(written[5:], nats[5:], uniform[5:], (1.0, 0, 1.0, 4), net, states, work, p)
    assert len(set(written.tolist())) > 2
    assert 4 not in written
    logits = work[3].copy()
    for state in states:
        state.fill(0)
    expected = []
    for token in [2, *written]:
        expected.append(-log_softmax(work[3][0])[token])
        step.read(np.array([[token]], np.int32), net, states, work)
    np.testing.assert_array_equal(work[3], logits)
    np.testing.assert_allclose(nats, expected[1:], rtol=1e-12)


def log_softmax(logits):
    return logits - np.logaddexp.reduce(logits)
