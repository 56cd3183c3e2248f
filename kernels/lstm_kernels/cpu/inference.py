"""A whole network one step at a time, for a few sequences: the inner loop of sampling and completion.

One call goes from token to logits, another samples a piece of text. The weights are packed once, when they are loaded;
a step of one sequence is then little more than reading them from the cache.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from lstm_kernels.cell_table import CELLS, Cell
from lstm_kernels.cells import functions_of
from lstm_kernels.cpu.gemm import bias_of, multiply, nothing
from lstm_kernels.cpu.packing import unpack_column
from lstm_kernels.cpu.sampling import distribution, draw, surprise
from lstm_kernels.cpu.unit_access import access, load_h, store_h
from lstm_kernels.jit import kernel


class Inference(NamedTuple):
    """One cell's network, compiled."""

    read: Any
    """read(tokens, network, states, work): read tokens (N, B) int32, and leave the logits after the last in `work`.

    network   (table, embedding, W_0, W_ih, W_hh, b, unit, W_out, b_out), all in:
              table (V, GH) has the first layer's W_ih x + b; where it is (0, GH), embedding (V, D) and W_0, packed
              (D, GH), are read; embedding is (0, D) for tied weights, which are those of W_out;
              W_ih packed (L-1, H, GH); W_hh packed (L, H, RH); b (L, GH);
              unit (L, P, H); W_out packed (H, V); b_out (V,)
    states    (h, c), in-out: (L, B, H) and (L, B, MH), the states beside h side by side; B may be larger than that of
              tokens
    work      (x, gates, a_h, logits, scratch): (B, D), (B, GH), (B, RH), (B, V) and (SCRATCH,) words of `packing`;
              logits are (0, V) where none are wanted
    """
    write: Any
    """write(tokens, nats, uniform, choice, network, states, work, p): N times draw a token from the logits in `work`
    and read it; other arguments as for `read`, for one sequence.

    tokens   (N,)  out
    nats     (N,)  out  float64, -ln of the probability that the network gave each token, whatever the choice
    uniform  (N,)  in   random numbers in [0, 1)
    choice   (temperature, top_k, top_p, banned), of `sampling.distribution`
    p        (V,)  -    float64
    """


@cache
def compiled(cell_name: str) -> Inference:
    """Return the functions of a cell, compiled when they are first called."""
    step = _step_of(CELLS[cell_name])

    @kernel(stamp=cell_name)
    def read(tokens, network, states, work):
        for n in range(tokens.shape[0]):
            step(tokens[n], network, states, work, n == tokens.shape[0] - 1)

    @kernel(stamp=cell_name)
    def write(tokens, nats, uniform, choice, network, states, work, p):
        temperature, top_k, top_p, banned = choice
        logits = work[3]
        for n in range(tokens.shape[0]):
            distribution(logits[0], temperature, top_k, top_p, banned, p)
            tokens[n] = draw(p, uniform[n])
            nats[n] = surprise(logits[0], tokens[n])
            # n >= 0: the literal True has its own type, and `step` would be compiled once more, for 4 s.
            step(tokens[n : n + 1], network, states, work, n >= 0)

    return Inference(read, write)


def _step_of(cell: Cell) -> Any:
    G, R, M, forward = len(cell.gates), len(cell.recurrent_gates), len(cell.memories), functions_of(cell).forward
    a = access(cell.name)
    read_gates, read_recurrent, read_unit, read_memory, write_memory = (
        a.gates, a.recurrent, a.unit, a.memory, a.write_memory,
    )  # fmt: skip

    @kernel(stamp=cell.name)
    def step(tokens, network, states, work, last):
        table, embedding, W_0, W_ih, W_hh, bias, unit, W_out, b_out = network
        (h, c), (x, gates, a_h, logits, scratch) = states, work
        L, B, H = h.shape[0], tokens.shape[0], h.shape[2]
        for layer in range(L):
            if layer > 0:
                multiply(h[layer - 1, :B], W_ih[layer - 1], 0, bias_of(bias[layer]), gates[:B], scratch)
            elif table.shape[0] > 0:
                for b in range(B):
                    gates[b] = table[tokens[b]]
            else:
                for b in range(B):
                    if embedding.shape[0] > 0:
                        x[b] = embedding[tokens[b]]
                    else:
                        unpack_column(W_out, tokens[b], b_out.shape[0], x[b])
                multiply(x[:B], W_0, 0, bias_of(bias[0]), gates[:B], scratch)
            if R > 0:
                multiply(h[layer, :B], W_hh[layer], 0, nothing(), a_h[:B], scratch)
            for b in range(B):
                block_x, block_h = gates[b].reshape((G, H)), a_h[b].reshape((R, H))
                h_b, c_b, unit_l = h[layer, b], c[layer, b].reshape((M, H)), unit[layer]
                for j in range(H):
                    _, h_j, memory = forward(
                        read_gates(block_x, 0, j, H),
                        read_recurrent(block_h, 0, j, H, load_h(h_b, j)),
                        read_unit(unit_l, 0, j, H),
                        load_h(h_b, j),
                        read_memory(c_b, 0, j, H),
                    )
                    store_h(h_b, j, h_j)
                    write_memory(c_b, 0, j, H, memory)
        if last and logits.shape[0] > 0:
            multiply(h[L - 1, :B], W_out, 0, bias_of(b_out), logits[:B], scratch)

    return step
