"""Record outputs and gradients of small PyTorch layers in tests/kernels/torch_CELL.npz, or compare with them directly.

    python tests/bench/record_torch.py            write the files, so that the tests need no PyTorch
    python tests/bench/record_torch.py --check    compare on other sizes and seeds, and write nothing

Needs the `bench` extra. Each file holds, in float32: weights, inputs, initial states and the gradients from above
(`in.NAME`), and PyTorch's outputs and gradients (`out.NAME`), by the names of tests/support/naive.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

TESTS = Path(__file__).parents[1]
MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def record(cell: str, T: int, B: int, D: int, H: int, seed: int) -> dict[str, np.ndarray]:
    """Run one layer forward and backward in PyTorch."""
    torch.manual_seed(seed)
    module = MODULES[cell](D, H)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=H**-0.5)  # larger weights make long sequences chaotic
        # The kernels have one bias for both products, except the GRU's n, whose recurrent bias lies inside the reset.
        module.bias_hh_l0[: 2 * H if cell == "gru" else None] = 0
    x = torch.randn(T, B, D, requires_grad=True)
    h0, c0 = (torch.randn(1, B, H, requires_grad=True) for _ in range(2))
    dh_above, dh_last, dc_last = torch.randn(T, B, H), torch.randn(B, H), torch.randn(B, H)
    if cell == "lstm":
        h, (h_last, c_last) = module(x, (h0, c0))
        loss = (h * dh_above).sum() + (h_last[0] * dh_last).sum() + (c_last[0] * dc_last).sum()
    else:
        h, h_last = module(x, h0)
        loss = (h * dh_above).sum() + (h_last[0] * dh_last).sum()
    loss.backward()
    unit = module.bias_hh_l0[2 * H :][None] if cell == "gru" else torch.empty(0, H)
    dunit = module.bias_hh_l0.grad[2 * H :][None] if cell == "gru" else torch.empty(0, H)
    tensors = {
        "in.W_ih": module.weight_ih_l0,
        "in.W_hh": module.weight_hh_l0,
        "in.b": module.bias_ih_l0,
        "in.unit": unit,
        "in.x": x,
        "in.h0": h0[0],
        "in.c0": c0[0],
        "in.dh_above": dh_above,
        "in.dh_last": dh_last,
        "in.dc_last": dc_last,
        "out.h": h,
        "out.W_ih": module.weight_ih_l0.grad,
        "out.W_hh": module.weight_hh_l0.grad,
        "out.b": module.bias_ih_l0.grad,
        "out.unit": dunit,
        "out.x": x.grad,
        "out.h0": h0.grad[0],
    }
    if cell == "lstm":
        tensors |= {"out.c_last": c_last[0], "out.c0": c0.grad[0]}
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if parser.parse_args().check:
        sys.path.insert(0, str(TESTS))
        from support.layer_cases import worst_difference

        for cell in MODULES:
            for sizes in ((5, 3, 4, 7), (1, 1, 1, 1), (20, 8, 16, 32), (40, 4, 33, 65)):
                for seed in range(3):
                    worst = worst_difference(cell, record(cell, *sizes, seed))
                    print(f"{cell:5s} T B D H {sizes!s:16s} seed {seed}: {worst:.1e} of the largest value")
                    if worst > 1e-5:
                        sys.exit("PyTorch and the kernels differ")
        return
    for cell in MODULES:
        path = TESTS / "kernels" / f"torch_{cell}.npz"
        np.savez_compressed(path, **record(cell, T=5, B=3, D=4, H=7, seed=1))
        print(f"{path}  PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
