"""A language model as an ONNX graph, for ONNX Runtime and everything that reads its format.

    tokens (B, T) int64, h (L, B, H), and the cell's memories (L, B, H) each   >   logits (B, T, V), the states after

One graph steps (T = 1, the states of one call go into the next) and reads whole sequences; the states at the start of a
text are 0. `onnx_layers` has the recurrent layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.config import CELLS
from lstmtui.exchange.exported_model import ExportedModel
from lstmtui.exchange.onnx_layers import Array, Builder, Weights, info, recurrent, require_onnx, save

GRAPH = "model.onnx"
PARTS = ("W_ih", "W_hh", "b", "unit")
"""Of a recurrent layer."""


def write_onnx(folder: Path, model: ExportedModel) -> None:
    """Write the graph into `folder`. Raises UsageError where the package onnx is missing, OSError."""
    require_onnx()
    save(language_model(model), folder / GRAPH)


def layer_weights(weights: Mapping[str, Array], name: str) -> Weights:
    """Return the parts of the layer `name` of a checkpoint."""
    return {part: weights[f"{name}.{part}"] for part in PARTS}


def language_model(model: ExportedModel) -> Any:
    """Return the graph as an `onnx.ModelProto`."""
    builder = Builder()
    shape, states = model.shape, CELLS[model.shape.cell].states
    add = builder.add
    builder.constant("embedding", model.weights["embedding"])
    x = add("Gather", "embedding", add("Transpose", "tokens", perm=[1, 0]))
    builder.constant("ones", np.ones(shape.layers, np.int64))
    before = {name: builder.add_many("Split", shape.layers, name, "ones", axis=0) for name in states}
    after: dict[str, list[str]] = {name: [] for name in states}
    for k in range(shape.layers):
        weights = layer_weights(model.weights, f"layers.{k}")
        x, last = recurrent(builder, shape.cell, [weights], x, str(k), before=[before[name][k] for name in states])
        for name, state in zip(states, last, strict=True):
            after[name].append(state)
    W_out = "embedding" if shape.tied else builder.constant("W_out", model.weights["softmax.W"])
    outputs = add("Transpose", x, perm=[1, 0, 2])
    products = add("MatMul", outputs, add("Transpose", W_out, perm=[1, 0]))
    add("Add", products, builder.constant("b_out", model.weights["softmax.b"]), output="logits")
    for name in states:
        add("Concat", *after[name], output=f"{name}_after", axis=0)
    size: list[int | str] = [shape.layers, "batch", shape.hidden]
    return builder.model(
        [info("tokens", ["batch", "time"], "INT64"), *(info(name, size) for name in states)],
        [info("logits", ["batch", "time", shape.vocabulary]), *(info(f"{name}_after", size) for name in states)],
        {"cell": shape.cell, "tokens": model.tokenizer.kind, "step": str(model.step), "name": model.name},
    )
