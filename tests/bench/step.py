"""Time a training step of an LSTM language model against PyTorch's, both from tokens to gradients.

    python tests/bench/step.py [--layers 2] [--hidden 256] [--vocabulary 65] [--batch 32] [--bptt 64] [--threads 2]
                               [--cell lstm]

The step: embedding, layers, linear, softmax cross-entropy, all gradients, norm, clip, AdamW. Each side runs in its
own process, so that thread pools do not meet, and in turns; the smallest of all times counts. Needs the `bench` extra.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def ours(cell: str, L: int, H: int, V: int, B: int, T: int, threads: int) -> Callable[[], None]:
    """Return one training step of the kernels, put together as the engine does, over one arena."""
    from lstm_kernels.cells import CELLS
    from lstm_kernels.cpu import embedding, linear, optim, recurrence, softmax

    spec, N = CELLS[cell], T * B
    G, S, P, Hc = len(spec.gates), len(spec.saved), len(spec.unit_params), H if spec.has_c else 0
    shapes = [(V, H), (V, H), (V,)] + [(G * H, H), (G * H, H), (G * H,), (P, H)] * L
    total = sum(int(np.prod(shape)) for shape in shapes)
    rng = np.random.default_rng(0)
    w, g, m, v = (np.zeros(total, np.float32) for _ in range(4))
    w[:] = rng.normal(size=total, scale=H**-0.5)

    def views(arena: Any) -> list[Any]:
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        return [arena[end - int(np.prod(s)) : end].reshape(s) for end, s in zip(ends, shapes, strict=True)]

    table, W_out, b_out, *layers = views(w)
    dtable, dW_out, db_out, *dlayers = views(g)

    def empty(*shape: int) -> Any:
        return np.zeros(shape, np.float32)

    tokens, targets = rng.integers(0, V, (2, N)).astype(np.int32)
    x, a_x, da_h = empty(T, B, H), [empty(T, B, G * H) for _ in range(L)], empty(T, B, G * H)
    h, c = [empty(T + 1, B, H) for _ in range(L)], [empty(T + 1, B, Hc) for _ in range(L)]
    saved, scratch, logits, nll = [empty(T, B, S * H) for _ in range(L)], empty(B, G * H), empty(N, V), empty(N)
    dh_above, dh, dc = empty(T, B, H), empty(B, H), empty(B, Hc)
    walk = recurrence.compiled(cell)
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        g[:] = 0
        embedding.forward(table, tokens, x.reshape(N, H), threads)
        below = x
        for at in range(L):
            W_ih, W_hh, b, unit = layers[4 * at : 4 * at + 4]
            linear.forward(below.reshape(N, H), W_ih, b, a_x[at].reshape(N, G * H), threads)
            walk.forward(a_x[at], W_hh, unit, h[at], c[at], saved[at], scratch, threads)
            below = h[at][1:]
        linear.forward(below.reshape(N, H), W_out, b_out, logits, threads)
        softmax.cross_entropy(logits, targets, nll, 1 / N, threads)
        linear.backward_weights(logits, below.reshape(N, H), dW_out, db_out, threads)
        linear.backward_input(logits, W_out, dh_above.reshape(N, H), threads)
        for at in reversed(range(L)):
            W_ih, W_hh, b, unit = layers[4 * at : 4 * at + 4]
            dW_ih, dW_hh, db, dunit = dlayers[4 * at : 4 * at + 4]
            dh[:], dc[:], da_x = 0, 0, a_x[at]
            da = da_h if spec.split else da_x
            walk.backward(dh_above, W_hh, unit, h[at], c[at], saved[at], da_x, da, dh, dc, dunit, scratch, threads)
            below = (h[at - 1][1:] if at else x).reshape(N, H)
            linear.backward_weights(da.reshape(N, G * H), h[at][:-1].reshape(N, H), dW_hh, None, threads)
            linear.backward_weights(da_x.reshape(N, G * H), below, dW_ih, db, threads)
            linear.backward_input(da_x.reshape(N, G * H), W_ih, dh_above.reshape(N, H), threads)
        embedding.backward(dh_above.reshape(N, H), tokens, dtable, threads)
        clip = min(1.0, 1.0 / (optim.norm(g, threads) + 1e-6))
        optim.adamw(w, g, m, v, 1e-3, 0.9, 0.99, 1e-8, 0.1, total, clip, count, threads)

    return step


def pytorchs(cell: str, L: int, H: int, V: int, B: int, T: int, threads: int) -> Callable[[], None]:
    """Return the same training step in PyTorch."""
    import torch

    torch.set_num_threads(threads)
    embed, out = torch.nn.Embedding(V, H), torch.nn.Linear(H, V)
    body = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[cell](H, H, L)
    parameters = [*embed.parameters(), *body.parameters(), *out.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    tokens, targets = torch.randint(V, (2, T, B))

    def step() -> None:
        optimizer.zero_grad()
        logits = out(body(embed(tokens))[0])
        torch.nn.functional.cross_entropy(logits.reshape(-1, V), targets.reshape(-1)).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return step


SIDES = {"ours": ours, "PyTorch": pytorchs}


def smallest(step: Callable[[], None], seconds: float) -> float:
    """Return the least milliseconds of a step, after two to warm up."""
    for _ in range(2):
        step()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    return 1e3 * best


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cell", default="lstm")
    for name, value in {"layers": 2, "hidden": 256, "vocabulary": 65, "batch": 32, "bptt": 64, "threads": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--seconds", type=float, default=3.0, help="of timing, in each of three turns of each side")
    parser.add_argument("--side", choices=SIDES, help="time this side only, in this process")
    args = parser.parse_args()
    if args.side:
        sizes = (args.layers, args.hidden, args.vocabulary, args.batch, args.bptt, args.threads)
        print(json.dumps(smallest(SIDES[args.side](args.cell, *sizes), args.seconds)))
        return
    best = dict.fromkeys(SIDES if args.cell in ("lstm", "gru", "rnn") else ["ours"], float("inf"))
    for _ in range(3):
        for side in best:
            command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
            best[side] = min(best[side], json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    for side, milliseconds in best.items():
        print(f"{side:8s} {milliseconds:8.2f} ms a step, {args.batch * args.bptt / milliseconds:8.0f} tokens/ms")
    if "PyTorch" in best:
        print(f"speed relative to PyTorch: {best['PyTorch'] / best['ours']:.2f}")


if __name__ == "__main__":
    main()
