"""Steps of PyTorch and ONNX Runtime for `alternating`: the same work as lstmtui's. Needs the `bench` extra.

LSTM, GRU and RNN are `torch.nn`'s. The peephole and coupled cells, which PyTorch lacks, are a loop over time as its
users write one; `loop` is

    eager      both products at each step
    compiled   the same, the step compiled by PyTorch
    hoisted    the input's product taken out of the loop
"""

from __future__ import annotations

from typing import Any

import numpy as np
from alternating import Step
from ours import timed_on_device


def peephole(a: Any, c: Any, p: Any) -> Any:
    """Return h and c of a step of the peephole LSTM."""
    import torch

    a_i, a_f, a_g, a_o = a.chunk(4, 1)
    i, f = torch.sigmoid(a_i + p[0] * c), torch.sigmoid(a_f + p[1] * c)
    c = f * c + i * torch.tanh(a_g)
    return torch.sigmoid(a_o + p[2] * c) * torch.tanh(c), c


def coupled(a: Any, c: Any, p: Any) -> Any:
    """Return h and c of a step of the coupled LSTM."""
    import torch

    a_i, a_g, a_o = a.chunk(3, 1)
    i = torch.sigmoid(a_i)
    c = (1 - i) * c + i * torch.tanh(a_g)
    return torch.sigmoid(a_o) * torch.tanh(c), c


def looped_layer(cell: str, H: int, loop: str) -> Any:
    """Return a layer of a cell that PyTorch lacks, as a module with a loop over time."""
    import torch

    gates, unit = {"peephole": (4, peephole), "coupled": (3, coupled)}[cell]

    def step(x: Any, h: Any, c: Any, W_ih: Any, W_hh: Any, b: Any, p: Any) -> Any:
        return unit((x if W_ih is None else x @ W_ih + b) + h @ W_hh, c, p)

    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            bound = H**-0.5
            self.W_ih = torch.nn.Parameter(torch.empty(H, gates * H).uniform_(-bound, bound))
            self.W_hh = torch.nn.Parameter(torch.empty(H, gates * H).uniform_(-bound, bound))
            self.b = torch.nn.Parameter(torch.zeros(gates * H))
            self.p = torch.nn.Parameter(torch.zeros(3, H)) if cell == "peephole" else None
            self.step = torch.compile(step) if loop == "compiled" else step

        def forward(self, x: Any, state: Any) -> Any:
            h, c = state
            W_ih, outputs = self.W_ih, []
            if loop == "hoisted":
                x, W_ih = x @ W_ih + self.b, None
            for x_t in x:
                h, c = self.step(x_t, h, c, W_ih, self.W_hh, self.b, self.p)
                outputs.append(h)
            return torch.stack(outputs), (h, c)

    return Layer()


def training_step(
    cell: str, sizes: list[int], threads: int, loop: str = "eager", device: str = "cpu", precision: str = "float32"
) -> Step:
    """Return a training step; `sizes` are L, H, V, B and T; `precision` counts on a GPU only."""
    import torch

    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.manual_seed(0)
    L, H, V, B, T = sizes
    with torch.device(device):
        embed, out = torch.nn.Embedding(V, H), torch.nn.Linear(H, V)
        built_in = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}.get(cell)
        layers = [built_in(H, H, L)] if built_in else [looped_layer(cell, H, loop) for _ in range(L)]
        zero = torch.zeros(B, H)
        states: list[Any] = [None] if built_in else [(zero, zero) for _ in range(L)]
        x, y = torch.randint(V, (2, T, B))
    weights = [w for module in (embed, *layers, out) for w in module.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=1e-3, betas=(0.9, 0.99), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            above = embed(x)
            for k, layer in enumerate(layers):
                above, state = layer(above, states[k])
                states[k] = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            loss = torch.nn.functional.cross_entropy(out(above).reshape(-1, V), y.reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()

    return step if device == "cpu" else timed_on_device(step, lambda: torch.cuda.Event(enable_timing=True))


def onnx_token_step(sizes: list[int], threads: int) -> Step:
    """Return what reads one token through an LSTM network at batch 1 in ONNX Runtime, states in and out."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    L, H, V, *_ = sizes
    random = np.random.default_rng(0)

    def value(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(random.uniform(-0.05, 0.05, shape).astype(np.float32), name)

    def described(name: str, *shape: int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    constants = [value("embedding", V, H), value("W_out", H, V), value("b_out", V)]
    constants.append(numpy_helper.from_array(np.array([1]), "direction"))
    nodes = [helper.make_node("Gather", ["embedding", "token"], ["x0"])]
    inputs, outputs = [described("token", 1, 1, kind=TensorProto.INT64)], [described("logits", 1, 1, V)]
    for k in range(L):
        constants += [value(f"W{k}", 1, 4 * H, H), value(f"R{k}", 1, 4 * H, H), value(f"B{k}", 1, 8 * H)]
        names = [f"x{k}", f"W{k}", f"R{k}", f"B{k}", "", f"h{k}", f"c{k}"]
        nodes.append(helper.make_node("LSTM", names, [f"y{k}", f"h{k}_next", f"c{k}_next"], hidden_size=H))
        nodes.append(helper.make_node("Squeeze", [f"y{k}", "direction"], [f"x{k + 1}"]))
        inputs += [described(f"{state}{k}", 1, 1, H) for state in "hc"]
        outputs += [described(f"{state}{k}_next", 1, 1, H) for state in "hc"]
    nodes.append(helper.make_node("MatMul", [f"x{L}", "W_out"], ["product"]))
    nodes.append(helper.make_node("Add", ["product", "b_out"], ["logits"]))
    graph = helper.make_graph(nodes, "network", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 8
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [each.name for each in inputs]
    feed = dict.fromkeys(names[1:], np.zeros((1, 1, H), np.float32)) | {"token": np.zeros((1, 1), np.int64)}

    def step() -> None:
        feed.update(zip(names[1:], session.run(None, feed)[1:], strict=True))

    return step
