"""LSTM with forget gate, one unit at one step.

    a   = W_ih x_t + W_hh h_{t-1} + b            row blocks i, f, g, o (given)
    i, f, o = sigmoid(a_i, a_f, a_o);  g = tanh(a_g)
    c_t = f * c_{t-1} + i * g
    h_t = o * tanh(c_t)

Source: Greff et al. 2017, arXiv:1503.04069, vanilla LSTM, here without peepholes.
"""

from __future__ import annotations

from typing import Any

from lstm_kernels.activations import sigmoid, sigmoid_slope, tanh, tanh_slope, zero
from lstm_kernels.jit import inlined


@inlined
def forward(a_x: Any, a_h: Any, p: Any, h_prev: Any, memory_prev: Any) -> Any:
    """Return (i, f, g, o) for backward, h_t and c_t."""
    (c_prev,) = memory_prev
    i = sigmoid(a_x[0] + a_h[0])
    f = sigmoid(a_x[1] + a_h[1])
    g = tanh(a_x[2] + a_h[2])
    o = sigmoid(a_x[3] + a_h[3])
    c = f * c_prev + i * g
    return (i, f, g, o), o * tanh(c), (c,)


@inlined
def backward(dh: Any, dmemory: Any, saved: Any, p: Any, h_prev: Any, memory_prev: Any, memory: Any) -> Any:
    """Return da_x, da_h, dp, dh_{t-1} past W_hh and dc_{t-1}, given dL/dh_t and dL/dc_t."""
    (dc,), (c_prev,), (c,) = dmemory, memory_prev, memory
    i, f, g, o = saved
    y = tanh(c)
    dc = dc + dh * o * tanh_slope(y)
    da = (
        dc * g * sigmoid_slope(i),
        dc * c_prev * sigmoid_slope(f),
        dc * i * tanh_slope(g),
        dh * y * sigmoid_slope(o),
    )
    return da, da, (), zero(dh), (dc * f,)
