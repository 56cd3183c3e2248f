"""Compare sLSTM and minGRU with other formulations of the same cells, differentiated by PyTorch's autograd in float64.

    python tests/bench/cells_versus_autograd.py

PyTorch has neither cell, so each is written here twice from its paper, and shares no code with the kernels:

    slstm   stabilised      equations 8 to 17 of Beck et al. 2024, arXiv:2405.04517, with a sigmoid forget gate
            unstabilised    the same without stabiliser: i = exp(a_i), and h = o * c / n of states that grow
    mingru  step by step    section 3.1 of Feng et al. 2024, arXiv:2410.01201
            closed form     h_t = A_t (h_0 + sum of z_k n_k / A_k over k <= t), A_t the product of 1 - z_k

The table has the largest difference of outputs, last states and of each gradient, relative to the largest value of that
array. Exits with 1 where one is above 1e-10, which is what some hundred operations of float64 leave. Needs PyTorch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import naive
from support.layer_cases import run_layer

TOLERANCE = 1e-10
SIZES = ((5, 3, 4, 7), (1, 1, 1, 1), (20, 8, 16, 32), (40, 4, 9, 33))
"""T, B, D, H."""
SEEDS = 3

Layer = dict[str, Tensor]
Result = tuple[Tensor, Tensor]
"""h (T, B, H), and the states beside h after the last step, (B, MH)."""


def slstm_stabilised(layer: Layer, x: Tensor, h: Tensor, c: Tensor) -> Result:
    """The stabilised equations; a unit whose normaliser is 0 has read nothing."""
    cell, normaliser, stabiliser = c.chunk(3, dim=1)
    outputs = []
    for x_t in x:
        i, f, z, o = (x_t @ layer["W_ih"].T + h @ layer["W_hh"].T + layer["b"]).chunk(4, dim=1)
        log_f = torch.nn.functional.logsigmoid(f)
        m = torch.where(normaliser == 0, i, torch.maximum(log_f + stabiliser, i))
        i_scaled, f_scaled = torch.exp(i - m), torch.exp(log_f + stabiliser - m)
        f_scaled = torch.where(normaliser == 0, torch.zeros_like(m), f_scaled)
        cell, normaliser, stabiliser = (
            f_scaled * cell + i_scaled * torch.tanh(z),
            f_scaled * normaliser + i_scaled,
            m,
        )
        h = torch.sigmoid(o) * cell / normaliser
        outputs.append(h)
    return torch.stack(outputs), torch.cat([cell, normaliser, stabiliser], dim=1)


def slstm_unstabilised(layer: Layer, x: Tensor, h: Tensor, c: Tensor) -> Result:
    """States that are not divided by e^m until the end; m follows by its definition."""
    cell, normaliser, m = c.chunk(3, dim=1)
    empty = normaliser == 0
    cell, normaliser = cell * torch.exp(m), normaliser * torch.exp(m)
    outputs = []
    for t, x_t in enumerate(x):
        i, f, z, o = (x_t @ layer["W_ih"].T + h @ layer["W_hh"].T + layer["b"]).chunk(4, dim=1)
        cell = torch.sigmoid(f) * cell + torch.exp(i) * torch.tanh(z)
        normaliser = torch.sigmoid(f) * normaliser + torch.exp(i)
        m = (
            torch.maximum(m + torch.log(torch.sigmoid(f)), i)
            if t
            else torch.where(empty, i, torch.maximum(m + torch.log(torch.sigmoid(f)), i))
        )
        h = torch.sigmoid(o) * cell / normaliser
        outputs.append(h)
    return torch.stack(outputs), torch.cat([cell * torch.exp(-m), normaliser * torch.exp(-m), m], dim=1)


def mingru_by_steps(layer: Layer, x: Tensor, h: Tensor, c: Tensor) -> Result:
    """The recurrence as the paper has it."""
    outputs = []
    for x_t in x:
        z, candidate = (x_t @ layer["W_ih"].T + layer["b"]).chunk(2, dim=1)
        z = torch.sigmoid(z)
        h = (1 - z) * h + z * candidate
        outputs.append(h)
    return torch.stack(outputs), c


def mingru_closed(layer: Layer, x: Tensor, h: Tensor, c: Tensor) -> Result:
    """All steps at once."""
    z, candidate = (x @ layer["W_ih"].T + layer["b"]).chunk(2, dim=2)
    z = torch.sigmoid(z)
    decay = torch.cumprod(1 - z, dim=0)
    return decay * (h + torch.cumsum(z * candidate / decay, dim=0)), c


FORMULATIONS: dict[str, dict[str, Callable[[Layer, Tensor, Tensor, Tensor], Result]]] = {
    "slstm": {"stabilised": slstm_stabilised, "unstabilised": slstm_unstabilised},
    "mingru": {"step by step": mingru_by_steps, "closed form": mingru_closed},
}


def difference(found: np.ndarray, expected: Tensor | None) -> float:
    """Return the largest difference relative to the largest expected value; PyTorch has None for a gradient of 0."""
    if found.size == 0:
        return 0.0
    other = np.zeros_like(found) if expected is None else expected.detach().numpy()
    return float(np.abs(found - other).max() / max(np.abs(other).max(), 1e-3))


def compare(cell: str, formulation: str, sizes: tuple[int, int, int, int], seed: int, *, fresh: bool) -> float:
    """Return the largest difference for one random layer; `fresh` begins with states of 0."""
    T, B, D, H = sizes
    rng = np.random.default_rng([*sizes, seed])
    layer = naive.random_layer(cell, D, H, rng)
    x, dh_above = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    h0, c0, dh_last, dc_last = naive.random_states(cell, B, H, rng)
    if fresh:
        h0, c0 = np.zeros_like(h0), np.zeros_like(c0)
    h, c, _, gradients = run_layer(cell, layer, x, h0, c0, dh_above, dh_last, dc_last)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in layer.items()}
    inputs = {name: torch.tensor(value, requires_grad=True) for name, value in (("x", x), ("h0", h0), ("c0", c0))}
    outputs, last = FORMULATIONS[cell][formulation](tensors, *inputs.values())
    loss = (outputs * torch.tensor(dh_above)).sum() + (outputs[-1] * torch.tensor(dh_last)).sum()
    (loss + (last * torch.tensor(dc_last)).sum()).backward()
    expected = {name: tensor.grad for name, tensor in (tensors | inputs).items()}
    if fresh:  # c is relative to e^m, which is undefined for a unit that has read nothing
        gradients["c0"], expected["c0"] = np.zeros_like(c0), None
    worst = [difference(h[1:], outputs), difference(c[-1], last)]
    return max(*worst, *(difference(gradient, expected[name]) for name, gradient in gradients.items()))


def main() -> None:
    failed = False
    for cell, formulations in FORMULATIONS.items():
        for formulation in formulations:
            for sizes in SIZES:
                for fresh in (False, True):
                    worst = max(compare(cell, formulation, sizes, seed, fresh=fresh) for seed in range(SEEDS))
                    failed |= not worst <= TOLERANCE
                    states = "states of 0" if fresh else "random states"
                    print(f"{cell:6s} {formulation:12s} T B D H {sizes!s:16s} {states:13s} {worst:.1e}")
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
