"""A translation model: an encoder, attention and a decoder of two stacks, for sentence pairs side by side.

    source > encoder > memory, keys, initial states
    target inputs, what the encoder made > decoder > outputs (T, B, E) > softmax cross-entropy of the targets

The softmax reads with the embedding of the targets (Press and Wolf 2017, arXiv:1608.05859). Sources and targets share
one table where the vocabulary is joint; the first tokens are then those of the target side, and the softmax has no
others. Padded targets have no loss, and no sentence depends on the others of its batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.data.pair_batches import IGNORED, PairBatch
from lstmtui.engine.backend import CELLS, LinearCrossEntropy, Smoothing
from lstmtui.engine.nn import translation_decoder, translation_encoder
from lstmtui.engine.nn.bidirectional import DIRECTIONS
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import (
    Arena,
    Initial,
    Parameter,
    decayed_first,
    gate_bias,
    orthogonal_blocks,
    recurrent_parameters,
    uniform,
    zeros,
)
from lstmtui.engine.nn.recurrent import Dropout
from lstmtui.engine.nn.translation_decoder import NO_DROPOUT, TranslationDecoder, TranslationDropout, bridged_states
from lstmtui.engine.nn.translation_encoder import TranslationEncoder

Array = np.ndarray[Any, Any]

TABLE, SOURCE_TABLE = "embedding", "source_embedding"
"""The embedding of targets, or of both sides, and that of sources alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationSizes:
    """What a translation model is made of."""

    source_vocabulary: int
    target_vocabulary: int
    """Tokens that the softmax chooses from; the first of a joint vocabulary."""
    joint: bool = False
    """Whether both sides share one table, of `source_vocabulary` tokens."""
    cell: str = "gru"
    embedding: int = 128
    hidden: int = 256
    """Units of each direction of an encoder's layer, and of a decoder's layer."""
    attention: int = 256
    """Numbers of a query and of a key."""
    encoder_layers: int = 1
    lower_layers: int = 1
    """Of the decoder, below its attention."""
    upper_layers: int = 1
    """Of the decoder, above its attention."""
    forget_bias: float = 1.0

    @property
    def source_table(self) -> str:
        """The name of the embedding of sources."""
        return TABLE if self.joint else SOURCE_TABLE

    @property
    def initial_states(self) -> int:
        """Numbers of the decoder's initial states that the encoder makes."""
        return (self.lower_layers + self.upper_layers) * len(bridged_states(CELLS[self.cell])) * self.hidden


def parameters(sizes: TranslationSizes) -> list[Parameter]:
    """Return every parameter of the model, decayed matrices first.

    embedding (V, D), source_embedding where it is not joint; encoder.L.forward and .backward, decoder.lower.L and
    decoder.upper.L as recurrent layers; keys.W, queries.W; bridge.W, b; output.W, b; softmax.b (V,).
    """
    s, H, M, E = sizes, sizes.hidden, 2 * sizes.hidden, sizes.embedding
    rows = max(s.source_vocabulary, s.target_vocabulary) if s.joint else s.target_vocabulary
    found = [Parameter(TABLE, (rows, E), _normal(0.1), decays=False)]
    if not s.joint:
        found.append(Parameter(SOURCE_TABLE, (s.source_vocabulary, E), _normal(0.1), decays=False))
    for k in range(s.encoder_layers):
        for direction in DIRECTIONS:
            found += _recurrent(f"{translation_encoder.LAYERS}.{k}.{direction}", s, M if k else E)
    for k in range(s.lower_layers):
        found += _recurrent(f"{translation_decoder.LOWER}.{k}", s, H if k else E)
    for k in range(s.upper_layers):
        found += _recurrent(f"{translation_decoder.UPPER}.{k}", s, H if k else H + M)
    found += [
        *_linear(translation_encoder.KEYS, (s.attention, M), bias=False),
        *_linear(translation_encoder.BRIDGE, (s.initial_states, M)),
        *_linear(translation_decoder.QUERIES, (s.attention, H), bias=False),
        *_linear(translation_decoder.OUTPUT, (E, H + M + E)),
        Parameter("softmax.b", (s.target_vocabulary,), zeros, decays=False),
    ]
    return decayed_first(found)


def _recurrent(name: str, s: TranslationSizes, D: int) -> list[Parameter]:
    cell = CELLS[s.cell]
    recurrent, bias = orthogonal_blocks(len(cell.recurrent_gates)), gate_bias(cell, s.forget_bias)
    return recurrent_parameters(name, cell, (s.hidden, D), recurrent, bias)


def _linear(name: str, shape: tuple[int, int], *, bias: bool = True) -> list[Parameter]:
    """Return W and b of a linear layer; W is drawn as in Glorot and Bengio 2010."""
    W = Parameter(f"{name}.W", shape, uniform(math.sqrt(6 / sum(shape))), decays=True)
    return [W, Parameter(f"{name}.b", shape[:1], zeros, decays=False)] if bias else [W]


def _normal(deviation: float) -> Initial:
    return lambda random, shape: random.normal(0, deviation, shape)


def softmax_buffers(sizes: TranslationSizes, weights: Arena, N: int, compute: Compute) -> LinearCrossEntropy:
    """Return the softmax of up to N positions, with its buffers. Raises MemoryError where they do not fit."""
    return weights.device.linear_cross_entropy.LinearCrossEntropy(
        N, sizes.embedding, sizes.target_vocabulary, weights.flat.dtype, compute.precision
    )


class TranslationModel:
    """Batches of up to S source and T target tokens of B pairs, over shared weights and gradients."""

    def __init__(
        self, sizes: TranslationSizes, weights: Arena, shape: tuple[int, int, int], *, compute: Compute,
        gradients: Arena | None = None, softmax: LinearCrossEntropy | None = None,
    ) -> None:  # fmt: skip
        """`shape` is (S, T, B); `gradients` is where those of the weights go, None to read only; `softmax` are buffers
        for T * B positions or more, shared with other models, None for its own.

        Raises MemoryError where the buffers do not fit.
        """
        self.sizes, self.weights, self.shape, self.compute = sizes, weights, shape, compute
        self.device, (S, T, B) = weights.device, shape
        if gradients is not None:
            self.gradients = gradients
        self.encoder = TranslationEncoder(
            sizes.cell, sizes.source_table, weights, S, B, compute=compute, gradients=gradients
        )
        self.decoder = TranslationDecoder(sizes.cell, TABLE, weights, (T, S, B), compute=compute, gradients=gradients)
        N, E, dtype = T * B, sizes.embedding, weights.flat.dtype
        self._targets, self._nll = self.device.arrays.zeros(N, np.int32), self.device.arrays.zeros(N, dtype)
        self._uniform = self.device.arrays.zeros(N if gradients is not None else 0, dtype)
        self._doutputs = self.device.arrays.zeros((T if gradients is not None else 0, B, E), dtype)
        self.softmax = softmax_buffers(sizes, weights, N, compute) if softmax is None else softmax

    def states(self) -> dict[str, Array]:
        """Return nothing: no state carries over from one batch to the next."""
        return {}

    def set_states(self, states: dict[str, Array]) -> None:
        """Carry nothing over."""

    # --- forward --------------------------------------------------------------------------------------------------

    def evaluate(self, batch: PairBatch) -> Array:
        """Return the negative log-likelihood of each target (t, b) in nats, of the host; 0 where it is ignored."""
        self._load(batch)
        self._draw(NO_DROPOUT)
        self._predict(self._forward(), Smoothing(), 1.0)
        return np.array(self._of_batch(self._nll, batch))

    def alignment(self) -> Array:
        """Return what each target step has read of each source position (T, B, S), of the last batch, on the host."""
        return self.decoder.attention.alignment()

    def _load(self, batch: PairBatch) -> None:
        """Take a batch, padded to the shape of the buffers."""
        S, T, B = self.shape
        (s, b), t = batch.source.shape, len(batch.inputs)
        if s > S or t > T or b > B:
            raise ValueError(f"a batch of {s} and {t} tokens of {b} pairs, for buffers of {S}, {T} and {B}")
        lengths = np.zeros(B, np.int32)
        lengths[:b] = batch.source_lengths
        self.encoder.load(_padded(batch.source, (S, B), 0), lengths)
        self.decoder.load(_padded(batch.inputs, (T, B), 0))
        targets = _padded(batch.targets, (T, B), IGNORED)
        self.device.arrays.copy_to_device(targets.reshape(-1), self._targets)

    def _of_batch(self, values: Array, batch: PairBatch) -> Array:
        """Return values (TB,) of the positions of a batch (t, b), on the host."""
        t, b = batch.targets.shape
        host: Array = self.device.arrays.to_host(values).reshape(self.shape[1:])
        return host[:t, :b]

    def _draw(self, dropout: TranslationDropout) -> None:
        d = dropout
        self.encoder.draw(Dropout(inputs=d.embeddings, layers=d.layers, weights=d.weights, key=d.key))
        self.decoder.draw(dropout)

    def _forward(self) -> Array:
        """Return what the softmax reads (TB, E)."""
        self.encoder.pack()
        self.decoder.pack()
        encoded = self.encoder.forward()
        self.decoder.begin(encoded.initial)
        outputs = self.decoder.forward(encoded, self.encoder.lengths)
        return outputs.reshape(self.shape[1] * self.shape[2], -1)

    def _predict(self, outputs: Array, smoothing: Smoothing, scale: float) -> None:
        """Fill the negative log-likelihoods, and the uniform ones where they are wanted."""
        self.softmax.forward(
            outputs, self._of_targets(self.weights), self.weights["softmax.b"], self._targets, self._nll, scale,
            self.compute.threads, smoothing,
        )  # fmt: skip

    def _of_targets(self, arena: Arena) -> Array:
        """Return the rows of the table (V, E) that the softmax chooses from."""
        return arena[TABLE][: self.sizes.target_vocabulary]

    # --- forward and backward -------------------------------------------------------------------------------------

    def gradient(self, batch: PairBatch, dropout: TranslationDropout = NO_DROPOUT, smoothing: float = 0.0) -> float:
        """Fill `gradients` with those of the loss, and return it: the mean over all targets, in nats.

        smoothing  the share of the loss that the mean over all tokens has in place of the target
        """
        self._load(batch)
        self._draw(dropout)
        outputs, count = self._forward(), max(1, batch.predictions)
        self._predict(outputs, Smoothing(smoothing, self._uniform if smoothing > 0 else None), 1 / count)
        self._backward(outputs)
        total = self._of_batch(self._nll, batch).sum(dtype=np.float64)
        if smoothing > 0:
            total = (1 - smoothing) * total + smoothing * self._of_batch(self._uniform, batch).sum(dtype=np.float64)
        return float(total / count)

    def _backward(self, outputs: Array) -> None:
        w, g, threads, V = self.weights, self.gradients, self.compute.threads, self.sizes.target_vocabulary
        # The softmax fills the gradient of its rows; embeddings of both sides add to it.
        self.softmax.backward(
            outputs, self._of_targets(w), self._targets, self._doutputs.reshape(outputs.shape), self._of_targets(g),
            g["softmax.b"], threads,
        )  # fmt: skip
        self.device.arrays.fill(g[TABLE][V:], 0)
        if not self.sizes.joint:
            self.device.arrays.fill(g[SOURCE_TABLE], 0, threads)
        self.encoder.backward(self.decoder.backward(self._doutputs))


def _padded(values: Array, shape: tuple[int, int], fill: int) -> Array:
    """Return values (n, b) in the corner of an array of this shape."""
    made = np.full(shape, fill, np.int32)
    made[: values.shape[0], : values.shape[1]] = values
    return made
