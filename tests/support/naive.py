"""The slow reference: every cell and its gradients in NumPy float64, written from the equations, one step at a time.

Nothing here is shared with the kernels but the conventions: time first, gates as row blocks in PyTorch's order, one
bias. A `layer` is a dict of W_ih (GH, D), W_hh (RH, H), b (GH,), and unit (P, H), for G gates, R of them with a
recurrent product. c (B, MH) holds the states beside h side by side.
"""

from __future__ import annotations

import numpy as np

GATES = {"rnn": 1, "lstm": 4, "peephole": 4, "coupled": 3, "gru": 3, "slstm": 4, "mingru": 2}
RECURRENT = {**GATES, "mingru": 0}
UNIT_PARAMS = {"rnn": 0, "lstm": 0, "peephole": 3, "coupled": 0, "gru": 1, "slstm": 0, "mingru": 0}
MEMORIES = {"rnn": 0, "lstm": 1, "peephole": 1, "coupled": 1, "gru": 0, "slstm": 3, "mingru": 0}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(cell, a_x, a_h, p, h, c):
    """Return everything one step computes, by name; a_x (B, GH), a_h (B, RH), p (P, H), h (B, H), c (B, MH)."""
    x = np.split(a_x, GATES[cell], axis=1)
    if cell == "mingru":
        z, n = sigmoid(x[0]), x[1]
        return {"z": z, "n": n, "h": (1 - z) * h + z * n, "c": c}
    u = np.split(a_h, GATES[cell], axis=1)
    if cell == "slstm":
        return _slstm_step([a + b for a, b in zip(x, u, strict=True)], *np.split(c, 3, axis=1))
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


def _slstm_step(a, c, n, m):
    """Return a step of sLSTM by its equations in plain exponentials, then divided by e^m."""
    before = np.exp(m)
    f = sigmoid(a[1])
    C = f * c * before + np.exp(a[0]) * np.tanh(a[2])
    N = f * n * before + np.exp(a[0])
    m_next = np.where(n == 0, a[0], np.maximum(np.log(f) + m, a[0]))
    i, z, o = np.exp(a[0] - m_next), np.tanh(a[2]), sigmoid(a[3])
    values = {"i": i, "f": np.exp(np.minimum(np.log(f) + m - m_next, 0)), "z": z, "o": o, "s": f, "h": o * C / N}
    values["c"] = np.hstack([C * np.exp(-m_next), N * np.exp(-m_next), m_next])
    return values


def _slstm_backward(s, c, dh, d):
    """Return da, and dL/d(c, n, m) of the step before."""
    i, f, z, o = s["i"], s["f"], s["z"], s["o"]
    (c_0, n_0, _), (c_1, n_1, _), (dc, dn, dm) = (np.split(part, 3, axis=1) for part in (c, s["c"], d))
    dm = dm - dc * c_1 - dn * n_1  # both are divided by e^m
    dc, dn = dc + dh * o / n_1, dn - dh * o * c_1 / n_1**2
    from_i = i >= f
    da_i = dc * i * z + dn * i + dm * from_i
    da_o = dh * c_1 / n_1 * o * (1 - o)
    dkept = dc * f * c_0 + dn * f * n_0 + dm * ~from_i
    da = np.hstack([da_i, dkept * (1 - s["s"]), dc * i * (1 - z**2), da_o])
    return da, np.hstack([dc * f, dn * f, dkept])


def step_backward(cell, s, p, h, c, dh, dc):
    """Return da_x, da_h, dp, and dL/dh, dL/dc of the step before (the former past W_hh); s is what `step` returned."""
    if cell == "rnn":
        da = dh * (1 - s["h"] ** 2)
        return da, da, np.zeros_like(p), np.zeros_like(h), dc
    if cell == "mingru":
        da = np.hstack([dh * (s["n"] - h) * s["z"] * (1 - s["z"]), dh * s["z"]])
        return da, da[:, :0], np.zeros_like(p), dh * (1 - s["z"]), dc
    if cell == "slstm":
        da, dc = _slstm_backward(s, c, dh, dc)
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
    """Return h (T+1, B, H), c (T+1, B, MH) and the list of steps, for x (T, B, D)."""
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


def smoothed_cross_entropy(logits, targets, smoothing):
    """Return nll (N,), its mean over all tokens (N,), and the gradient of (1 - smoothing) * the one + smoothing * the
    other; all 0 where a target is below 0."""
    counts, V = (targets >= 0).astype(float), logits.shape[1]
    nll, of_target = cross_entropy(logits, np.maximum(targets, 0))
    each = [cross_entropy(logits, np.full(len(targets), v)) for v in range(V)]
    uniform, of_each = sum(of_v[0] for of_v in each) / V, sum(of_v[1] for of_v in each) / V
    dlogits = (1 - smoothing) * of_target + smoothing * of_each
    return nll * counts, uniform * counts, dlogits * counts[:, None]


def random_layer(cell, D, H, rng):
    """Return a layer whose gates are neither linear nor saturated."""
    G = GATES[cell]
    return {
        "W_ih": rng.normal(size=(G * H, D)),
        "W_hh": rng.normal(size=(RECURRENT[cell] * H, H)) / np.sqrt(H),
        "b": rng.normal(size=G * H),
        "unit": rng.normal(size=(UNIT_PARAMS[cell], H)),
    }


def random_states(cell, B, H, rng):
    """Return h and c (B, MH) as a cell may have them, and gradients of both."""
    M = MEMORIES[cell]
    h, c, dh, dc = rng.normal(size=(4, B, H))
    c, dc = ([state, *rng.normal(size=(M, B, H))] for state in (c, dc))
    if cell == "slstm":
        c[1] = 0.5 + np.abs(c[1])  # the normaliser is positive
    return h, np.hstack(c)[:, : M * H], dh, np.hstack(dc)[:, : M * H]
