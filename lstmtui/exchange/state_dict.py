"""The weights of a language model under the names of PyTorch's modules, and back.

    embedding.weight (V, D)
    rnn.weight_ih_lK (GH, D), rnn.weight_hh_lK (RH, H), rnn.bias_ih_lK (GH,), rnn.bias_hh_lK (RH,)      K = 0 ..
    rnn.peephole_lK (3, H)                                   of the cell peephole: p_i, p_f, p_o
    head.weight (V, H), head.bias (V,)                       head.weight repeats a tied embedding.weight

G gates are the row blocks, in PyTorch's order; R of them have a recurrent product. Here a gate has one bias, PyTorch
has two, which it adds: an export leaves the second at 0, an import adds them. Only the GRU needs both, for its gate n.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmtui.config import CELLS
from lstmtui.errors import CorruptError
from lstmtui.exchange.exported_model import Shape

Array = np.ndarray[Any, Any]
Shapes = dict[str, tuple[int, ...]]


def shapes(shape: Shape) -> Shapes:
    """Return the name and shape of every tensor of a network."""
    V, D, H = shape.vocabulary, shape.embedding, shape.hidden
    cell = CELLS[shape.cell]
    G, R = len(cell.gates), len(cell.recurrent_gates)
    found: Shapes = {"embedding.weight": (V, D)}
    for k in range(shape.layers):
        found[f"rnn.weight_ih_l{k}"] = (G * H, D if k == 0 else H)
        found[f"rnn.bias_ih_l{k}"] = (G * H,)
        if R:
            found[f"rnn.weight_hh_l{k}"] = (R * H, H)
            found[f"rnn.bias_hh_l{k}"] = (R * H,)
        if shape.cell == "peephole":
            found[f"rnn.peephole_l{k}"] = (len(cell.unit_params), H)
    return {**found, "head.weight": (V, H), "head.bias": (V,)}


def to_state_dict(shape: Shape, weights: Mapping[str, Array]) -> dict[str, Array]:
    """Return the tensors of `shapes` from weights under the names of a checkpoint."""
    found = {"embedding.weight": weights["embedding"]}
    for k in range(shape.layers):
        W_hh, b, unit = (weights[f"layers.{k}.{name}"] for name in ("W_hh", "b", "unit"))
        found[f"rnn.weight_ih_l{k}"] = weights[f"layers.{k}.W_ih"]
        found[f"rnn.bias_ih_l{k}"] = b
        if len(W_hh):
            bias_hh = np.zeros(len(W_hh), b.dtype)
            if shape.cell == "gru":
                bias_hh[2 * shape.hidden :] = unit[0]
            found[f"rnn.weight_hh_l{k}"], found[f"rnn.bias_hh_l{k}"] = W_hh, bias_hh
        if shape.cell == "peephole":
            found[f"rnn.peephole_l{k}"] = unit
    head = weights["embedding" if shape.tied else "softmax.W"]
    return {**found, "head.weight": head, "head.bias": weights["softmax.b"]}


def from_state_dict(shape: Shape, tensors: Mapping[str, Array], where: str) -> dict[str, Array]:
    """Return float32 weights under the names of a checkpoint from the tensors of `shapes`.

    where    what messages call the file
    Raises CorruptError for a missing or unknown tensor, another shape, and a number that is not finite.
    """
    check_tensors(shapes(shape), tensors, where)
    t = {name: np.asarray(tensor, np.float32) for name, tensor in tensors.items()}
    if shape.tied and not np.array_equal(t["head.weight"], t["embedding.weight"]):
        raise CorruptError(f"{where} says that head.weight is embedding.weight, and they differ.")
    found = {"embedding": t["embedding.weight"], "softmax.b": t["head.bias"]}
    if not shape.tied:
        found["softmax.W"] = t["head.weight"]
    for k in range(shape.layers):
        layer = _layer(shape, {name: t.get(f"rnn.{name}_l{k}") for name in _PARTS})
        found |= {f"layers.{k}.{name}": value for name, value in layer.items()}
    return found


_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole")


def _layer(shape: Shape, t: Mapping[str, Any]) -> dict[str, Array]:
    H, P = shape.hidden, len(CELLS[shape.cell].unit_params)
    W_hh = np.zeros((0, H), np.float32) if t["weight_hh"] is None else t["weight_hh"]
    b, unit = t["bias_ih"].copy(), np.zeros((P, H), np.float32)
    if shape.cell == "gru":
        b[: 2 * H] += t["bias_hh"][: 2 * H]
        unit[0] = t["bias_hh"][2 * H :]
    elif t["bias_hh"] is not None:
        b += t["bias_hh"]
    if shape.cell == "peephole":
        unit[...] = t["peephole"]
    return {"W_ih": t["weight_ih"], "W_hh": W_hh, "b": b, "unit": unit}


def check_tensors(expected: Shapes, tensors: Mapping[str, Array], where: str) -> None:
    """Raise CorruptError for a missing or unknown tensor, another shape, and a number that is not finite."""
    for name, shape in expected.items():
        tensor = tensors.get(name)
        if tensor is None or tensor.shape != shape:
            found = "it is missing" if tensor is None else f"it has {tensor.shape}"
            raise CorruptError(f"{where} does not fit this network: {name} should have the shape {shape}, {found}.")
        if tensor.dtype.kind != "f" or not np.isfinite(tensor).all():
            raise CorruptError(f"{where} cannot be used: {name} has numbers that are not finite, or no numbers.")
    unknown = next((name for name in tensors if name not in expected), None)
    if unknown is not None:
        raise CorruptError(f"{where} has a tensor {unknown[:80]!r}, which this network does not have.")
