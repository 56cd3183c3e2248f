"""minGRU, one unit at one step: gates see the input alone, so that there is no product with h_{t-1}.

    a   = W_ih x_t + b                           row blocks z, n (given)
    z   = sigmoid(a_z);  n = a_n
    h_t = (1 - z) * h_{t-1} + z * n

Source: Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201, section 3.1.
"""

from __future__ import annotations

from typing import Any

from lstm_kernels.activations import sigmoid, sigmoid_slope, zero
from lstm_kernels.jit import inlined


@inlined
def forward(a_x: Any, a_h: Any, p: Any, h_prev: Any, memory_prev: Any) -> Any:
    """Return (z, n) for backward, and h_t."""
    z, n = sigmoid(a_x[0]), a_x[1]
    return (z, n), h_prev + z * (n - h_prev), ()


@inlined
def backward(dh: Any, dmemory: Any, saved: Any, p: Any, h_prev: Any, memory_prev: Any, memory: Any) -> Any:
    """Return da_x, da_h, dp, dh_{t-1} and no dmemory, given dL/dh_t."""
    z, n = saved
    none = zero(dh)
    return (dh * (n - h_prev) * sigmoid_slope(z), dh * z), (none, none), (), dh - dh * z, ()
