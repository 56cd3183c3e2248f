"""Gated recurrent unit with the reset after the product, one unit at one step.

    a_x = W_ih x_t + b;  a_h = W_hh h_{t-1}      row blocks r, z, n (given)
    r, z = sigmoid(a_x + a_h)
    q   = a_h_n + b_hn                           b_hn: one bias a unit, inside the reset
    n   = tanh(a_x_n + r * q)
    h_t = (1 - z) * n + z * h_{t-1}

The gradients of a_x and a_h differ in n. Backward needs q for the gradient of r.

Source: Cho et al. 2014, arXiv:1406.1078, in the form of cuDNN and PyTorch's nn.GRU.
"""

from __future__ import annotations

from typing import Any

from lstm_kernels.activations import sigmoid, sigmoid_slope, tanh, tanh_slope
from lstm_kernels.jit import inlined


@inlined
def forward(a_x: Any, a_h: Any, p: Any, h_prev: Any, memory_prev: Any) -> Any:
    """Return (r, z, n, q) for backward, and h_t."""
    r = sigmoid(a_x[0] + a_h[0])
    z = sigmoid(a_x[1] + a_h[1])
    q = a_h[2] + p[0]
    n = tanh(a_x[2] + r * q)
    return (r, z, n, q), n + z * (h_prev - n), ()


@inlined
def backward(dh: Any, dmemory: Any, saved: Any, p: Any, h_prev: Any, memory_prev: Any, memory: Any) -> Any:
    """Return da_x, da_h, dp, dh_{t-1} past W_hh and no dmemory, given dL/dh_t."""
    r, z, n, q = saved
    da_n = (dh - dh * z) * tanh_slope(n)
    da_z = dh * (h_prev - n) * sigmoid_slope(z)
    da_r = da_n * q * sigmoid_slope(r)
    dq = da_n * r
    return (da_r, da_z, da_n), (da_r, da_z, dq), (dq,), z * dh, ()
