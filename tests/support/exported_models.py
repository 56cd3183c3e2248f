"""Small language models for exports, and their forward pass in NumPy from a state_dict."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.data.tokens import Tokenizer
from lstmtui.data.tokens import train as train_tokenizer
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.exchange.exported_model import ExportedModel
from support import naive, tiny

Array = np.ndarray[Any, Any]


def tokenizer(kind: str) -> Tokenizer:
    """Return a tokenizer of the tiny text."""
    return train_tokenizer(kind, [tiny.text().encode()], 300 if kind == "bpe" else None)


def model(cell: str = "lstm", kind: str = "chars", **changes: Any) -> ExportedModel:
    """Return a network whose every weight is drawn at random, peepholes and biases too."""
    reads = tokenizer(kind)
    changes = {"ema": 0.0, **changes}
    s = tiny.run_settings(cell=cell, tokens=kind, corpus=("/home/somebody/diary.txt",), **changes)
    weights = Arena(parameters(s, reads.size))
    random = np.random.default_rng(5)
    for view in weights.views.values():
        view[...] = random.normal(size=view.shape) / 2
    return ExportedModel("diary", s, reads, weights.read(), 7, {"nll": 1.5, "perplexity": 4.4817})


def logits(cell: str, tensors: dict[str, Array], tokens: Array) -> Array:
    """Return the logits (T, V) in float64 after each token, from the tensors of a state_dict.

    Both biases are added as PyTorch does it: to each product its own.
    """
    t = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    x, k = t["embedding.weight"][tokens][:, None], 0
    while f"rnn.weight_ih_l{k}" in t:
        H = t[f"rnn.weight_ih_l{k}"].shape[0] // naive.GATES[cell]
        W_hh, b_hh = (t.get(f"rnn.{name}_l{k}", np.zeros((0, H))) for name in ("weight_hh", "bias_hh"))
        h, c, outputs = np.zeros((1, H)), np.zeros((1, naive.MEMORIES[cell] * H)), []
        unit = t.get(f"rnn.peephole_l{k}", np.zeros((naive.UNIT_PARAMS[cell], H)))
        for x_t in x:
            a_x = x_t @ t[f"rnn.weight_ih_l{k}"].T + t[f"rnn.bias_ih_l{k}"]
            s = naive.step(cell, a_x, h @ W_hh.T + (b_hh if len(W_hh) else 0), unit, h, c)
            h, c = s["h"], s["c"]
            outputs.append(h)
        x, k = np.array(outputs), k + 1
    return x[:, 0] @ t["head.weight"].T + t["head.bias"]
