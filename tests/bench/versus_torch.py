"""Whole training steps and single tokens of ours against PyTorch's and ONNX Runtime's, alternating in one run.

    python tests/bench/versus_torch.py [--only lstm,gru/chars] [--seconds 3] [--turns 3] [--threads N] [--compiled]

A training step: embedding, two layers, linear, softmax cross-entropy, all gradients, clipping by norm, AdamW; states
carried, float32 (ours also in bfloat16), embedding and hidden of one size. LSTM, GRU and RNN meet `torch.nn`'s; the
peephole and coupled cells, which PyTorch lacks, meet a loop over time as its users write one (both products at each
step; "careful": the input product taken out of the loop), and our own LSTM. A single token at batch 1 meets ONNX
Runtime.

Each side lives in a process of its own, so that thread pools do not meet, and they take turns (A B A B ...); medians of
all turns, and their ratio: above 1, ours is faster. Needs the `bench` extra.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from lstmtui.common.hardware import cpu_count
from lstmtui.engine.backend import NATIVE_BFLOAT16
from lstmtui.engine.benchmark.bench import SHAPES, Shape, single_step, training_step

Step = Callable[[], object]


# --- theirs -----------------------------------------------------------------------------------------------------------


def users_layer(cell: str, D: int, H: int, how: str) -> Any:
    """Return an LSTM layer with peepholes, or with f = 1 - i, as a module of PyTorch with a loop over time."""
    import torch

    gates = 4 if cell == "peephole" else 3

    def peephole(a: Any, c: Any, p: Any) -> Any:
        a_i, a_f, a_g, a_o = a.chunk(4, 1)
        i, f = torch.sigmoid(a_i + p[0] * c), torch.sigmoid(a_f + p[1] * c)
        c = f * c + i * torch.tanh(a_g)
        return torch.sigmoid(a_o + p[2] * c) * torch.tanh(c), c

    def coupled(a: Any, c: Any, p: Any) -> Any:
        a_i, a_g, a_o = a.chunk(3, 1)
        i = torch.sigmoid(a_i)
        c = (1 - i) * c + i * torch.tanh(a_g)
        return torch.sigmoid(a_o) * torch.tanh(c), c

    unit = {"peephole": peephole, "coupled": coupled}[cell]

    def step(x: Any, h: Any, c: Any, W_ih: Any, W_hh: Any, b: Any, p: Any) -> Any:
        return unit((x if W_ih is None else x @ W_ih + b) + h @ W_hh, c, p)

    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.W_ih = torch.nn.Parameter(torch.empty(D, gates * H).uniform_(-(H**-0.5), H**-0.5))
            self.W_hh = torch.nn.Parameter(torch.empty(H, gates * H).uniform_(-(H**-0.5), H**-0.5))
            self.b = torch.nn.Parameter(torch.zeros(gates * H))
            self.p = torch.nn.Parameter(torch.zeros(3, H)) if cell == "peephole" else None
            self.step = torch.compile(step) if how == "compiled" else step

        def forward(self, x: Any, state: Any) -> Any:
            h, c = state
            W_ih, outputs = self.W_ih, []
            if how == "careful":
                x, W_ih = x @ W_ih + self.b, None
            for x_t in x:
                h, c = self.step(x_t, h, c, W_ih, self.W_hh, self.b, self.p)
                outputs.append(h)
            return torch.stack(outputs), (h, c)

    return Layer()


def pytorchs(cell: str, shape: Shape, threads: int, how: str = "eager") -> Step:
    """Return a training step in PyTorch; `how` is that of a loop: eager, compiled or careful."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    L, H, V, B, T = shape.L, shape.H, shape.V, shape.B, shape.T
    embed, out = torch.nn.Embedding(V, H), torch.nn.Linear(H, V)
    built_in = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}.get(cell)
    layers = [built_in(H, H, L)] if built_in else [users_layer(cell, H, H, how) for _ in range(L)]
    states: list[Any] = [None] if built_in else [(torch.zeros(B, H), torch.zeros(B, H)) for _ in range(L)]
    weights = [w for module in (embed, *layers, out) for w in module.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=1e-3, betas=(0.9, 0.99), fused=True)
    x, y = torch.randint(V, (2, T, B))

    def step() -> None:
        optimizer.zero_grad()
        above = embed(x)
        for k, layer in enumerate(layers):
            above, state = layer(above, states[k])
            states[k] = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        torch.nn.functional.cross_entropy(out(above).reshape(-1, V), y.reshape(-1)).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()

    return step


def onnx_runtimes(shape: Shape, threads: int) -> Step:
    """Return one token through an LSTM network at batch 1 in ONNX Runtime, states in and out."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    H, V = shape.H, shape.V
    random = np.random.default_rng(0)

    def value(name: str, *sizes: int) -> Any:
        return numpy_helper.from_array(random.uniform(-0.05, 0.05, sizes).astype(np.float32), name)

    def described(name: str, *sizes: int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, sizes)

    constants = [value("embedding", V, H), value("W_out", H, V), value("b_out", V)]
    constants.append(numpy_helper.from_array(np.array([1]), "direction"))
    nodes = [helper.make_node("Gather", ["embedding", "token"], ["x0"])]
    inputs, outputs = [described("token", 1, 1, kind=TensorProto.INT64)], [described("logits", 1, 1, V)]
    for k in range(shape.L):
        constants += [value(f"W{k}", 1, 4 * H, H), value(f"R{k}", 1, 4 * H, H), value(f"B{k}", 1, 8 * H)]
        given = [f"x{k}", f"W{k}", f"R{k}", f"B{k}", "", f"h{k}", f"c{k}"]
        nodes.append(helper.make_node("LSTM", given, [f"y{k}", f"h{k}_next", f"c{k}_next"], hidden_size=H))
        nodes.append(helper.make_node("Squeeze", [f"y{k}", "direction"], [f"x{k + 1}"]))
        inputs += [described(f"{state}{k}", 1, 1, H) for state in "hc"]
        outputs += [described(f"{state}{k}_next", 1, 1, H) for state in "hc"]
    nodes.append(helper.make_node("MatMul", [f"x{shape.L}", "W_out"], ["product"]))
    nodes.append(helper.make_node("Add", ["product", "b_out"], ["logits"]))
    graph = helper.make_graph(nodes, "network", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 8
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [each.name for each in inputs]
    feed = dict.fromkeys(names[1:], np.zeros((1, 1, H), np.float32)) | {"token": np.zeros((1, 1), np.int64)}

    def step() -> None:
        feed.update(zip(names[1:], session.run(None, feed)[1:], strict=True))

    return step


# --- who meets whom ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Match:
    """Two sides, each as what makes its step and with what, and the ratio wanted."""

    name: str
    ours: tuple[Callable[..., Step], tuple[Any, ...]]
    theirs: tuple[Callable[..., Step], tuple[Any, ...]]
    target: float | None = None


TARGETS = {
    "lstm": {"chars-small": 1.5, "chars-large": 1.25, "words-medium": 1.4, "words-small": 1.6},
    "gru": {"chars-small": 2.0, "chars-large": 1.6, "words-medium": 2.0, "words-small": 2.0},
    "rnn": dict.fromkeys(("chars-small", "chars-large", "words-medium", "words-small")),
}
BFLOAT16_TARGETS = {"chars-small": None, "chars-large": 2.2, "words-medium": 2.2, "words-small": None}


def matches(threads: int, compiled: bool) -> list[Match]:
    """Return every comparison, in the order they are run."""
    found = []
    for cell, wanted in TARGETS.items():
        for name, target in wanted.items():
            given = (cell, SHAPES[name], threads)
            found.append(Match(f"{cell}/{name} torch.nn", (training_step, given), (pytorchs, given), target))
    for name, target in BFLOAT16_TARGETS.items() if NATIVE_BFLOAT16 else ():
        # PyTorch's best precision here is float32: its bfloat16 autocast takes 2 to 8 times as long.
        ours, theirs = ("lstm", SHAPES[name], threads, "bfloat16"), ("lstm", SHAPES[name], threads)
        found.append(Match(f"bfloat16/{name} torch.nn", (training_step, ours), (pytorchs, theirs), target))
    shape = SHAPES["chars-large"]
    for cell in ("peephole", "coupled"):
        ours = (training_step, (cell, shape, threads))
        name = f"{cell}/chars-large"
        for how in ("eager", *(["compiled"] if compiled else []), "careful"):
            theirs = (pytorchs, (cell, shape, threads, how))
            found.append(Match(f"{name} {how} loop", ours, theirs, None if how == "careful" else 8.0))
        found.append(Match(f"{name} our lstm", ours, (training_step, ("lstm", shape, threads)), 0.9))
    for precision, target in (("auto", 1.5), ("float32", None)):  # auto is what sampling and typing do
        token = (single_step, ("lstm", shape, precision))
        found.append(Match(f"token/{precision} ONNX Runtime", token, (onnx_runtimes, (shape, threads)), target))
    return found


_step: Step
"""The step of this process, made once."""


def prepare(make: Callable[..., Step], given: tuple[Any, ...]) -> None:
    """Make the step of this process, and call it twice to compile and warm up."""
    global _step
    _step = make(*given)
    for _ in range(2):
        _step()


def turn(seconds: float) -> list[float]:
    """Return the seconds of each step, of at least one and for so long; the first, after a pause, is left out."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < end:
        begun = time.perf_counter()
        _step()
        times.append(time.perf_counter() - begun)
    return times[1:]


def medians(match: Match, seconds: float, turns: int) -> list[float]:
    """Return the median seconds of a step of ours and of theirs."""
    sides = [
        ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=prepare, initargs=side)
        for side in (match.ours, match.theirs)
    ]
    try:
        for side in sides:  # both are ready before either is timed
            side.submit(turn, 0.0).result()
        times: list[list[float]] = [[], []]
        for _ in range(turns):
            for side, found in zip(sides, times, strict=True):
                found += side.submit(turn, seconds / turns).result()
        return [statistics.median(found) for found in times]
    finally:
        for side in sides:
            side.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="what names must begin with, separated by commas; all if not given")
    parser.add_argument("--seconds", type=float, default=3.0, help="of timing, for each side of each comparison")
    parser.add_argument("--turns", type=int, default=3, help="in how many turns")
    parser.add_argument("--threads", type=int, default=cpu_count(), help="of each side; ours takes a token with one")
    parser.add_argument(
        "--compiled", action="store_true", help="also the users' loop with its step compiled by PyTorch"
    )
    args = parser.parse_args()
    print(f"{'':36} {'ours ms':>9} {'theirs ms':>10} {'ratio':>6} {'target':>7}")
    for match in matches(args.threads, args.compiled):
        if not match.name.startswith(tuple(args.only.split(","))):
            continue
        ours, theirs = medians(match, args.seconds, args.turns)
        wanted = f"{match.target:.2f}" if match.target else "-"
        print(f"{match.name:36} {1e3 * ours:9.3f} {1e3 * theirs:10.3f} {theirs / ours:6.2f} {wanted:>7}", flush=True)


if __name__ == "__main__":
    main()
