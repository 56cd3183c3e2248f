"""The state_dict of a language model that was trained elsewhere, under the names of `lstmtui.exchange.state_dict`.

It has an embedding, nn.LSTM, nn.GRU or nn.RNN (with tanh), and a linear layer, under any names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmtui.errors import CorruptError
from lstmtui.exchange.exported_model import Shape

Array = np.ndarray[Any, Any]

_RECURRENT = re.compile(r"(?:(?P<module>.+)\.)?(?P<part>(?:weight|bias)_(?:ih|hh))_l(?P<layer>\d{1,4})")
_UNSUPPORTED = re.compile(r".*(_reverse|weight_hr_l\d+)")
CELL_OF_GATES = {1: "rnn", 3: "gru", 4: "lstm"}
INPUT_NAMES = ("emb", "encoder", "wte", "lookup")
"""Pieces of names by which an embedding is told from a linear layer of the same shape."""


def adopt(tensors: Mapping[str, Array], where: str) -> tuple[Shape, dict[str, Array]]:
    """Return the sizes of the network and its tensors under this program's names.

    Raises CorruptError where the tensors are not those of such a network.
    """
    if odd := next((name for name in tensors if _UNSUPPORTED.fullmatch(name)), None):
        raise CorruptError(f"{where} has {odd[:80]!r}; bidirectional and projected layers cannot be imported.")
    recurrent = {name: match for name in tensors if (match := _RECURRENT.fullmatch(name))}
    modules = {match["module"] for match in recurrent.values()}
    parts = {f"{match['part']}_l{int(match['layer'])}": tensors[name] for name, match in recurrent.items()}
    W_ih, W_hh = parts.get("weight_ih_l0"), parts.get("weight_hh_l0")
    if len(modules) != 1 or W_ih is None or W_hh is None or W_ih.ndim != 2 or W_hh.ndim != 2 or not W_hh.size:
        raise CorruptError(f"{where} holds no network of one nn.LSTM, nn.GRU or nn.RNN (weight_ih_l0, weight_hh_l0).")
    (rows, H), D = W_hh.shape, W_ih.shape[1]
    cell = CELL_OF_GATES.get(rows // H)
    if rows % H or cell is None:
        raise CorruptError(f"{where}: weight_hh_l0 {W_hh.shape} is of no nn.LSTM, nn.GRU or nn.RNN.")
    layers = 1 + max(int(match["layer"]) for match in recurrent.values())
    for name, weight in list(parts.items()):  # layers with bias=False
        if name.startswith("weight"):
            parts.setdefault(name.replace("weight", "bias"), np.zeros(len(weight), np.float32))
    embedding, head, bias = _ends({name: t for name, t in tensors.items() if name not in recurrent}, D, H, where)
    tied = D == H and np.array_equal(embedding, head)
    found = {f"rnn.{name}": tensor for name, tensor in parts.items()}
    found |= {"embedding.weight": embedding, "head.weight": head, "head.bias": bias}
    return Shape(cell, len(embedding), D, H, layers, tied), found


def _ends(others: dict[str, Array], D: int, H: int, where: str) -> tuple[Array, Array, Array]:
    """Return embedding, linear layer and its bias, from all tensors that are not of recurrent layers."""
    matrices = {name: tensor for name, tensor in others.items() if tensor.ndim == 2}
    vectors = {name: tensor for name, tensor in others.items() if tensor.ndim == 1}
    if len(matrices) == 1 and D == H:  # tied, and saved once
        matrices[""] = next(iter(matrices.values()))
    if len(matrices) != 2 or len(matrices) + len(vectors) - ("" in matrices) != len(others) or len(vectors) > 1:
        names = ", ".join(name[:40] for name in list(others)[:6])
        raise CorruptError(
            f"{where} should have an embedding, a linear layer with its bias, and recurrent layers; beside the last it "
            f"has {names}."
        )
    by_likeness = sorted(matrices, key=lambda name: _likeness_to_input(name, matrices[name].shape, D, H))
    head, embedding = (matrices[name] for name in by_likeness)
    V = len(embedding)
    if embedding.shape != (V, D) or head.shape != (V, H):
        raise CorruptError(f"{where}: embedding {embedding.shape} and linear layer {head.shape} do not fit {D}, {H}.")
    bias = next(iter(vectors.values()), np.zeros(V, np.float32))
    return embedding, head, bias


def _likeness_to_input(name: str, shape: tuple[int, ...], D: int, H: int) -> tuple[bool, bool]:
    by_shape = D != H and shape[1] == D
    return by_shape, any(piece in name.lower() for piece in INPUT_NAMES)
