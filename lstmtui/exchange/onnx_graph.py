"""A language model as an ONNX graph, for ONNX Runtime and everything that reads its format.

    tokens (B, T) int64, h (L, B, H), and the cell's memories (L, B, H) each   >   logits (B, T, V), the states after

One graph steps (T = 1, the states of one call go into the next) and reads whole sequences; the states at the start of a
text are 0. rnn, lstm, peephole, coupled and gru are ONNX's own operators: gates in the order i o f c and z r h, the
peepholes `P` in the order i o f, `input_forget` for the coupled gate, and `linear_before_reset` for the GRU whose reset
follows the product. The other cells are a Scan over the steps of a small graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.config import CELLS
from lstmtui.errors import UsageError
from lstmtui.exchange.exported_model import ExportedModel, Shape

Array = np.ndarray[Any, Any]

GRAPH = "model.onnx"
OPSET, IR_VERSION = 17, 8
"""Of 2022, so that older runtimes read the file too."""
MAX_INLINE_BYTES = 1 << 30
"""Weights beyond this go into a file of their own, since a protocol buffer has at most 2 GiB."""
MISSING = "ONNX needs the package onnx; install it with: pip install 'lstmtui[onnx]'."
OPERATORS = {"rnn": "RNN", "lstm": "LSTM", "peephole": "LSTM", "coupled": "LSTM", "gru": "GRU"}
ORDER = {"rnn": (0,), "lstm": (0, 3, 1, 2), "peephole": (0, 3, 1, 2), "coupled": (0, 2, 0, 1), "gru": (1, 0, 2)}
"""Row blocks in ONNX's order. The coupled cell has none for f, which ONNX computes from i but wants to be there."""
ATTRIBUTES = {"coupled": {"input_forget": 1}, "gru": {"linear_before_reset": 1}}


def write_onnx(folder: Path, model: ExportedModel) -> None:
    """Write the graph into `folder`. Raises UsageError where the package onnx is missing, OSError."""
    try:
        import onnx
    except ImportError:
        raise UsageError(MISSING) from None
    proto = language_model(model)
    is_large = sum(weight.nbytes for weight in model.weights.values()) > MAX_INLINE_BYTES
    if not is_large:
        onnx.checker.check_model(proto)
    onnx.save_model(proto, folder / GRAPH, save_as_external_data=is_large, location=f"{GRAPH}.data")


def language_model(model: ExportedModel) -> Any:
    """Return the graph as an `onnx.ModelProto`."""
    from onnx import helper

    builder = _Builder()
    shape, states = model.shape, CELLS[model.shape.cell].states
    add = builder.add
    builder.constant("embedding", model.weights["embedding"])
    x = add("Gather", "embedding", add("Transpose", "tokens", perm=[1, 0]))
    builder.constant("ones", np.ones(shape.layers, np.int64))
    before = {name: builder.add_many("Split", shape.layers, name, "ones", axis=0) for name in states}
    after: dict[str, list[str]] = {name: [] for name in states}
    layer = _operator if shape.cell in OPERATORS else _scan
    for k in range(shape.layers):
        weights = {name: model.weights[f"layers.{k}.{name}"] for name in ("W_ih", "W_hh", "b", "unit")}
        x, last = layer(builder, shape, weights, x, [before[name][k] for name in states], k)
        for name, state in zip(states, last, strict=True):
            after[name].append(state)
    W_out = "embedding" if shape.tied else builder.constant("W_out", model.weights["softmax.W"])
    outputs = add("Transpose", x, perm=[1, 0, 2])
    products = add("MatMul", outputs, add("Transpose", W_out, perm=[1, 0]))
    add("Add", products, builder.constant("b_out", model.weights["softmax.b"]), output="logits")
    for name in states:
        add("Concat", *after[name], output=f"{name}_after", axis=0)
    size: list[int | str] = [shape.layers, "batch", shape.hidden]
    graph = helper.make_graph(
        builder.nodes, "lstmtui",
        [_info("tokens", ["batch", "time"], "INT64"), *(_info(name, size) for name in states)],
        [_info("logits", ["batch", "time", shape.vocabulary]), *(_info(f"{name}_after", size) for name in states)],
        builder.constants,
    )  # fmt: skip
    proto = helper.make_model(graph, producer_name="lstmtui", opset_imports=[helper.make_opsetid("", OPSET)])
    proto.ir_version = IR_VERSION
    about = {"cell": shape.cell, "tokens": model.tokenizer.kind, "step": str(model.step), "name": model.name}
    helper.set_model_props(proto, about)
    return proto


def _info(name: str, size: Sequence[int | str], kind: str = "FLOAT") -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, getattr(TensorProto, kind), size)


class _Builder:
    """Collects the nodes and constants of a graph."""

    def __init__(self, prefix: str = "") -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._prefix = prefix

    def constant(self, name: str, value: Array) -> str:
        """Add a constant and return its name."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node with one output, and return its name."""
        return self.add_many(operator, 1, *inputs, outputs=[output] if output else None, **attributes)[0]

    def add_many(
        self, operator: str, count: int, *inputs: str, outputs: Sequence[str] | None = None, **attributes: Any
    ) -> list[str]:
        """Add a node with `count` outputs, and return their names."""
        from onnx import helper

        names = list(outputs or [f"{self._prefix}{operator}_{len(self.nodes)}_{n}" for n in range(count)])
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names


def _operator(
    builder: _Builder, shape: Shape, weights: Mapping[str, Array], x: str, states: Sequence[str], k: int
) -> tuple[str, list[str]]:
    """Add one layer as an operator of ONNX; return its outputs (T, B, H) and its last states (1, B, H)."""
    cell, H, G = shape.cell, shape.hidden, len(CELLS[shape.cell].gates)

    def blocks(array: Array) -> Array:
        parts = np.split(array, G)
        return np.concatenate([parts[at] for at in ORDER[cell]])[None]

    bias_hh = np.zeros_like(weights["b"])
    if cell == "gru":
        bias_hh[2 * H :] = weights["unit"][0]
    inputs = [
        x, builder.constant(f"W_{k}", blocks(weights["W_ih"])), builder.constant(f"R_{k}", blocks(weights["W_hh"])),
        builder.constant(f"B_{k}", np.concatenate([blocks(weights["b"]), blocks(bias_hh)], axis=1)), "", *states,
    ]  # fmt: skip
    if cell == "peephole":
        p_i, p_f, p_o = weights["unit"]
        inputs.append(builder.constant(f"P_{k}", np.concatenate([p_i, p_o, p_f])[None]))
    attributes: dict[str, Any] = {"hidden_size": H, **ATTRIBUTES.get(cell, {})}
    y, *last = builder.add_many(OPERATORS[cell], 1 + len(states), *inputs, **attributes)
    return builder.add("Squeeze", y, builder.constant(f"direction_{k}", np.array([1]))), last


def _scan(
    builder: _Builder, shape: Shape, weights: Mapping[str, Array], x: str, states: Sequence[str], k: int
) -> tuple[str, list[str]]:
    """Add one layer as a Scan; return as `_operator` does."""
    from onnx import helper

    cell, H, G = CELLS[shape.cell], shape.hidden, len(CELLS[shape.cell].gates)
    builder.constant(f"W_{k}", weights["W_ih"].T)
    builder.constant(f"b_{k}", weights["b"])
    a_x = builder.add("Add", builder.add("MatMul", x, f"W_{k}"), f"b_{k}")
    step = _Builder(f"layer_{k}_")
    names = [f"{name}_{k}" for name in cell.states]
    a = f"a_{k}"
    if len(weights["W_hh"]):
        builder.constant(f"R_{k}", weights["W_hh"].T)
        a = step.add("Add", a, step.add("MatMul", names[0], f"R_{k}"))
    gates = step.add_many("Split", G, a, builder.constant(f"gates_{k}", np.full(G, H, np.int64)), axis=1)
    after = _STEPS[cell.name](step, gates, names)
    outputs = [step.add("Identity", name) for name in (*after, after[0])]
    size: list[int | str] = ["batch", H]
    body = helper.make_graph(
        step.nodes, f"step_{k}", [*(_info(name, size) for name in names), _info(f"a_{k}", ["batch", G * H])],
        [_info(name, size) for name in outputs], step.constants,
    )  # fmt: skip
    direction = builder.constant(f"direction_{k}", np.array([0]))
    before = [builder.add("Squeeze", state, direction) for state in states]
    *last, y = builder.add_many("Scan", len(outputs), *before, a_x, body=body, num_scan_inputs=1)
    return y, [builder.add("Unsqueeze", state, direction) for state in last]


def _mingru_step(step: _Builder, gates: Sequence[str], states: Sequence[str]) -> list[str]:
    """h + sigmoid(z) * (n - h)"""
    (z, n), (h,) = gates, states
    return [step.add("Add", h, step.add("Mul", step.add("Sigmoid", z), step.add("Sub", n, h)))]


def _slstm_step(step: _Builder, gates: Sequence[str], states: Sequence[str]) -> list[str]:
    """The equations of `cells/slstm.py`: log sigmoid(f) = -softplus(-f); n = 0 marks a unit that has read nothing."""
    add = step.add
    (i, f, z, o), (_, c, n, m) = gates, states
    none = step.constant(f"{step._prefix}zero", np.zeros(1, np.float32))
    kept = add("Sub", m, add("Softplus", add("Neg", f)))
    m_after = add("Where", add("Or", add("Equal", n, none), add("Greater", i, kept)), i, kept)
    i = add("Exp", add("Sub", i, m_after))
    f = add("Exp", add("Min", add("Sub", kept, m_after), none))
    c = add("Add", add("Mul", f, c), add("Mul", i, add("Tanh", z)))
    n = add("Add", add("Mul", f, n), i)
    return [add("Div", add("Mul", add("Sigmoid", o), c), n), c, n, m_after]


_STEPS = {"mingru": _mingru_step, "slstm": _slstm_step}
