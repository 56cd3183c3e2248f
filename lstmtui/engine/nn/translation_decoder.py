"""The decoder of a translation model: target tokens and an encoded source to what the softmax reads.

    tokens > embedding > [dropout] > lower layers > h1 (T, B, H)
    h1 > linear > queries > attention over the source > [dropout] > context (T, B, M)
    [h1; context] > upper layers > h2 (T, B, H)
    [h2; context; embedding] > linear > tanh > [dropout] > outputs (T, B, E)

The context of a step goes to the upper layers alone (as in tensorflow/nmt's `gnmt_v2` and RNMT+, Chen et al. 2018,
arXiv:1804.09849), so that attention is computed for all target steps at once. Both stacks begin in states that the
encoder makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.engine.backend import Cell
from lstmtui.engine.nn.attention import Attention, AttentionSize
from lstmtui.engine.nn.encoder_head import Encoded
from lstmtui.engine.nn.linear import Compute, Linear
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import Dropout, Recurrent, layer_names, mask_key
from lstmtui.engine.nn.step_attention import StepAttention

Array = np.ndarray[Any, Any]

LOWER, UPPER, QUERIES, OUTPUT = "decoder.lower", "decoder.upper", "queries", "output"
"""Names of the parameters of each part."""


@dataclass(frozen=True, slots=True)
class TranslationDropout:
    """Rates of one step; each mask is the same at all target steps of a sentence."""

    embeddings: float = 0.0
    context: float = 0.0
    outputs: float = 0.0
    layers: float = 0.0
    """On the outputs of every recurrent layer."""
    weights: float = 0.0
    key: int = 0


NO_DROPOUT = TranslationDropout()


def bridged_states(cell: Cell) -> list[str]:
    """Return the states of a layer that the encoder initialises: h, and the memory where a cell has a single one.

    Those of an sLSTM belong together, and begin with 0.
    """
    return ["h", "c"] if len(cell.memories) == 1 else ["h"]


class TranslationDecoder:
    """T target tokens of B sentences over shared weights."""

    def __init__(
        self, cell: str, table: str, weights: Arena, sizes: tuple[int, int, int], *, compute: Compute,
        gradients: Arena | None = None, attention: StepAttention | None = None,
    ) -> None:  # fmt: skip
        """`table` is the name of the embedding; sizes are T, S and B; `gradients` is where those of the weights go,
        None to read only; `attention` takes the place of that of all target steps. Raises MemoryError where the buffers
        do not fit."""
        self.weights, self.gradients, self.table, self.compute = weights, gradients, table, compute
        (T, S, B), self.device = sizes, weights.device
        self.T, self.B = T, B
        self.lower, self.upper = (
            Recurrent(
                cell, weights, [(0, T)], B, compute=compute, gradients=gradients,
                names=layer_names(weights, prefix),
            )
            for prefix in (LOWER, UPPER)
        )  # fmt: skip
        self._queries = Linear(weights, gradients, QUERIES, T * B, compute)
        self._output = Linear(weights, gradients, OUTPUT, T * B, compute)
        A, H = weights[f"{QUERIES}.W"].shape
        E, H2 = weights[table].shape[1], weights[f"{UPPER}.0.W_hh"].shape[1]
        M = weights[f"{UPPER}.0.W_ih"].shape[1] - H
        dtype, zeros = weights.flat.dtype, self.device.arrays.zeros
        self.attention: Any = attention or Attention(
            AttentionSize(T, S, B, A, M), dtype=dtype, precision=compute.precision, threads=compute.threads,
            backward=gradients is not None, device=self.device,
        )  # fmt: skip
        self._widths = {"h1": H, "context": M, "h2": H2, "embedded": E}
        self._tokens = zeros((T, B), np.int32)
        self._embedded, self._context = zeros((T, B, E), dtype), zeros((T, B, M), dtype)
        self._upper_inputs, self._output_inputs = zeros((T, B, H + M), dtype), zeros((T, B, H2 + M + E), dtype)
        self._outputs, self._dropout = zeros((T, B, E), dtype), NO_DROPOUT
        self._masks = {
            "embedded": zeros((B, E), dtype),
            "context": zeros((B, M), dtype),
            "outputs": zeros((B, E), dtype),
        }
        if gradients is not None:
            self._dupper, self._doutput = zeros((T, B, H + M), dtype), zeros((T, B, H2 + M + E), dtype)
            self._d = {name: zeros((T, B, width), dtype) for name, width in self._widths.items()}
            self._dinitial = zeros((B, weights["bridge.W"].shape[0]), dtype)

    def draw(self, dropout: TranslationDropout) -> None:
        """Draw what dropout leaves of a batch."""
        self._dropout = dropout
        for place, (name, mask) in enumerate(self._masks.items()):
            if rate := self._rate(name):
                self.device.dropout.locked_mask(mask, rate, mask_key(dropout.key, 1 + place))
        for number, stack in enumerate((self.lower, self.upper)):
            key = dropout.key + ((200 + number) << 50)  # far from the keys of other steps, and of the encoder's layers
            stack.draw(Dropout(layers=dropout.layers, weights=dropout.weights, key=key))

    def _rate(self, name: str) -> float:
        rates = self._dropout
        return {"embedded": rates.embeddings, "context": rates.context, "outputs": rates.outputs}[name]

    def _drop(self, name: str, values: Array, out: Array | None = None) -> Array:
        """Mask values (T, B, D), or their gradient, in place or into `out`, and return where they are then."""
        if self._rate(name) == 0:
            return values
        out = values if out is None else out
        self.device.dropout.apply(values, self._masks[name], out, self.compute.threads)
        return out

    def pack(self) -> None:
        """Take the weights as they are now."""
        for part in (self.lower, self.upper, self._queries, self._output):
            part.pack()

    # --- initial states -------------------------------------------------------------------------------------------

    def begin(self, initial: Array) -> None:
        """Begin in the states (B, W) that the encoder made, and with no gradients of the last states."""
        at = 0
        self.take_buffers()
        for stack in (self.lower, self.upper):
            stack.reset()
            stack.prepare()
            for state in self._bridged(stack, stack.states()):
                self.device.elementwise.get_columns(initial, at, state, self.compute.threads)
                at += state.shape[1]

    def take_buffers(self) -> None:
        """Prepare buffers that may have been another model's, see `reused_memory`; the states are left as they are."""
        for stack in (self.lower, self.upper):
            stack.set_lengths(None)

    def states(self) -> list[Array]:
        """Return the states (B, ...) before the next step, as views on the device."""
        return [state for stack in (self.lower, self.upper) for state in stack.states().values()]

    def _bridged(self, stack: Recurrent, states: dict[str, Array]) -> Sequence[Array]:
        return [states[f"{k}.{name}"] for k in range(stack.depth) for name in bridged_states(stack.cell)]

    def dinitial(self) -> Array:
        """Return the gradient (B, W) of the states that `begin` had, after `backward`."""
        at = 0
        for stack in (self.lower, self.upper):
            for gradient in self._bridged(stack, stack.dinitial()):
                self.device.elementwise.put_columns(gradient, at, self._dinitial, self.compute.threads)
                at += gradient.shape[1]
        return self._dinitial

    def carry(self) -> None:
        """Begin the next steps in the states at the end of these."""
        for stack in (self.lower, self.upper):
            stack.carry()

    # --- forward and backward -------------------------------------------------------------------------------------

    def load(self, tokens: Array) -> None:
        """Take tokens (T, B) of the host."""
        self.device.arrays.copy_to_device(tokens, self._tokens)

    def forward(self, encoded: Encoded, lengths: Array) -> Array:
        """Return what the softmax reads (T, B, E), valid until the next call.

        lengths  (B,) int32  of the sources, on the device
        """
        self.device.embedding.forward(
            self.weights[self.table], self._tokens.reshape(-1), self._rows(self._embedded), self.compute.threads
        )
        self._drop("embedded", self._embedded)
        self.lower.forward(0, self._embedded)
        h1 = self._h1 = self.lower.outputs(0)
        queries = self._queries.forward(self._rows(h1)).reshape(self.T, self.B, -1)
        context = self.attention.forward(queries, encoded.keys, encoded.memory, lengths)
        context = self._drop("context", context, self._context)
        self._join([h1, context], self._upper_inputs)
        self.upper.forward(0, self._upper_inputs)
        self._join([self.upper.outputs(0), context, self._embedded], self._output_inputs)
        outputs = self._output.forward(self._rows(self._output_inputs))
        self.device.elementwise.tanh(outputs.reshape(-1), outputs.reshape(-1), self.compute.threads)
        return self._drop("outputs", outputs.reshape(self._outputs.shape), self._outputs)

    def backward(self, doutputs: Array) -> Encoded:
        """Fill the gradients of the weights, add those of the embeddings to the table's, and return those of what was
        encoded.

        doutputs  (T, B, E)  dL/d(outputs); overwritten
        """
        assert self.gradients is not None
        d, threads, outputs = self._d, self.compute.threads, self._output.out
        self._drop("outputs", doutputs)
        flat = doutputs.reshape(-1)
        self.device.elementwise.tanh_backward(flat, outputs.reshape(-1), flat, threads)
        self._output.backward(self._rows(doutputs), self._rows(self._output_inputs), self._rows(self._doutput))
        self._split(self._doutput, [d["h2"], d["context"], d["embedded"]])
        dupper = self.upper.backward(0, d["h2"], self._upper_inputs)
        self.upper.finish()
        self._split(dupper, [d["h1"], d["context"]], add=[False, True])
        self._drop("context", d["context"])
        dqueries, dkeys, dmemory = self.attention.backward(d["context"])
        self._queries.backward(self._rows(dqueries), self._rows(self._h1), self._rows(d["h1"]), add=True)
        dembedded = self.lower.backward(0, d["h1"], self._embedded)
        self.lower.finish()
        self.device.arrays.add(d["embedded"], dembedded)
        self._drop("embedded", d["embedded"])
        self.device.embedding.backward(
            self._rows(d["embedded"]), self._tokens.reshape(-1), self.gradients[self.table], threads
        )
        return Encoded(dmemory, dkeys, self.dinitial())

    def _rows(self, values: Array) -> Array:
        """Return (T, B, D) as (TB, D)."""
        return values.reshape(self.T * self.B, -1)

    def _join(self, parts: Sequence[Array], out: Array) -> None:
        """Fill `out` with the parts side by side."""
        at = 0
        for part in parts:
            self.device.elementwise.put_columns(self._rows(part), at, self._rows(out), self.compute.threads)
            at += part.shape[2]

    def _split(self, joined: Array, parts: Sequence[Array], add: Sequence[bool] = (False, False, False)) -> None:
        """Fill each part, or add to it, from its place in `joined`."""
        at = 0
        for part, adds in zip(parts, add, strict=False):
            self.device.elementwise.get_columns(
                self._rows(joined), at, self._rows(part), self.compute.threads, add=adds
            )
            at += part.shape[2]
