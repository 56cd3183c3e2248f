"""The slow reference: every cell and its gradients in NumPy float64, written from the equations, one step at a time.

Nothing here is shared with the kernels but the conventions: time first, gates as row blocks in PyTorch's order, one
bias. A `layer` is a dict of W_ih (GH, D), W_hh (GH, H), b (GH,), and unit (P, H).
"""

from __future__ import annotations

import numpy as np

GATES = {"rnn": 1, "lstm": 4, "peephole": 4, "coupled": 3, "gru": 3}
UNIT_PARAMS = {"rnn": 0, "lstm": 0, "peephole": 3, "coupled": 0, "gru": 1}
HAS_C = {"rnn": False, "lstm": True, "peephole": True, "coupled": True, "gru": False}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(cell, a_x, a_h, p, h, c):
    """Return everything one step computes, by name; a_x, a_h (B, GH), p (P, H), h, c (B, H)."""
    x = np.split(a_x, GATES[cell], axis=1)
    u = np.split(a_h, GATES[cell], axis=1)
    if cell == "rnn":
        return {"h": np.tanh(x[0] + u[0]), "c": c}
    if cell == "gru":
        r, z, q = sigmoid(x[0] + u[0]), sigmoid(x[1] + u[1]), u[2] + p[0]
        n = np.tanh(x[2] + r * q)
        return {"r": r, "z": z, "q": q, "n": n, "h": (1 - z) * n + z * h, "c": c}
    if cell == "coupled":
        i, g, o = sigmoid(x[0] + u[0]), np.tanh(x[1] + u[1]), sigmoid(x[2] + u[2])
        c_next = (1 - i) * c + i * g
        return {"i": i, "g": g, "o": o, "c": c_next, "h": o * np.tanh(c_next)}
    p_i, p_f, p_o = p if cell == "peephole" else (0, 0, 0)
    i = sigmoid(x[0] + u[0] + p_i * c)
    f = sigmoid(x[1] + u[1] + p_f * c)
    g = np.tanh(x[2] + u[2])
    c_next = f * c + i * g
    o = sigmoid(x[3] + u[3] + p_o * c_next)
    return {"i": i, "f": f, "g": g, "o": o, "c": c_next, "h": o * np.tanh(c_next)}


def step_backward(cell, s, p, h, c, dh, dc):
    """Return da_x, da_h, dp, and dL/dh, dL/dc of the step before (the former past W_hh); s is what `step` returned."""
    if cell == "rnn":
        da = dh * (1 - s["h"] ** 2)
        return da, da, np.zeros_like(p), np.zeros_like(h), dc
    if cell == "gru":
        r, z, q, n = s["r"], s["z"], s["q"], s["n"]
        da_n = dh * (1 - z) * (1 - n**2)
        da_z = dh * (h - n) * z * (1 - z)
        da_r = da_n * q * r * (1 - r)
        dq = da_n * r
        return np.hstack([da_r, da_z, da_n]), np.hstack([da_r, da_z, dq]), dq.sum(0)[None], dh * z, dc
    y = np.tanh(s["c"])
    da_o = dh * y * s["o"] * (1 - s["o"])
    dc = dc + dh * s["o"] * (1 - y**2)
    if cell == "coupled":
        i, g = s["i"], s["g"]
        da = np.hstack([dc * (g - c) * i * (1 - i), dc * i * (1 - g**2), da_o])
        return da, da, np.zeros_like(p), np.zeros_like(h), dc * (1 - i)
    p_i, p_f, p_o = p if cell == "peephole" else (0, 0, 0)
    i, f, g = s["i"], s["f"], s["g"]
    dc = dc + p_o * da_o
    da_i = dc * g * i * (1 - i)
    da_f = dc * c * f * (1 - f)
    da = np.hstack([da_i, da_f, dc * i * (1 - g**2), da_o])
    dp = np.array([(da_i * c).sum(0), (da_f * c).sum(0), (da_o * s["c"]).sum(0)]) if len(p) else np.zeros_like(p)
    return da, da, dp, np.zeros_like(h), dc * f + p_i * da_i + p_f * da_f


def forward(cell, layer, x, h0, c0):
    """Return h (T+1, B, H), c (T+1, B, H) and the list of steps, for x (T, B, D)."""
    h, c, steps = [h0], [c0], []
    for x_t in x:
        s = step(cell, x_t @ layer["W_ih"].T + layer["b"], h[-1] @ layer["W_hh"].T, layer["unit"], h[-1], c[-1])
        steps.append(s)
        h.append(s["h"])
        c.append(s["c"])
    return np.array(h), np.array(c), steps


def backward(cell, layer, x, h, c, steps, dh_above, dh_last, dc_last):
    """Return the gradients of a layer by name, and of x, h0 and c0; dh_above (T, B, H) is dL/dh from above."""
    grads = {name: np.zeros_like(value) for name, value in layer.items()}
    grads["x"] = np.zeros_like(x)
    dh, dc = dh_last, dc_last
    for t in reversed(range(len(x))):
        da_x, da_h, dp, dh_direct, dc = step_backward(cell, steps[t], layer["unit"], h[t], c[t], dh + dh_above[t], dc)
        dh = da_h @ layer["W_hh"] + dh_direct
        grads["W_ih"] += da_x.T @ x[t]
        grads["W_hh"] += da_h.T @ h[t]
        grads["b"] += da_x.sum(0)
        grads["unit"] += dp
        grads["x"][t] = da_x @ layer["W_ih"]
    return {**grads, "h0": dh, "c0": dc}


def cross_entropy(logits, targets):
    """Return nll (N,) and softmax - onehot (N, V)."""
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    at = np.arange(len(targets)), targets
    dlogits = np.exp(log_p)
    dlogits[at] -= 1
    return -log_p[at], dlogits


def random_layer(cell, D, H, rng):
    """Return a layer whose gates are neither linear nor saturated."""
    G = GATES[cell]
    return {
        "W_ih": rng.normal(size=(G * H, D)),
        "W_hh": rng.normal(size=(G * H, H)) / np.sqrt(H),
        "b": rng.normal(size=G * H),
        "unit": rng.normal(size=(UNIT_PARAMS[cell], H)),
    }
