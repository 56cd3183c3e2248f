"""Recurrent layers as nodes of an ONNX graph, with what else all graphs are made of.

rnn, lstm, peephole, coupled and gru are ONNX's own operators: gates in the order i o f c and z r h, the peepholes `P`
in the order i o f, `input_forget` for the coupled gate, and `linear_before_reset` for the GRU whose reset follows the
product. The other cells are a Scan over the steps of a small graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.config import CELLS
from lstmtui.errors import UsageError

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]
"""W_ih, W_hh, b and unit of a layer, or of one direction of it."""

OPSET, IR_VERSION = 17, 8
"""Of 2022, so that older runtimes read the file too."""
MAX_INLINE_BYTES = 1 << 30
"""Weights beyond this go into a file of their own, since a protocol buffer has at most 2 GiB."""
MISSING = "ONNX needs the package onnx; install it with: pip install 'lstmtui[onnx]'."
OPERATORS = {"rnn": "RNN", "lstm": "LSTM", "peephole": "LSTM", "coupled": "LSTM", "gru": "GRU"}
ORDER = {"rnn": (0,), "lstm": (0, 3, 1, 2), "peephole": (0, 3, 1, 2), "coupled": (0, 2, 0, 1), "gru": (1, 0, 2)}
"""Row blocks in ONNX's order. The coupled cell has none for f, which ONNX computes from i but wants to be there."""
INT32, FLOAT = 6, 1
"""Types of ONNX, which the operator Cast knows by number."""
ATTRIBUTES = {"coupled": {"input_forget": 1}, "gru": {"linear_before_reset": 1}}


class Builder:
    """Collects the nodes and constants of a graph."""

    def __init__(self, prefix: str = "") -> None:
        """`prefix` begins the names of nodes: those of a graph within another differ from the other's."""
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.prefix = prefix

    def constant(self, name: str, value: Array) -> str:
        """Add a constant and return its name."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def integers(self, *values: int) -> str:
        """Add a constant of int64, such as a shape, and return its name."""
        return self.value(np.array(values, np.int64))

    def value(self, value: Any) -> str:
        """Add a constant that needs no name of its own, and return the name that it gets."""
        return self.constant(f"{self.prefix}value_{len(self.constants)}", np.asarray(value))

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node with one output, and return its name."""
        return self.add_many(operator, 1, *inputs, outputs=[output] if output else None, **attributes)[0]

    def add_many(
        self, operator: str, count: int, *inputs: str, outputs: Sequence[str] | None = None, **attributes: Any
    ) -> list[str]:
        """Add a node with `count` outputs, and return their names."""
        from onnx import helper

        names = list(outputs or [f"{self.prefix}{operator}_{len(self.nodes)}_{n}" for n in range(count)])
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def linear(self, x: str, name: str, W: Array, b: Array | None = None) -> str:
        """Add x W' + b over the last axis, with constants called after `name`; return the result."""
        product = self.add("MatMul", x, self.constant(f"{name}.W", W.T))
        return product if b is None else self.add("Add", product, self.constant(f"{name}.b", b))

    def model(self, inputs: Sequence[Any], outputs: Sequence[Any], about: Mapping[str, str]) -> Any:
        """Return the graph as an `onnx.ModelProto`; `about` becomes its metadata."""
        from onnx import helper

        graph = helper.make_graph(self.nodes, "lstmtui", list(inputs), list(outputs), self.constants)
        proto = helper.make_model(graph, producer_name="lstmtui", opset_imports=[helper.make_opsetid("", OPSET)])
        proto.ir_version = IR_VERSION
        helper.set_model_props(proto, dict(about))
        return proto


def info(name: str, size: Sequence[int | str], kind: str = "FLOAT") -> Any:
    """Return the description of an input or output."""
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, getattr(TensorProto, kind), size)


def require_onnx() -> None:
    """Raise UsageError where the package onnx is missing."""
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise UsageError(MISSING) from None


def save(proto: Any, path: Path) -> None:
    """Check and write a model; large weights go into a file beside it. Raises OSError."""
    import onnx

    is_large = sum(len(constant.raw_data) for constant in proto.graph.initializer) > MAX_INLINE_BYTES
    if not is_large:
        onnx.checker.check_model(proto)
    onnx.save_model(proto, path, save_as_external_data=is_large, location=f"{path.name}.data")


# --- recurrent layers -------------------------------------------------------------------------------------------------


def recurrent(
    builder: Builder, cell: str, directions: Sequence[Weights], x: str, name: str, *,
    before: Sequence[str] | None = None, lengths: str = "",
) -> tuple[str, list[str]]:  # fmt: skip
    """Add one layer; return its outputs (T, B, directions * H) and its last states (directions, B, H) each.

    directions  the weights of the forward direction, and of the backward one where there are two
    x           (T, B, D)
    name        begins the names of its constants, and differs from layer to layer
    before      the states at the beginning (1, B, H) each, of one direction; None for 0
    lengths     (B,) int32: the steps of each sequence; the backward direction begins at its end, outputs behind it are
                0, and the last states are those at the end. "" where all have T.
    """
    if cell in OPERATORS:
        return _operator(builder, cell, directions, x, name, before=before, lengths=lengths)
    found = [
        _scan(builder, cell, weights, x, f"{name}_{d}", before=before, lengths=lengths, backward=d == 1)
        for d, weights in enumerate(directions)
    ]
    outputs, last = zip(*found, strict=True)
    if len(directions) == 1:
        return outputs[0], last[0]
    return builder.add("Concat", *outputs, axis=2), [
        builder.add("Concat", *states, axis=0) for states in zip(*last, strict=True)
    ]


def _operator(
    builder: Builder, cell: str, directions: Sequence[Weights], x: str, name: str, *,
    before: Sequence[str] | None, lengths: str,
) -> tuple[str, list[str]]:  # fmt: skip
    """Add one layer as an operator of ONNX."""
    H, G = directions[0]["W_hh"].shape[1], len(CELLS[cell].gates)

    def blocks(array: Array) -> Array:
        parts = np.split(array, G)
        return np.concatenate([parts[at] for at in ORDER[cell]])

    def biases(weights: Weights) -> Array:
        bias_hh = np.zeros_like(weights["b"])
        if cell == "gru":
            bias_hh[2 * H :] = weights["unit"][0]
        return np.concatenate([blocks(weights["b"]), blocks(bias_hh)])

    states = len(CELLS[cell].states)
    inputs = [
        x,
        builder.constant(f"W_{name}", np.stack([blocks(weights["W_ih"]) for weights in directions])),
        builder.constant(f"R_{name}", np.stack([blocks(weights["W_hh"]) for weights in directions])),
        builder.constant(f"B_{name}", np.stack([biases(weights) for weights in directions])),
        lengths,
        *(before or [""] * states),
    ]
    if cell == "peephole":
        p_i, p_f, p_o = np.stack([weights["unit"] for weights in directions], axis=1)
        inputs.append(builder.constant(f"P_{name}", np.concatenate([p_i, p_o, p_f], axis=1)))
    attributes: dict[str, Any] = {"hidden_size": H, **ATTRIBUTES.get(cell, {})}
    if len(directions) == 2:
        attributes["direction"] = "bidirectional"
    while not inputs[-1]:
        inputs.pop()
    y, *last = builder.add_many(OPERATORS[cell], 1 + states, *inputs, **attributes)
    if len(directions) == 1:
        return builder.add("Squeeze", y, builder.integers(1)), last
    side_by_side = builder.add("Transpose", y, perm=[0, 2, 1, 3])  # from (T, 2, B, H)
    return builder.add("Reshape", side_by_side, builder.integers(0, 0, 2 * H)), last


def _scan(
    builder: Builder, cell: str, weights: Weights, x: str, name: str, *, before: Sequence[str] | None,
    lengths: str, backward: bool,
) -> tuple[str, list[str]]:  # fmt: skip
    """Add one direction of a layer as a Scan."""
    from onnx import helper

    names, G = CELLS[cell].states, len(CELLS[cell].gates)
    H = len(weights["b"]) // G
    a_x = builder.linear(x, name, weights["W_ih"], weights["b"])
    step = Builder(f"layer_{name}_")
    states = [f"{step.prefix}{state}" for state in names]
    a = inputs = f"{step.prefix}a"
    if len(weights["W_hh"]):
        a = step.add("Add", a, step.add("MatMul", states[0], builder.constant(f"R_{name}", weights["W_hh"].T)))
    gates = step.add_many("Split", G, a, builder.integers(*[H] * G), axis=1)
    after = _STEPS[cell](step, gates, states)
    y, described = after[0], [info(inputs, ["batch", G * H])]
    read = [a_x]
    if lengths:  # the states stand still behind the end of a sequence
        real = f"{step.prefix}real"
        described.append(info(real, ["batch", 1], "BOOL"))
        read.append(real_steps(builder, a_x, lengths))
        y = step.add("Where", real, y, step.value(np.zeros(1, np.float32)))
        after = [step.add("Where", real, new, old) for new, old in zip(after, states, strict=True)]
    outputs = [step.add("Identity", value) for value in (*after, y)]
    size: list[int | str] = ["batch", H]
    body = helper.make_graph(
        step.nodes, f"step_{name}", [*(info(state, size) for state in states), *described],
        [info(output, size) for output in outputs], step.constants,
    )  # fmt: skip
    first = builder.integers(0)
    if before is None:
        batch = builder.add("Gather", builder.add("Shape", a_x), builder.integers(1))
        nothing = builder.add("ConstantOfShape", builder.add("Concat", batch, builder.integers(H), axis=0))
        begin = [nothing] * len(names)
    else:
        begin = [builder.add("Squeeze", state, first) for state in before]
    way: dict[str, Any] = {"scan_input_directions": [1] * len(read), "scan_output_directions": [1]} if backward else {}
    *last, found = builder.add_many("Scan", len(outputs), *begin, *read, body=body, num_scan_inputs=len(read), **way)
    return found, [builder.add("Unsqueeze", state, first) for state in last]


def real_steps(builder: Builder, x: str, lengths: str) -> str:
    """Add whether each step of x (T, B, ...) lies within its sequence (T, B, 1), of `lengths` (B,) int32."""
    steps = builder.add("Gather", builder.add("Shape", x), builder.value(np.int64(0)))
    zero, one = builder.value(np.int32(0)), builder.value(np.int32(1))
    numbers = builder.add("Range", zero, builder.add("Cast", steps, to=INT32), one)
    of_each = builder.add("Less", builder.add("Unsqueeze", numbers, builder.integers(1)), lengths)
    return builder.add("Unsqueeze", of_each, builder.integers(2))


def _mingru_step(step: Builder, gates: Sequence[str], states: Sequence[str]) -> list[str]:
    """h + sigmoid(z) * (n - h)"""
    (z, n), (h,) = gates, states
    return [step.add("Add", h, step.add("Mul", step.add("Sigmoid", z), step.add("Sub", n, h)))]


def _slstm_step(step: Builder, gates: Sequence[str], states: Sequence[str]) -> list[str]:
    """The equations of `cells/slstm.py`: log sigmoid(f) = -softplus(-f); n = 0 marks a unit that has read nothing."""
    add = step.add
    (i, f, z, o), (_, c, n, m) = gates, states
    none = step.value(np.zeros(1, np.float32))
    kept = add("Sub", m, add("Softplus", add("Neg", f)))
    m_after = add("Where", add("Or", add("Equal", n, none), add("Greater", i, kept)), i, kept)
    i = add("Exp", add("Sub", i, m_after))
    f = add("Exp", add("Min", add("Sub", kept, m_after), none))
    c = add("Add", add("Mul", f, c), add("Mul", i, add("Tanh", z)))
    n = add("Add", add("Mul", f, n), i)
    return [add("Div", add("Mul", add("Sigmoid", o), c), n), c, n, m_after]


_STEPS = {"mingru": _mingru_step, "slstm": _slstm_step}
