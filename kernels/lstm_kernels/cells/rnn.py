"""Simple recurrent network, one unit at one step.

    a   = W_ih x_t + W_hh h_{t-1} + b            (given)
    h_t = tanh(a)

Source: Elman 1990, Finding structure in time, with tanh as in PyTorch's nn.RNN.
"""

from __future__ import annotations

from typing import Any

from lstm_kernels.activations import tanh, tanh_slope, zero
from lstm_kernels.jit import inlined


@inlined
def forward(a_x: Any, a_h: Any, p: Any, h_prev: Any, memory_prev: Any) -> Any:
    """Return (h,) for backward, and h_t."""
    h = tanh(a_x[0] + a_h[0])
    return (h,), h, ()


@inlined
def backward(dh: Any, dmemory: Any, saved: Any, p: Any, h_prev: Any, memory_prev: Any, memory: Any) -> Any:
    """Return da_x, da_h, dp, dh_{t-1} past W_hh and no dmemory, given dL/dh_t."""
    da = (dh * tanh_slope(saved[0]),)
    return da, da, (), zero(dh), ()
