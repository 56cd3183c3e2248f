"""LSTM with coupled input and forget gate, one unit at one step. What differs from `lstm.py`: f = 1 - i.

    a   = W_ih x_t + W_hh h_{t-1} + b            row blocks i, g, o (given)
    c_t = (1 - i) * c_{t-1} + i * g

Source: Greff et al. 2017, arXiv:1503.04069, variant CIFG, here without peepholes.
"""

from __future__ import annotations

from typing import Any

from lstm_kernels.activations import sigmoid, sigmoid_slope, tanh, tanh_slope, zero
from lstm_kernels.jit import inlined


@inlined
def forward(a_x: Any, a_h: Any, p: Any, h_prev: Any, memory_prev: Any) -> Any:
    """Return (i, g, o) for backward, h_t and c_t."""
    (c_prev,) = memory_prev
    i = sigmoid(a_x[0] + a_h[0])
    g = tanh(a_x[1] + a_h[1])
    o = sigmoid(a_x[2] + a_h[2])
    c = c_prev + i * (g - c_prev)
    return (i, g, o), o * tanh(c), (c,)


@inlined
def backward(dh: Any, dmemory: Any, saved: Any, p: Any, h_prev: Any, memory_prev: Any, memory: Any) -> Any:
    """Return da_x, da_h, dp, dh_{t-1} past W_hh and dc_{t-1}, given dL/dh_t and dL/dc_t."""
    (dc,), (c_prev,), (c,) = dmemory, memory_prev, memory
    i, g, o = saved
    y = tanh(c)
    dc = dc + dh * o * tanh_slope(y)
    da = (
        dc * (g - c_prev) * sigmoid_slope(i),
        dc * i * tanh_slope(g),
        dh * y * sigmoid_slope(o),
    )
    return da, da, (), zero(dh), (dc - dc * i,)
