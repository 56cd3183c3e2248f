"""sLSTM, one unit at one step: exponential gates with a normaliser and a stabiliser.

    a   = W_ih x_t + W_hh h_{t-1} + b            row blocks i, f, z, o (given)
    m_t = max(log sigmoid(a_f) + m_{t-1}, a_i)   stabiliser: c and n are those of the equations divided by e^m
    i   = exp(a_i - m_t);  f = exp(log sigmoid(a_f) + m_{t-1} - m_t)
    z   = tanh(a_z);  o = sigmoid(a_o)
    c_t = f * c_{t-1} + i * z
    n_t = f * n_{t-1} + i                        normaliser
    h_t = o * c_t / n_t

n = 0 marks a unit that has read nothing: then m_t = a_i, so that n is 1 after its first step and never less. h does
not depend on m. The gradient of the maximum follows the larger side, so that gradients are exact for any dm.

Source: Beck et al. 2024, arXiv:2405.04517, equations 8 to 15, with the sigmoid forget gate of the authors' code.
"""

from __future__ import annotations

from typing import Any

from lstm_kernels.activations import exp, log_sigmoid, one, sigmoid, sigmoid_slope, tanh, tanh_slope, zero
from lstm_kernels.jit import inlined


@inlined
def forward(a_x: Any, a_h: Any, p: Any, h_prev: Any, memory_prev: Any) -> Any:
    """Return (i, f, z, o, sigmoid(a_f)) for backward, h_t and (c_t, n_t, m_t)."""
    c_prev, n_prev, m_prev = memory_prev
    none = zero(h_prev)
    a_i, a_f = a_x[0] + a_h[0], a_x[1] + a_h[1]
    kept = log_sigmoid(a_f) + m_prev
    m = a_i if n_prev == none or a_i > kept else kept
    i = exp(a_i - m)
    f = exp(none if kept > m else kept - m)  # above 0 only in a unit that has read nothing
    z = tanh(a_x[2] + a_h[2])
    o = sigmoid(a_x[3] + a_h[3])
    c = f * c_prev + i * z
    n = f * n_prev + i
    return (i, f, z, o, sigmoid(a_f)), o * c / n, (c, n, m)


@inlined
def backward(dh: Any, dmemory: Any, saved: Any, p: Any, h_prev: Any, memory_prev: Any, memory: Any) -> Any:
    """Return da_x, da_h, dp, dh_{t-1} past W_hh and d(c, n, m)_{t-1}, given dL/dh_t and dL/d(c, n, m)_t."""
    (dc, dn, dm), (c_prev, n_prev, _), (c, n, _) = dmemory, memory_prev, memory
    i, f, z, o, s = saved
    none = zero(dh)
    y = c / n
    # c and n shrink as m grows. The rest is the gradient of m, which goes to the larger side of the maximum.
    left = dm - (dc * c + dn * n)
    to_i = left if i >= f else none
    dy = dh * o
    dc = dc + dy / n
    dn = dn - dy * y / n
    da_i = (dc * z + dn) * i + to_i
    dkept = (dc * c_prev + dn * n_prev) * f + (left - to_i)
    da = (da_i, dkept * (one(s) - s), dc * i * tanh_slope(z), dh * y * sigmoid_slope(o))
    return da, da, (), none, (dc * f, dn * f, dkept)
