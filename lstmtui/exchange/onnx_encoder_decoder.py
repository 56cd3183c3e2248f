"""A translation or caption model as two ONNX graphs: one reads a batch of sources, one writes a token of each.

    encoder   tokens (B, S) int64 and lengths (B,) int64, or vectors (B, S, D)
              >   memory (B, S, M), keys (B, S, A), mask (B, S) bool, the decoder's initial states (L, B, H) each
    decoder   token (B,) int64, memory, keys, mask, the states   >   log_probabilities (B, V), attention (B, S), the
              states after

The states have the names of the cell; layer 0 of the decoder lies below the attention, layer 1 above it. See
`picture_encoder`, `encoder_head` and `translation_decoder` of the engine for the equations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstmtui.config import CELLS
from lstmtui.exchange.exported_sequence import ExportedSequenceModel
from lstmtui.exchange.onnx_graph import layer_weights
from lstmtui.exchange.onnx_layers import FLOAT, INT32, Builder, Weights, info, real_steps, recurrent

DIRECTIONS = ("forward", "backward")
STACKS = ("decoder.lower", "decoder.upper")
OUT_OF_SIGHT = -1e30
"""The score of a position behind the end of a source."""


def encoder(model: ExportedSequenceModel) -> Any:
    """Return the graph that reads sources, as an `onnx.ModelProto`."""
    builder = Builder()
    read = _read_tokens if model.purpose == "translation" else _read_pictures
    inputs, memory, mean = read(builder, model)
    keys = builder.add("Identity", builder.linear(memory, "keys", model.weights["keys.W"]), output="keys")
    _initial_states(builder, model, mean)
    outputs = [
        info("memory", ["batch", "source", model.weights["keys.W"].shape[1]]),
        info(keys, ["batch", "source", len(model.weights["keys.W"])]),
        info("mask", ["batch", "source"], "BOOL"),
        *_state_infos(model),
    ]
    return builder.model(inputs, outputs, model.about)


def decoder(model: ExportedSequenceModel) -> Any:
    """Return the graph that writes a token, as an `onnx.ModelProto`."""
    builder, w, names = Builder(), model.weights, CELLS[model.cell].states
    add, V = builder.add, model.target.size
    first = builder.integers(0)
    embedding = builder.constant("embedding", w["embedding"][:V])
    embedded = add("Unsqueeze", add("Gather", embedding, "token"), first)  # (1, B, E)
    stacks = [_stack(model, name) for name in STACKS]
    depth = sum(map(len, stacks))
    each = builder.integers(*[1] * depth)
    split = {name: builder.add_many("Split", depth, name, each, axis=0) for name in names}
    before = [[split[name][k] for name in names] for k in range(depth)]
    after: list[list[str]] = []

    def run(layers: Sequence[Weights], x: str) -> str:
        for weights in layers:
            k = len(after)
            x, last = recurrent(builder, model.cell, [weights], x, f"decoder_{k}", before=before[k])
            after.append(last)
        return x

    h1 = run(stacks[0], embedded)
    queries = add("Transpose", builder.linear(h1, "queries", w["queries.W"]), perm=[1, 0, 2])
    scores = add("MatMul", queries, add("Transpose", "keys", perm=[0, 2, 1]))  # (B, 1, S)
    scores = add("Mul", scores, builder.value(np.float32(1 / math.sqrt(len(w["queries.W"])))))
    seen = add("Unsqueeze", "mask", builder.integers(1))
    weights = add("Softmax", add("Where", seen, scores, builder.value(np.float32(OUT_OF_SIGHT))), axis=2)
    weights = add("Where", seen, weights, builder.value(np.float32(0)))
    context = add("Transpose", add("MatMul", weights, "memory"), perm=[1, 0, 2])
    h2 = run(stacks[1], add("Concat", h1, context, axis=2))
    joined = add("Concat", h2, context, embedded, axis=2)
    outputs = add("Squeeze", add("Tanh", builder.linear(joined, "output", w["output.W"], w["output.b"])), first)
    products = add("MatMul", outputs, add("Transpose", embedding, perm=[1, 0]))
    logits = add("Add", products, builder.constant("softmax.b", w["softmax.b"]))
    add("LogSoftmax", logits, output="log_probabilities", axis=1)
    add("Squeeze", weights, builder.integers(1), output="attention")
    for name, states in zip(names, zip(*after, strict=True), strict=True):
        add("Concat", *states, output=f"{name}_after", axis=0)
    return builder.model(
        [
            info("token", ["batch"], "INT64"),
            info("memory", ["batch", "source", w["keys.W"].shape[1]]),
            info("keys", ["batch", "source", len(w["keys.W"])]),
            info("mask", ["batch", "source"], "BOOL"),
            *_state_infos(model),
        ],
        [
            info("log_probabilities", ["batch", V]), info("attention", ["batch", "source"]),
            *_state_infos(model, "_after"),
        ],
        model.about,
    )  # fmt: skip


def _stack(model: ExportedSequenceModel, name: str) -> list[Weights]:
    """Return the layers of a stack of the decoder, or of one direction of the encoder's, the lowest first."""
    found: list[Weights] = []
    while f"{name}.{len(found)}.W_ih" in model.weights:
        found.append(layer_weights(model.weights, f"{name}.{len(found)}"))
    return found


def _hidden(model: ExportedSequenceModel) -> tuple[int, int]:
    """Return the layers of the decoder, and the units of one."""
    layers = [layer for name in STACKS for layer in _stack(model, name)]
    return len(layers), layers[0]["W_hh"].shape[1]


def _state_infos(model: ExportedSequenceModel, suffix: str = "") -> list[Any]:
    depth, H = _hidden(model)
    return [info(f"{name}{suffix}", [depth, "batch", H]) for name in CELLS[model.cell].states]


def _initial_states(builder: Builder, model: ExportedSequenceModel, mean: str) -> None:
    """Add the decoder's initial states, made from the mean of the memory (B, M); those that the bridge lacks are 0."""
    add, w, names, (depth, H) = builder.add, model.weights, CELLS[model.cell].states, _hidden(model)
    made = len(w["bridge.W"]) // (depth * H)
    initial = add("Tanh", builder.linear(mean, "bridge", w["bridge.W"], w["bridge.b"]))
    by_state = add("Transpose", add("Reshape", initial, builder.integers(0, depth, made, H)), perm=[2, 1, 0, 3])
    parts = builder.add_many("Split", made, by_state, builder.integers(*[1] * made), axis=0)
    for name, part in zip(names, parts, strict=False):
        add("Squeeze", part, builder.integers(0), output=name)
    for name in names[made:]:
        add("ConstantOfShape", add("Shape", names[0]), output=name)


# --- sources ----------------------------------------------------------------------------------------------------------


def _read_tokens(builder: Builder, model: ExportedSequenceModel) -> tuple[list[Any], str, str]:
    """Add the encoder of tokens; return its inputs, its memory (B, S, M) and the mean over real positions (B, M)."""
    add, w = builder.add, model.weights
    table = builder.constant("table", w.get("source_embedding", w["embedding"]))
    x = add("Gather", table, add("Transpose", "tokens", perm=[1, 0]))
    lengths = add("Cast", "lengths", to=INT32)
    k = 0
    while f"encoder.{k}.forward.W_ih" in w:
        directions = [layer_weights(w, f"encoder.{k}.{direction}") for direction in DIRECTIONS]
        x, _ = recurrent(builder, model.cell, directions, x, f"encoder_{k}", lengths=lengths)
        k += 1
    real = add("Squeeze", real_steps(builder, x, lengths), builder.integers(2))
    add("Transpose", real, output="mask", perm=[1, 0])
    memory = add("Transpose", x, output="memory", perm=[1, 0, 2])
    count = add("Unsqueeze", add("Cast", "lengths", to=FLOAT), builder.integers(1))
    mean = add("Div", add("ReduceSum", x, builder.integers(0), keepdims=0), count)  # 0 behind the end of a source
    inputs = [info("tokens", ["batch", "source"], "INT64"), info("lengths", ["batch"], "INT64")]
    return inputs, memory, mean


def _read_pictures(builder: Builder, model: ExportedSequenceModel) -> tuple[list[Any], str, str]:
    """Add the encoder of a grid of vectors; return as `_read_tokens` does."""
    from onnx import numpy_helper

    add, w, (R, C) = builder.add, model.weights, model.settings.pictures.grid
    x = builder.linear("vectors", "patches", w["patches.W"], w["patches.b"])
    x, width = add("Add", x, builder.constant("positions", w["positions"])), w["positions"].shape[1]
    x = _turned(builder, add("Reshape", x, builder.integers(-1, R, C, width)), [2, 0, 1, 3], width)
    k = 0
    while f"encoder.{k // 2}.{_along(k)}.0.forward.W_ih" in w:
        name = f"encoder.{k // 2}.{_along(k)}.0"
        if k:  # (steps, B, sequences, M), which change places
            x = _turned(builder, x, [2, 1, 0, 3], width)
        directions = [layer_weights(w, f"{name}.{direction}") for direction in DIRECTIONS]
        x, _ = recurrent(builder, model.cell, directions, x, f"{_along(k)}_{k // 2}")
        width, (steps, sequences) = 2 * directions[0]["W_hh"].shape[1], (C, R) if k % 2 == 0 else (R, C)
        x = add("Reshape", x, builder.integers(steps, -1, sequences, width))
        k += 1
    by_picture = add("Transpose", x, perm=[1, 0, 2, 3])  # from (R, B, C, M)
    memory = add("Reshape", by_picture, builder.integers(0, R * C, width), output="memory")
    size = add("Gather", add("Shape", memory), builder.integers(0, 1))
    add("ConstantOfShape", size, output="mask", value=numpy_helper.from_array(np.array([True])))
    mean = add("ReduceMean", memory, axes=[1], keepdims=0)
    return [info("vectors", ["batch", R * C, w["patches.W"].shape[1]])], memory, mean


def _along(k: int) -> str:
    """Return what part k of all layers of a picture's encoder reads along."""
    return "columns" if k % 2 else "rows"


def _turned(builder: Builder, x: str, perm: list[int], width: int) -> str:
    """Add x with its axes in another order, as sequences (T, N, width): the axes 1 and 2 side by side."""
    turned = builder.add("Transpose", x, perm=perm)
    return builder.add("Reshape", turned, builder.integers(0, -1, width))
