"""A model of an encoder, attention and a decoder of two stacks, for examples side by side.

    source > encoder > memory, keys, initial states
    target inputs, what the encoder made > decoder > outputs (T, B, E) > softmax cross-entropy of the targets

The softmax reads with the embedding of the targets (Press and Wolf 2017, arXiv:1608.05859). Padded targets have no
loss, and no example depends on the others of its batch. `translation_model` and `caption_model` have the encoders.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from lstmtui.data.pair_batches import IGNORED
from lstmtui.engine.backend import CELLS, LinearCrossEntropy, Smoothing
from lstmtui.engine.nn import encoder_head, translation_decoder
from lstmtui.engine.nn.encoder_head import Encoded
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import (
    Arena,
    Initial,
    Parameter,
    gate_bias,
    orthogonal_blocks,
    recurrent_parameters,
    uniform,
    zeros,
)
from lstmtui.engine.nn.recurrent import Dropout
from lstmtui.engine.nn.translation_decoder import NO_DROPOUT, TranslationDecoder, TranslationDropout, bridged_states

Array = np.ndarray[Any, Any]

TABLE = "embedding"
"""The embedding of targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderSizes:
    """What attention, decoder and softmax are made of."""

    target_vocabulary: int
    """Tokens that the softmax chooses from."""
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
    def memory(self) -> int:
        """Numbers of the encoder's outputs at each position: those of both directions."""
        return 2 * self.hidden

    @property
    def initial_states(self) -> int:
        """Numbers of the decoder's initial states that the encoder makes."""
        return (self.lower_layers + self.upper_layers) * len(bridged_states(CELLS[self.cell])) * self.hidden


def decoder_parameters(sizes: DecoderSizes) -> list[Parameter]:
    """Return the parameters of all but encoder and tables, in the order of the layers.

    decoder.lower.L and decoder.upper.L as recurrent layers; keys.W, queries.W; bridge.W, b; output.W, b; softmax.b
    (V,).
    """
    s, H, M, E = sizes, sizes.hidden, sizes.memory, sizes.embedding
    found = []
    for k in range(s.lower_layers):
        found += layer_parameters(f"{translation_decoder.LOWER}.{k}", s, H if k else E)
    for k in range(s.upper_layers):
        found += layer_parameters(f"{translation_decoder.UPPER}.{k}", s, H if k else H + M)
    return [
        *found,
        *linear_parameters(encoder_head.KEYS, (s.attention, M), bias=False),
        *linear_parameters(encoder_head.BRIDGE, (s.initial_states, M)),
        *linear_parameters(translation_decoder.QUERIES, (s.attention, H), bias=False),
        *linear_parameters(translation_decoder.OUTPUT, (E, H + M + E)),
        Parameter("softmax.b", (s.target_vocabulary,), zeros, decays=False),
    ]


def layer_parameters(name: str, s: DecoderSizes, D: int) -> list[Parameter]:
    """Return the parameters of a recurrent layer, or of one direction of it, with D inputs."""
    cell = CELLS[s.cell]
    recurrent, bias = orthogonal_blocks(len(cell.recurrent_gates)), gate_bias(cell, s.forget_bias)
    return recurrent_parameters(name, cell, (s.hidden, D), recurrent, bias)


def linear_parameters(name: str, shape: tuple[int, int], *, bias: bool = True) -> list[Parameter]:
    """Return W and b of a linear layer; W is drawn as in Glorot and Bengio 2010."""
    W = Parameter(f"{name}.W", shape, uniform(math.sqrt(6 / sum(shape))), decays=True)
    return [W, Parameter(f"{name}.b", shape[:1], zeros, decays=False)] if bias else [W]


def table_parameter(name: str, rows: int, s: DecoderSizes) -> Parameter:
    """Return the parameter of an embedding."""
    return Parameter(name, (rows, s.embedding), _normal(0.1), decays=False)


def _normal(deviation: float) -> Initial:
    return lambda random, shape: random.normal(0, deviation, shape)


def softmax_buffers(sizes: DecoderSizes, weights: Arena, N: int, compute: Compute) -> LinearCrossEntropy:
    """Return the softmax of up to N positions, with its buffers. Raises MemoryError where they do not fit."""
    return weights.device.linear_cross_entropy.LinearCrossEntropy(
        N, sizes.embedding, sizes.target_vocabulary, weights.flat.dtype, compute.precision
    )


class Encoder(Protocol):
    """Reads sources that were loaded."""

    @property
    def lengths(self) -> Array:
        """Positions (B,) int32 of each source, on the device."""
        ...

    def draw(self, dropout: Dropout) -> None:
        """Draw what dropout leaves of a batch: `inputs` is the rate of what the first layer reads."""
        ...

    def pack(self) -> None:
        """Take the weights as they are now."""
        ...

    def forward(self) -> Encoded:
        """Return what the decoder reads, valid until the next call."""
        ...

    def backward(self, gradients: Encoded) -> None:
        """Fill the gradients of the weights, given those of what `forward` returned."""
        ...


class Targets(Protocol):
    """The side of a batch that the decoder writes, time first."""

    @property
    def inputs(self) -> Any:
        """(T, B) int32: what the decoder reads: the end, then the target without its own."""
        ...

    @property
    def targets(self) -> Any:
        """(T, B) int32: what it predicts; IGNORED behind the end."""
        ...

    @property
    def predictions(self) -> int:
        """How many targets are not ignored."""
        ...


Batch = TypeVar("Batch", bound=Targets)


class EncoderDecoder(ABC, Generic[Batch]):
    """Batches of up to S source positions and T target tokens of B examples, over shared weights and gradients."""

    encoder: Encoder

    def __init__(
        self, sizes: DecoderSizes, weights: Arena, shape: tuple[int, int, int], *, compute: Compute,
        gradients: Arena | None = None, softmax: LinearCrossEntropy | None = None,
    ) -> None:  # fmt: skip
        """`shape` is (S, T, B); `gradients` is where those of the weights go, None to read only; `softmax` are buffers
        for T * B positions or more, shared with other models, None for its own.

        Raises MemoryError where the buffers do not fit.
        """
        self.weights, self.shape, self.compute = weights, shape, compute
        self._vocabulary = sizes.target_vocabulary
        self.device, (S, T, B) = weights.device, shape
        if gradients is not None:
            self.gradients = gradients
        self.encoder = self._make_encoder(gradients)
        self.decoder = TranslationDecoder(sizes.cell, TABLE, weights, (T, S, B), compute=compute, gradients=gradients)
        N, E, dtype = T * B, sizes.embedding, weights.flat.dtype
        self._targets, self._nll = self.device.arrays.zeros(N, np.int32), self.device.arrays.zeros(N, dtype)
        self._uniform = self.device.arrays.zeros(N if gradients is not None else 0, dtype)
        self._doutputs = self.device.arrays.zeros((T if gradients is not None else 0, B, E), dtype)
        self.softmax = softmax_buffers(sizes, weights, N, compute) if softmax is None else softmax

    @abstractmethod
    def _make_encoder(self, gradients: Arena | None) -> Encoder:
        """Return the encoder, with its buffers."""

    @abstractmethod
    def _load_source(self, batch: Batch) -> None:
        """Give the encoder the sources of a batch, padded to the shape of the buffers. Raises ValueError for larger
        ones."""

    def states(self) -> dict[str, Array]:
        """Return nothing: no state carries over from one batch to the next."""
        return {}

    def set_states(self, states: dict[str, Array]) -> None:
        """Carry nothing over."""

    # --- forward --------------------------------------------------------------------------------------------------

    def evaluate(self, batch: Batch) -> Array:
        """Return the negative log-likelihood of each target (t, b) in nats, of the host; 0 where it is ignored."""
        self._load(batch)
        self._draw(NO_DROPOUT)
        self._predict(self._forward(), Smoothing(), 1.0)
        return np.array(self._of_batch(self._nll, batch))

    def alignment(self) -> Array:
        """Return what each target step has read of each source position (T, B, S), of the last batch, on the host."""
        return self.decoder.attention.alignment()

    def _load(self, batch: Batch) -> None:
        """Take a batch, padded to the shape of the buffers."""
        (t, b), (_, T, B) = batch.inputs.shape, self.shape
        if t > T or b > B:
            raise ValueError(f"a batch of {t} tokens of {b} examples, for buffers of {T} and {B}")
        self._load_source(batch)
        self.decoder.load(padded(batch.inputs, (T, B), 0))
        targets = padded(batch.targets, (T, B), IGNORED)
        self.device.arrays.copy_to_device(targets.reshape(-1), self._targets)

    def _of_batch(self, values: Array, batch: Batch) -> Array:
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
        return arena[TABLE][: self._vocabulary]

    # --- forward and backward -------------------------------------------------------------------------------------

    def gradient(self, batch: Batch, dropout: TranslationDropout = NO_DROPOUT, smoothing: float = 0.0) -> float:
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
        w, g, threads = self.weights, self.gradients, self.compute.threads
        # The softmax fills the gradient of its rows; embeddings add to it.
        self.softmax.backward(
            outputs, self._of_targets(w), self._targets, self._doutputs.reshape(outputs.shape), self._of_targets(g),
            g["softmax.b"], threads,
        )  # fmt: skip
        self.device.arrays.fill(g[TABLE][self._vocabulary :], 0)
        self.encoder.backward(self.decoder.backward(self._doutputs))


def padded(values: Array, shape: tuple[int, int], fill: int) -> Array:
    """Return values (n, b) in the corner of an array of this shape."""
    made = np.full(shape, fill, np.int32)
    made[: values.shape[0], : values.shape[1]] = values
    return made
