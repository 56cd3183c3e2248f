"""A speech model as an ONNX graph: the features of utterances to the probabilities of labels, frame by frame.

    features (T, B, mel * stack), lengths (B,) int64   >   log_probabilities (T, B, V), label 0 the blank

A model of one direction also takes states (L, B, H) under the names of its cell, 0 at the start of a stream, and
returns those after the last frame of each utterance: what comes out of one call goes into the next.
"""

from __future__ import annotations

from typing import Any

from lstmtui.config import CELLS
from lstmtui.exchange.exported_sequence import ExportedSequenceModel
from lstmtui.exchange.onnx_graph import layer_weights
from lstmtui.exchange.onnx_layers import INT32, Builder, info, recurrent


def recogniser(model: ExportedSequenceModel) -> Any:
    """Return the graph as an `onnx.ModelProto`."""
    builder, w, s = Builder(), model.weights, model.settings
    add, layers, both = builder.add, s.network.layers, s.speech.directions == "both"
    names = () if both else CELLS[model.cell].states
    lengths = add("Cast", "lengths", to=INT32)
    before = {name: builder.add_many("Split", layers, name, builder.integers(*[1] * layers), axis=0) for name in names}
    after: dict[str, list[str]] = {name: [] for name in names}
    x = add("Tanh", builder.linear("features", "input", w["input.W"], w["input.b"]))
    for k in range(layers):
        parts = [f"encoder.{k}.forward", f"encoder.{k}.backward"] if both else [f"encoder.{k}"]
        x, last = recurrent(
            builder, model.cell, [layer_weights(w, part) for part in parts], x, f"encoder_{k}",
            before=None if both else [before[name][k] for name in names], lengths=lengths,
        )  # fmt: skip
        for name, state in zip(names, last, strict=False):
            after[name].append(state)
    add("LogSoftmax", builder.linear(x, "ctc", w["ctc.W"], w["ctc.b"]), output="log_probabilities", axis=2)
    for name in names:
        add("Concat", *after[name], output=f"{name}_after", axis=0)
    size: list[int | str] = [layers, "batch", s.network.hidden]
    return builder.model(
        [
            info("features", ["time", "batch", s.speech.inputs]), info("lengths", ["batch"], "INT64"),
            *(info(name, size) for name in names),
        ],
        [
            info("log_probabilities", ["time", "batch", len(w["ctc.b"])]),
            *(info(f"{name}_after", size) for name in names),
        ],
        model.about,
    )  # fmt: skip
