"""Times the parts of a training step, and compares each with the limit of this machine (a roofline).

The limit of a part is the longer of two times: its multiply-adds at the measured peak, and its bytes at the measured
bandwidth, each array counted once for each time that a kernel has to read or write it. Arrays that lie in a cache may
move faster.

While a profile is taken, timed wrappers replace the kernels of the network and the optimizer; runs are not affected.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from lstmtui.engine.backend import FlatWeights, Recurrence, Steps
from lstmtui.engine.nn.language_model import LanguageModel

Cost = tuple[str, float, float]
"""Name of the part that a call belongs to, floating point operations, bytes."""


@dataclass(slots=True)
class Part:
    """One part of a step: the sum over its calls."""

    name: str
    seconds: float = 0.0
    flops: float = 0.0
    bytes: float = 0.0

    def row(self, steps: int, peak_gflops: float, gigabytes_per_second: float) -> dict[str, Any]:
        """Return the figures of the part in one step."""
        product = 1e-6 * self.flops / steps / peak_gflops
        memory = 1e-6 * self.bytes / steps / gigabytes_per_second
        return {
            "part": self.name,
            "milliseconds": round(1e3 * self.seconds / steps, 4),
            "limit_milliseconds": round(max(product, memory), 4),
            "limit": "multiply-adds" if product >= memory else "memory",
        }


class Profile:
    """Parts of the steps profiled so far, in the order of their first calls."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}

    def timed(self, function: Callable[..., Any], cost: Callable[..., Cost]) -> Callable[..., Any]:
        """Return `function` with a timer; `cost` receives the arguments of each call."""

        def run(*args: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            result = function(*args, **named)
            seconds = time.perf_counter() - begun
            name, flops, size = cost(*args, **named)
            part = self.parts.setdefault(name, Part(name))
            part.seconds += seconds
            part.flops += flops
            part.bytes += size
            return result

        return run

    @contextmanager
    def of(self, network: LanguageModel) -> Iterator[None]:
        """Time the steps of `network`, and of any optimizer on its device, inside the context."""
        costs, device = _Costs(network), network.device
        before = {name: getattr(device, name) for name in ("linear", "embedding", "dropout", "optim")}
        recurrent, softmax = network.recurrent.recurrence, network.softmax
        try:
            for name, kernels in before.items():
                timed = SimpleNamespace(**{key: value for key, value in vars(kernels).items() if key[0] != "_"})
                for function, cost in vars(costs).items():
                    of, _, function = function.partition("_")
                    if of == name:
                        setattr(timed, function, self.timed(getattr(kernels, function), cost))
                setattr(device, name, timed)
            network.recurrent.recurrence = Recurrence(
                self.timed(recurrent.forward, costs.recurrence_forward),
                self.timed(recurrent.backward, costs.recurrence_backward),
            )
            network.softmax = SimpleNamespace(
                forward=self.timed(softmax.forward, costs.softmax_forward),
                backward=self.timed(softmax.backward, costs.softmax_backward),
            )
            network.pack = self.timed(network.pack, costs.pack)  # type: ignore[method-assign]
            yield
        finally:
            for name, kernels in before.items():
                setattr(device, name, kernels)
            network.recurrent.recurrence, network.softmax = recurrent, softmax
            del network.pack


class _Costs(SimpleNamespace):
    """Costs of calls, by module and function (linear_forward, ...); they take the arguments of the kernels."""

    def __init__(self, network: LanguageModel) -> None:
        weights, R = network.weights, len(network.cell.recurrent_gates)

        def product(name: str, M: int, K: int, N: int, *arrays: Any) -> Cost:
            return name, 2.0 * M * K * N, _size(*arrays)

        def forward(x: Any, W: Any, b: Any, y: Any, threads: int) -> Cost:
            return product("inputs: product", *x.shape, y.shape[1], x, W.words, y)

        def backward_input(dy: Any, W: Any, dx: Any, precision: str, threads: int, *, add: bool = False) -> Cost:
            return product("inputs: gradient", *dy.shape, dx.shape[1], dy, W, dx)

        def backward_weights(
            dy: Any, x: Any, dW: Any, db: Any, precision: str, threads: int, *, add: bool = False
        ) -> Cost:
            written = [dW] * (2 if add else 1)
            return product("layers: gradient of weights", *dy.shape, x.shape[1], dy, x, *written)

        def softmax_forward(x: Any, W: Any, b: Any, targets: Any, *rest: Any) -> Cost:
            name, flops, size = product("softmax: product and loss", *x.shape, len(W), x, W)
            return name, flops, size + len(x) * len(W) * x.itemsize

        def softmax_backward(
            x: Any, W: Any, targets: Any, dx: Any, dW: Any, db: Any, threads: int, *, add: bool = False
        ) -> Cost:
            written = [dW] * (2 if add else 1)
            name, flops, size = product("softmax: gradients", *x.shape, len(W), x, W, dx, *written)
            return name, 2 * flops, size + len(x) * len(W) * x.itemsize

        def recurrence_forward(steps: Steps, *rest: Any) -> Cost:
            (gates, h, c, extra, *_), (T, B, _) = steps, steps.gates.shape
            H = h.shape[2]
            return product("layers: forward", T * B, H, R * H, gates, gates, h, h, c, c, extra)

        def recurrence_backward(above: Any, steps: Steps, *rest: Any) -> Cost:
            (gates, h, c, extra, *_), (T, B, H) = steps, above.shape
            return product("layers: backward", T * B, R * H, H, above, h, c, c, gates, gates, extra, extra)

        def update(flat: FlatWeights, *moments: Any) -> Cost:
            return "optimizer: update", 0.0, 2 * _size(flat.w, flat.ema, *moments) + _size(flat.g)

        def dropout(x: Any, *rest: Any) -> Cost:
            return "dropout", 0.0, 2 * _size(x)

        super().__init__(
            linear_forward=forward,
            linear_backward_input=backward_input,
            linear_backward_weights=backward_weights,
            recurrence_forward=recurrence_forward,
            recurrence_backward=recurrence_backward,
            embedding_forward=lambda table, tokens, y, threads: ("embedding", 0.0, 2 * _size(y)),
            embedding_backward=lambda dy, tokens, dtable, threads: ("embedding: gradient", 0.0, 3 * _size(dy)),
            softmax_forward=softmax_forward,
            softmax_backward=softmax_backward,
            dropout_locked_mask=dropout,
            dropout_apply=dropout,
            dropout_drop_weights=dropout,
            dropout_drop_weights_backward=dropout,
            optim_norm=lambda gradients, *rest: ("optimizer: norm", 0.0, _size(gradients)),
            optim_adamw=lambda flat, adam, *rest: update(flat, adam.m, adam.v),
            optim_sgd=lambda flat, velocity, *rest: update(flat, velocity),
            pack=lambda *drop: ("weights: packing", 0.0, 2.0 * weights.flat.itemsize * _packed_weights(network)),
        )


def _size(*arrays: Any) -> float:
    return float(sum(array.nbytes for array in arrays))


def _packed_weights(network: LanguageModel) -> int:
    """Return how many weights are packed at each step."""
    views = network.weights.views
    return sum(view.size for name, view in views.items() if name.endswith((".W_ih", ".W_hh")))
