"""A cell in the tests alone: two gates that read h_{t-1} in different ways, and two states besides h.

q   = a_h_k + p                              p: one bias per unit
k   = sigmoid(a_x_k * q)                     own gradient of the recurrent product
v   = tanh(a_x_v)                            no recurrent product
c_t = k * c_{t-1} + (1 - k) * v
d_t = (d_{t-1} + c_t) / 2
h_t = tanh(c_t - d_t)
"""

from __future__ import annotations

from typing import Any

from lstm_kernels.activations import one, sigmoid, sigmoid_slope, tanh, tanh_slope, zero
from lstm_kernels.cell_table import NONE, OWN, SIGMOID, TANH, Cell, Gate, Memory, MemoryGate
from lstm_kernels.jit import inlined

TOY = Cell(
    name="toy",
    title="Two gates and two memories",
    hint="for tests alone",
    gates=(Gate("k", "keeping gate k", SIGMOID, OWN), Gate("v", "candidate v", TANH, NONE)),
    memory_gate=MemoryGate("k", 1),
    saved=("q", "a"),
    unit_params=("p",),
    memories=(Memory("c", "cell state c"), Memory("d", "slow state d")),
    module="support.toy_cell",
    citation="none",
)


@inlined
def forward(a_x: Any, a_h: Any, p: Any, h_prev: Any, memory_prev: Any) -> Any:
    """Return (k, v, q, a_x_k), which backward needs, h_t and (c_t, d_t)."""
    c_prev, d_prev = memory_prev
    q = a_h[0] + p[0]
    k, v = sigmoid(a_x[0] * q), tanh(a_x[1])
    c = k * c_prev + (one(k) - k) * v
    d = (d_prev + c) / (one(k) + one(k))
    return (k, v, q, a_x[0]), tanh(c - d), (c, d)


@inlined
def backward(dh: Any, dmemory: Any, saved: Any, p: Any, h_prev: Any, memory_prev: Any, memory: Any) -> Any:
    """Return da_x, da_h, dp, dh_{t-1} past W_hh and d(c, d)_{t-1}, given dL/dh_t and dL/d(c, d)_t."""
    (dc, dd), (c_prev, _), (c, d) = dmemory, memory_prev, memory
    k, v, q, a = saved
    dy = dh * tanh_slope(tanh(c - d))
    dd = (dd - dy) / (one(k) + one(k))
    dc = dc + dy + dd
    ds = dc * (c_prev - v) * sigmoid_slope(k)
    dv = dc * (one(k) - k) * tanh_slope(v)
    return (ds * q, dv), (ds * a, zero(dh)), (ds * a,), zero(dh), (dc * k, dd)
