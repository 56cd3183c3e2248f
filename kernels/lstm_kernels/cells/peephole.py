"""LSTM with peepholes, one unit at one step. What differs from `lstm.py`: the gates see the cell state.

    a_i, a_f += p_i * c_{t-1}, p_f * c_{t-1};  a_o += p_o * c_t            p_i, p_f, p_o: one weight a unit

Source: Gers, Schraudolph and Schmidhuber 2002, Learning precise timing with LSTM recurrent networks; equations as
in Greff et al. 2017, arXiv:1503.04069.
"""

from __future__ import annotations

from typing import Any

from lstm_kernels.activations import sigmoid, sigmoid_slope, tanh, tanh_slope, zero
from lstm_kernels.jit import inlined


@inlined
def forward(a_x: Any, a_h: Any, p: Any, h_prev: Any, memory_prev: Any) -> Any:
    """Return (i, f, g, o) for backward, h_t and c_t."""
    (c_prev,) = memory_prev
    p_i, p_f, p_o = p
    i = sigmoid(a_x[0] + a_h[0] + p_i * c_prev)
    f = sigmoid(a_x[1] + a_h[1] + p_f * c_prev)
    g = tanh(a_x[2] + a_h[2])
    c = f * c_prev + i * g
    o = sigmoid(a_x[3] + a_h[3] + p_o * c)
    return (i, f, g, o), o * tanh(c), (c,)


@inlined
def backward(dh: Any, dmemory: Any, saved: Any, p: Any, h_prev: Any, memory_prev: Any, memory: Any) -> Any:
    """Return da_x, da_h, dp, dh_{t-1} past W_hh and dc_{t-1}, given dL/dh_t and dL/dc_t."""
    (dc,), (c_prev,), (c,) = dmemory, memory_prev, memory
    i, f, g, o = saved
    p_i, p_f, p_o = p
    y = tanh(c)
    da_o = dh * y * sigmoid_slope(o)
    dc = dc + dh * o * tanh_slope(y) + da_o * p_o
    da_i = dc * g * sigmoid_slope(i)
    da_f = dc * c_prev * sigmoid_slope(f)
    da = (da_i, da_f, dc * i * tanh_slope(g), da_o)
    return da, da, (da_i * c_prev, da_f * c_prev, da_o * c), zero(dh), (dc * f + da_i * p_i + da_f * p_f,)
