"""Attention, smoothed labels and CTC judged by PyTorch: largest errors over random shapes, and ratios of speed.

    python tests/bench/attention_versus_torch.py [--shapes 1000] [--turns 5] [--seed 0]

Errors are in float64 and float32, over as many random shapes, gradients included; PyTorch computes in float64. CTC
meets `torch.nn.functional.ctc_loss`, utterances too short for their labels among them. Speeds are of one thread each,
float32, forward and backward, at the shapes named; sides take turns, and the ratio is of medians: above 1, ours is
faster. Needs the `bench` extra. Fails when an error is above its bound.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from lstm_kernels.cpu import attention, ctc, softmax
from lstm_kernels.interface import AttentionGradients, AttentionInputs, CTCTargets, Smoothing

F = torch.nn.functional
Found = list[np.ndarray[Any, Any]]
BOUNDS = {"float64": 1e-10, "float32": 5e-5}
SMOOTHING = 0.1


def tensor(a: np.ndarray[Any, Any]) -> Any:
    """Return an array as a leaf in float64 whose gradient is wanted."""
    return torch.tensor(a, dtype=torch.float64, requires_grad=True)


# --- one case of each: what is given, ours and theirs -----------------------------------------------------------------


def attention_case(random: np.random.Generator, dtype: str) -> tuple[Any, ...]:
    """Return queries, keys, memory, lengths and dcontext."""
    T, B, S, A, M = (int(n) for n in random.integers(1, [20, 8, 30, 40, 40]))
    shapes = ((T, B, A), (S, B, A), (S, B, M), (T, B, M))
    q, k, m, dcontext = (random.normal(size=shape).astype(dtype) for shape in shapes)
    return q, k, m, random.integers(1, S + 1, B).astype(np.int32), dcontext


def our_attention(q: Any, k: Any, m: Any, lengths: Any, dcontext: Any) -> Found:
    weights, context = np.zeros((*q.shape[:2], len(k)), q.dtype), np.zeros_like(dcontext)
    inputs, precision = AttentionInputs(q, k, m, lengths, q.shape[2] ** -0.5), q.dtype.name
    attention.forward(inputs, weights, context, precision, 1)
    found = AttentionGradients(*(np.zeros_like(a) for a in (weights, q, k, m)))
    attention.backward(dcontext, inputs, weights, found, precision, 1)
    return [weights, context, *found[1:]]


def torch_attention(q: Any, k: Any, m: Any, mask: Any) -> tuple[Any, Any]:
    """Return weights (B, T, S) and context (T, B, M)."""
    scores = torch.einsum("tba,sba->bts", q, k) * q.shape[2] ** -0.5
    weights = scores.masked_fill(mask, -torch.inf).softmax(dim=2)
    return weights, torch.einsum("bts,sbm->tbm", weights, m)


def mask_of(lengths: Any, S: int) -> Any:
    return (torch.arange(S)[None] >= torch.tensor(lengths)[:, None])[:, None]


def their_attention(q: Any, k: Any, m: Any, lengths: Any, dcontext: Any) -> Found:
    leaves = [tensor(a) for a in (q, k, m)]
    weights, context = torch_attention(*leaves, mask_of(lengths, len(k)))
    context.backward(torch.tensor(dcontext, dtype=torch.float64))
    return [weights.permute(1, 0, 2).detach().numpy(), context.detach().numpy(), *(x.grad.numpy() for x in leaves)]


def smoothing_case(random: np.random.Generator, dtype: str) -> tuple[Any, ...]:
    """Return logits and targets, some of them ignored."""
    N, V = (int(n) for n in random.integers(1, [30, 60]))
    targets = random.integers(0, V, N).astype(np.int32)
    targets[random.random(N) < 0.2] = -1
    return random.normal(size=(N, V), scale=3).astype(dtype), targets


def our_smoothing(logits: Any, targets: Any) -> Found:
    dlogits, (nll, uniform) = logits.copy(), np.zeros((2, len(logits)), logits.dtype)
    softmax.cross_entropy(dlogits, targets, nll, 1.0, 1, Smoothing(SMOOTHING, uniform))
    return [(1 - SMOOTHING) * nll + SMOOTHING * uniform, dlogits]


def their_smoothing(logits: Any, targets: Any) -> Found:
    z, wanted = tensor(logits), torch.tensor(targets, dtype=torch.int64)
    loss = F.cross_entropy(z, wanted, label_smoothing=SMOOTHING, ignore_index=-1, reduction="none")
    loss.sum().backward()
    return [loss.detach().numpy(), z.grad.numpy()]


def ctc_case(random: np.random.Generator, dtype: str) -> tuple[Any, ...]:
    """Return logits, lengths, labels and label lengths; some utterances are too short."""
    T, B, V, U = (int(n) for n in random.integers([1, 1, 2, 1], [40, 6, 20, 15]))
    logits = random.normal(size=(T, B, V), scale=random.choice([0.3, 1.0, 4.0])).astype(dtype)
    lengths, counts = random.integers(1, T + 1, B), random.integers(0, U + 1, B)
    return logits, *(a.astype(np.int32) for a in (lengths, random.integers(1, V, (B, U)), counts))


def our_ctc(logits: Any, lengths: Any, labels: Any, counts: Any) -> Found:
    T, B, _ = logits.shape
    dlogits, nll, aligned = logits.copy(), np.zeros(B, logits.dtype), np.zeros(B, np.int32)
    work = np.zeros(ctc.work_shape(T, B, labels.shape[1]), logits.dtype)
    ctc.loss(dlogits, CTCTargets(lengths, labels, counts), nll, aligned, work, 1.0, 1)
    return [nll, aligned, dlogits]


def their_ctc(logits: Any, lengths: Any, labels: Any, counts: Any) -> Found:
    z = tensor(logits)
    of_labels = (torch.tensor(a, dtype=torch.int64) for a in (labels, lengths, counts))
    loss = F.ctc_loss(z.log_softmax(2), *of_labels, reduction="none", zero_infinity=False)
    aligned = torch.isfinite(loss)
    loss[aligned].sum().backward()
    # Of one that is too short PyTorch's gradient is NaN: 0 is what is wanted.
    dlogits = np.where(aligned.numpy()[None, :, None], z.grad.numpy(), 0)
    return [np.where(aligned, loss.detach(), 0), aligned.numpy().astype(np.int32), dlogits]


CASES: dict[str, tuple[Callable[..., Any], Callable[..., Found], Callable[..., Found]]] = {
    "attention": (attention_case, our_attention, their_attention),
    "smoothing": (smoothing_case, our_smoothing, their_smoothing),
    "ctc": (ctc_case, our_ctc, their_ctc),
}


def judge(name: str, shapes: int, seed: int) -> bool:
    """Print the largest errors over random shapes, relative to the largest of each array; return if all is well."""
    make, ours, theirs = CASES[name]
    fine = True
    for dtype, bound in BOUNDS.items():
        random, worst = np.random.default_rng(seed), 0.0
        for _ in range(shapes):
            given = make(random, dtype)
            for got, wanted in zip(ours(*given), theirs(*given), strict=True):
                error = np.abs(got - wanted).max() / max(1.0, np.abs(wanted).max())
                worst = max(worst, float(error) if np.isfinite(error) else np.inf)
        fine &= worst <= bound
        print(f"{name:10} {dtype}  {shapes} shapes  largest error {worst:.1e}  (bound {bound:.0e})", flush=True)
    return fine


# --- speed ------------------------------------------------------------------------------------------------------------


def attention_steps(T: int, B: int, S: int, A: int, M: int) -> tuple[Callable[[], object], ...]:
    """Return a step of ours and one of theirs, forward and backward."""
    random = np.random.default_rng(1)
    shapes = ((T, B, A), (S, B, A), (S, B, M), (T, B, M))
    q, k, m, dcontext = (random.normal(size=shape).astype(np.float32) for shape in shapes)
    lengths = random.integers(S // 2, S + 1, B).astype(np.int32)
    weights, context = np.zeros((T, B, S), np.float32), np.zeros_like(dcontext)
    inputs = AttentionInputs(q, k, m, lengths, A**-0.5)
    found = AttentionGradients(*(np.zeros_like(a) for a in (weights, q, k, m)))
    leaves = [torch.tensor(a, requires_grad=True) for a in (q, k, m)]
    mask, above = mask_of(lengths, S), torch.tensor(dcontext)

    def ours() -> None:
        attention.forward(inputs, weights, context, "float32", 1)
        attention.backward(dcontext, inputs, weights, found, "float32", 1)

    def theirs() -> object:
        return torch.autograd.grad(torch_attention(*leaves, mask)[1], leaves, above)

    return ours, theirs


def ctc_steps(T: int, B: int, V: int, U: int) -> tuple[Callable[[], object], ...]:
    """Return a step of ours and one of theirs, forward and backward."""
    random = np.random.default_rng(1)
    logits = random.normal(size=(T, B, V)).astype(np.float32)
    lengths, counts = random.integers(T * 3 // 4, T + 1, B), random.integers(U // 2, U + 1, B)
    labels = random.integers(1, V, (B, U)).astype(np.int32)
    held, targets = logits.copy(), CTCTargets(*(a.astype(np.int32) for a in (lengths, labels, counts)))
    nll, aligned = np.zeros(B, np.float32), np.zeros(B, np.int32)
    work, z = np.zeros(ctc.work_shape(T, B, U), np.float32), torch.tensor(logits, requires_grad=True)
    wanted = [torch.tensor(a, dtype=torch.int64) for a in (labels, lengths, counts)]

    def ours() -> None:
        held[...] = logits
        ctc.loss(held, targets, nll, aligned, work, 1.0, 1)

    def theirs() -> object:
        return torch.autograd.grad(F.ctc_loss(z.log_softmax(2), *wanted, reduction="sum", zero_infinity=True), z)

    return ours, theirs


def smoothing_steps(N: int, V: int) -> tuple[Callable[[], object], ...]:
    """Return a step of ours and one of theirs, forward and backward."""
    random = np.random.default_rng(1)
    logits, targets = random.normal(size=(N, V)).astype(np.float32), random.integers(0, V, N).astype(np.int32)
    held, (nll, uniform) = logits.copy(), np.zeros((2, N), np.float32)
    z, wanted = torch.tensor(logits, requires_grad=True), torch.tensor(targets, dtype=torch.int64)

    def ours() -> None:
        held[...] = logits
        softmax.cross_entropy(held, targets, nll, 1 / N, 1, Smoothing(SMOOTHING, uniform))

    def theirs() -> object:
        return torch.autograd.grad(F.cross_entropy(z, wanted, label_smoothing=SMOOTHING), z)

    return ours, theirs


SPEEDS: dict[str, Callable[[], tuple[Callable[[], object], ...]]] = {
    "attention T20 B64 S20 A256 M512": lambda: attention_steps(20, 64, 20, 256, 512),
    "attention T20 B64 S64 A256 M512": lambda: attention_steps(20, 64, 64, 256, 512),
    "smoothing N1280 V5757": lambda: smoothing_steps(1280, 5757),
    "ctc T100 B16 V30 U20": lambda: ctc_steps(100, 16, 30, 20),
    "ctc T500 B16 V30 U100": lambda: ctc_steps(500, 16, 30, 100),
}


def race(name: str, turns: int) -> None:
    """Print the times of a step, taken in turns."""
    steps = SPEEDS[name]()
    times: tuple[list[float], ...] = ([], [])
    for turn in range(turns + 1):  # the first compiles
        for step, of_side in zip(steps, times, strict=True):
            for _ in range(3):
                began = time.perf_counter()
                step()
                if turn > 0:
                    of_side.append(time.perf_counter() - began)
    ours, theirs = (1000 * statistics.median(of_side) for of_side in times)
    print(f"{name:32} ours {ours:8.3f} ms   torch {theirs:8.3f} ms   ratio {theirs / ours:.2f}", flush=True)


def main() -> None:
    """Judge, then race."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    fine = [judge(name, options.shapes, options.seed) for name in CASES]
    for name in SPEEDS:
        race(name, options.turns)
    sys.exit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
