"""A speech model: frames of features to the likelihood of their labels, which need no alignment with the frames.

    frames (T, B, D) > linear > tanh > recurrent layers in both directions or one > CTC

With both directions a model reads whole utterances. With one direction it also reads a stream: `advance` goes on from
the states that the frames before have left. Padded frames have no loss, and no utterance depends on the others of its
batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from lstmtui.engine.backend import CELLS, CTCTargets
from lstmtui.engine.nn import ctc
from lstmtui.engine.nn.bidirectional import DIRECTIONS, Bidirectional
from lstmtui.engine.nn.ctc import CTC
from lstmtui.engine.nn.linear import Compute, Linear
from lstmtui.engine.nn.params import (
    Arena,
    Parameter,
    decayed_first,
    gate_bias,
    orthogonal_blocks,
    recurrent_parameters,
    uniform,
    zeros,
)
from lstmtui.engine.nn.recurrent import NO_DROPOUT, Dropout, Recurrent

Array = np.ndarray[Any, Any]

INPUT, LAYERS, OUTPUT = "input", "encoder", "ctc"
"""Names of the parameters of each part."""
BLANK = 0
"""The label of a frame that writes nothing."""


class Utterances(Protocol):
    """B utterances side by side, time first."""

    @property
    def frames(self) -> Array:
        """(T, B, D) float32, padded behind the end of each utterance."""
        ...

    @property
    def frame_lengths(self) -> Array:
        """(B,) int32"""
        ...

    @property
    def labels(self) -> Array:
        """(B, U) int32, padded; from 1, for 0 is the blank."""
        ...

    @property
    def label_lengths(self) -> Array:
        """(B,) int32"""
        ...


class Likelihoods(NamedTuple):
    """What a model says of the labels of utterances, on the host."""

    nll: Array
    """(B,): the negative log-likelihood of each utterance's labels, in nats; 0 where there is none."""
    aligned: Array
    """(B,) bool: whether the utterance has frames enough for its labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSizes:
    """What a speech model is made of."""

    features: int
    """Numbers of a frame."""
    vocabulary: int
    """Labels, the blank included."""
    cell: str = "lstm"
    embedding: int = 128
    """Outputs of the linear layer."""
    hidden: int = 256
    """Units of a layer, or of each of its directions."""
    layers: int = 2
    both: bool = True
    """Whether layers read in both directions."""
    forget_bias: float = 1.0

    @property
    def outputs(self) -> int:
        """Outputs of the last layer at each frame."""
        return self.hidden * (2 if self.both else 1)


def parameters(sizes: SpeechSizes) -> list[Parameter]:
    """Return every parameter of the model, decayed matrices first.

    input.W (E, D) and b; encoder.L.forward and .backward, or encoder.L, as recurrent layers; ctc.W (V, M) and b.
    """
    s, cell = sizes, CELLS[sizes.cell]
    recurrent, bias = orthogonal_blocks(len(cell.recurrent_gates)), gate_bias(cell, s.forget_bias)
    shape = (s.embedding, s.features)
    found = [
        Parameter(f"{INPUT}.W", shape, uniform(math.sqrt(6 / sum(shape))), decays=True),
        Parameter(f"{INPUT}.b", shape[:1], zeros, decays=False),
    ]
    for k in range(s.layers):
        D = s.outputs if k else s.embedding
        names = [f"{LAYERS}.{k}.{direction}" for direction in DIRECTIONS] if s.both else [f"{LAYERS}.{k}"]
        for name in names:
            found += recurrent_parameters(name, cell, (s.hidden, D), recurrent, bias)
    return decayed_first(found + ctc.parameters(OUTPUT, s.outputs, s.vocabulary))


def is_alignable(frames: int, labels: Array) -> bool:
    """Return whether `frames` are enough for these labels: one for each, and a blank between equal neighbours."""
    return frames >= len(labels) + int((labels[1:] == labels[:-1]).sum())


class SpeechModel:
    """Batches of up to T frames of B utterances with up to U labels, over shared weights and gradients."""

    def __init__(
        self, sizes: SpeechSizes, weights: Arena, shape: tuple[int, int, int], *, compute: Compute,
        gradients: Arena | None = None,
    ) -> None:  # fmt: skip
        """`shape` is (T, B, U); `gradients` is where those of the weights go, None to read only.

        Raises MemoryError where the buffers do not fit.
        """
        self.sizes, self.weights, self.shape, self.compute = sizes, weights, shape, compute
        self.device, (T, B, U) = weights.device, shape
        if gradients is not None:
            self.gradients = gradients
        allocate, dtype = self.device.arrays.zeros, weights.flat.dtype
        self._input = Linear(weights, gradients, INPUT, T * B, compute)
        self.encoder: Bidirectional | Forward
        if sizes.both:
            self.encoder = Bidirectional(
                sizes.cell, weights, T, B, precision=compute.precision, threads=compute.threads, gradients=gradients,
                prefix=LAYERS,
            )  # fmt: skip
        else:
            self.encoder = Forward(sizes, weights, T, B, compute=compute, gradients=gradients)
        self._ctc = CTC(
            weights, T, B, U, precision=compute.precision, threads=compute.threads, gradients=gradients, prefix=OUTPUT
        )
        self._frames = allocate((T, B, sizes.features), dtype)
        self._targets = CTCTargets(allocate(B, np.int32), allocate((B, U), np.int32), allocate(B, np.int32))

    def states(self) -> dict[str, Array]:
        """Return nothing: no state carries over from one batch to the next."""
        return {}

    def set_states(self, states: dict[str, Array]) -> None:
        """Carry nothing over."""

    # --- forward --------------------------------------------------------------------------------------------------

    def evaluate(self, batch: Utterances, dropout: Dropout = NO_DROPOUT) -> Likelihoods:
        """Return what the model says of a batch; `log_probabilities` then has its frames."""
        self._load(batch)
        self._run(dropout)
        return self._likelihoods(batch, 1.0)

    def recognise(self, frames: Array, lengths: Array) -> Array:
        """Return the log probability of each label at each frame (t, b, V), on the host.

        frames   (t, b, D)  of the host, padded behind `lengths` (b,)
        """
        self._load_frames(frames, lengths)
        self._run(NO_DROPOUT)
        return self.log_probabilities(*frames.shape[:2])

    def log_probabilities(self, t: int, b: int) -> Array:
        """Return them for the first t frames of b utterances of the last batch (t, b, V), on the host."""
        logits = np.array(self.device.arrays.to_host(self._ctc.logits(self._outputs)))[:t, :b]
        logits -= logits.max(axis=2, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
        return logits

    def begin(self) -> None:
        """Begin a stream, for `advance`. Raises ValueError for a model of both directions."""
        if not isinstance(self.encoder, Forward):
            raise ValueError("layers of both directions read whole utterances, no stream")
        self.pack()
        self.encoder.draw(NO_DROPOUT)
        self.encoder.prepare()

    def advance(self, frames: Array) -> Array:
        """Read the next frames (t, b, D) of a stream, and return their log probabilities as `recognise` does."""
        assert isinstance(self.encoder, Forward)
        t, b, _ = frames.shape
        self._load_frames(frames, np.full(b, t, np.int32))
        self._outputs = self.encoder.forward(self._read_inputs())
        self.encoder.carry()
        return self.log_probabilities(t, b)

    def pack(self) -> None:
        """Take the weights as they are now."""
        for part in (self._input, self.encoder, self._ctc):
            part.pack()

    def _load(self, batch: Utterances) -> None:
        """Take a batch, padded to the shape of the buffers. Raises ValueError for a larger one."""
        (b, u), (_, B, U) = batch.labels.shape, self.shape
        if u > U:
            raise ValueError(f"{u} labels, for buffers of {U}")
        self._load_frames(batch.frames, batch.frame_lengths)
        labels, label_lengths = np.ones((B, U), np.int32), np.zeros(B, np.int32)
        labels[:b, :u], label_lengths[:b] = batch.labels, batch.label_lengths
        copy = self.device.arrays.copy_to_device
        copy(labels, self._targets.labels)
        copy(label_lengths, self._targets.label_lengths)

    def _load_frames(self, frames: Array, lengths: Array) -> None:
        (t, b, D), (T, B, _) = frames.shape, self.shape
        if t > T or b > B:
            raise ValueError(f"{t} frames of {b} utterances, for buffers of {T} and {B}")
        padded = frames
        if (t, b) != (T, B):
            padded = np.zeros((T, B, D), self._frames.dtype)
            padded[:t, :b] = frames
        whole = np.zeros(B, np.int32)
        whole[:b] = lengths
        copy = self.device.arrays.copy_to_device
        copy(np.ascontiguousarray(padded, self._frames.dtype), self._frames)
        copy(whole, self._targets.lengths)
        self.encoder.set_lengths(whole)

    def _run(self, dropout: Dropout) -> None:
        """Compute the outputs of the layers."""
        self.encoder.draw(dropout)
        self.pack()
        self.encoder.prepare()
        self._outputs = self.encoder.forward(self._read_inputs())

    def _read_inputs(self) -> Array:
        """Return what the first layer reads (T, B, E)."""
        (T, B, _), x = self.shape, self._input.forward(self._frames.reshape(-1, self.sizes.features))
        self.device.elementwise.tanh(x.reshape(-1), x.reshape(-1), self.compute.threads)
        self._inputs = x.reshape(T, B, -1)
        return self._inputs

    def _likelihoods(self, batch: Utterances, scale: float) -> Likelihoods:
        b = len(batch.frame_lengths)
        host, nll = self.device.arrays.to_host, self._ctc.forward(self._outputs, self._targets, scale)
        return Likelihoods(np.array(host(nll))[:b], np.array(host(self._ctc.aligned))[:b] != 0)

    # --- forward and backward -------------------------------------------------------------------------------------

    def gradient(self, batch: Utterances, dropout: Dropout = NO_DROPOUT) -> float:
        """Fill `gradients` with those of the loss, and return it: the mean over all labels, in nats.

        Utterances with too few frames for their labels have no part in either.
        """
        of_batch = zip(batch.frame_lengths, batch.labels, batch.label_lengths, strict=True)
        count = max(1, sum(int(n) for frames, labels, n in of_batch if is_alignable(int(frames), labels[:n])))
        self._load(batch)
        self._run(dropout)
        found = self._likelihoods(batch, 1 / count)
        dinputs = self.encoder.backward(self._ctc.backward(self._outputs), self._inputs)
        self.encoder.finish()
        self._backward_input(dinputs)
        return float(found.nll.sum(dtype=np.float64) / count)

    def _backward_input(self, dinputs: Array) -> None:
        g, (precision, threads), (T, B, _) = self.gradients, self.compute, self.shape
        flat = dinputs.reshape(-1)
        self.device.elementwise.tanh_backward(flat, self._inputs.reshape(-1), flat, threads)
        self.device.linear.backward_weights(
            dinputs.reshape(T * B, -1), self._frames.reshape(T * B, -1), g[f"{INPUT}.W"], g[f"{INPUT}.b"], precision,
            threads,
        )  # fmt: skip


class Forward:
    """Recurrent layers of one direction, used as `Bidirectional` is, or on a stream."""

    def __init__(
        self, sizes: SpeechSizes, weights: Arena, T: int, B: int, *, compute: Compute, gradients: Arena | None
    ) -> None:
        names = [f"{LAYERS}.{k}" for k in range(sizes.layers)]
        self.recurrent = Recurrent(sizes.cell, weights, [(0, T)], B, compute=compute, gradients=gradients, names=names)
        self.draw, self.pack, self.set_lengths = self.recurrent.draw, self.recurrent.pack, self.recurrent.set_lengths
        self.carry, self.finish = self.recurrent.carry, self.recurrent.finish

    def prepare(self) -> None:
        """Begin with states of 0."""
        self.recurrent.reset()
        self.recurrent.prepare()

    def forward(self, inputs: Array) -> Array:
        """Return the outputs (T, B, H) for the inputs (T, B, D), valid until the next call."""
        self.recurrent.forward(0, inputs)
        return self.recurrent.outputs(0)

    def backward(self, doutputs: Array, inputs: Array) -> Array:
        """Compute the gradients of the weights, and return that of `inputs`, valid until the next call."""
        return self.recurrent.backward(0, doutputs, inputs)
