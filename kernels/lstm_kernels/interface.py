"""What a device offers: one protocol for each kernel module that both devices have, and the arguments they share.

mypy checks the modules of `cpu` and `cuda` against these protocols where the engine puts a `Device` together. The
modules of `cpu` document shapes and directions of the arguments. This file loads neither Numba nor CUDA.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

Array = np.ndarray[Any, Any]
"""An array of a device. Arrays on a GPU offer what the engine uses of NumPy's: shape, dtype, size, slices, reshape."""


class Steps(NamedTuple):
    """Buffers of one recurrent layer for T steps of B sequences of H units.

    G gates, M states beside h, X values beyond the gates (`extra_blocks` of the cell).
    """

    gates: Array
    """(T, B, GH): W_ih x + b becomes the gates after their nonlinearity, and in backward the gradient of W_ih x + b."""
    h: Array
    """(T + 1, B, H): [0] is carried in, forward writes the rest."""
    c: Array
    """(T + 1, B, MH): likewise, the states beside h side by side."""
    extra: Array
    """(T, B, XH): what else backward needs (`saved` of the cell). It becomes the gradient of the recurrent products of
    the cell's `own_gates`; for the other gates that gradient equals the one of W_ih x."""
    lengths: Array
    """(B,) int32: steps of each sequence. Behind its end a sequence keeps its states, and its gates are 0."""
    scratch: Array
    """(B, SH), S = `scratch_blocks` of the cell; overwritten."""


class StateGradients(NamedTuple):
    """Gradients of a layer's states, at the last step before backward and at the first after it."""

    dh: Array
    """(B, H)"""
    dc: Array
    """(B, MH)"""


class FlatWeights(NamedTuple):
    """Flat arrays of an optimizer's update."""

    w: Array
    """(n,) in-out: weights."""
    g: Array
    """(n,) in: their gradients."""
    ema: Array
    """(n,) in-out: running average of w, ema_decay * ema + (1 - ema_decay) * w; or (0,) for none."""


class Update(NamedTuple):
    """Settings of one optimizer step, whatever the optimizer."""

    lr: float
    clip: float
    """Factor on the gradients."""
    weight_decay: float
    decayed: int
    """Weight decay applies to the first `decayed` weights."""
    ema_decay: float


class Adam(NamedTuple):
    """Settings and state of AdamW."""

    m: Array
    """(n,) in-out: first moment."""
    v: Array
    """(n,) in-out: second moment."""
    beta1: float
    beta2: float
    eps: float
    step: int
    """1 for the first update."""


class Smoothing(NamedTuple):
    """Label smoothing of a cross-entropy over V tokens: loss = (1 - rate) * nll + rate * uniform.

    Source: Szegedy et al. 2016, arXiv:1512.00567, with all V tokens in the uniform share.
    """

    rate: float = 0.0
    """0 <= rate < 1"""
    uniform: Array | None = None
    """(N,) out: mean over all V tokens of their negative log-likelihoods; None where it is not wanted."""


NO_SMOOTHING = Smoothing()


class AttentionInputs(NamedTuple):
    """What attention of T target steps over S source positions reads, of B sequences; rows are contiguous."""

    queries: Array
    """(T, B, A)"""
    keys: Array
    """(S, B, A)"""
    memory: Array
    """(S, B, M)"""
    lengths: Array
    """(B,) int32: source positions of each sequence, at most S; the context of a sequence without any is 0."""
    scale: float
    """Factor on the scores, above 0."""


class AttentionGradients(NamedTuple):
    """Gradients of what attention computes and reads."""

    scores: Array
    """(T, B, S), overwritten."""
    queries: Array
    """(T, B, A) out."""
    keys: Array
    """(S, B, A) out, or in-out; 0 from the length on."""
    memory: Array
    """(S, B, M) likewise. What reaches the memory through the keys is the caller's part."""


class CTCTargets(NamedTuple):
    """Labels of B utterances of up to T frames and U labels; token 0 is the blank."""

    lengths: Array
    """(B,) int32: frames of each utterance, at most T."""
    labels: Array
    """(B, U) int32, from 1 to V - 1 (not checked)."""
    label_lengths: Array
    """(B,) int32: labels of each utterance, at most U."""


class PackedMatrix(Protocol):
    """A matrix (K, N) packed as the right side of products."""

    precision: str
    words: Array
    """As the device's products read them."""

    def pack_transposed(self, W: Array, threads: int) -> None:
        """Pack the transpose of W (N, K), as x W' needs a layer's weights."""


Forward = Callable[[Steps, PackedMatrix, Array, int], None]
Backward = Callable[[Array, Steps, Array, Array, StateGradients, Array, str, int], None]


class Recurrence(NamedTuple):
    """One cell's recurrence over all steps of a window."""

    forward: Forward
    """forward(steps, W_hh, unit, threads): fill h[1:], c[1:], gates and extra.

    W_hh  (RH, H) in: as `PackedGates`, for the R gates that have a recurrent product
    unit  (P, H)  in: the cell's parameters of one value a unit
    """
    backward: Backward
    """backward(dh_above, steps, W_hh, unit, dstates, dunit, precision, threads)

    dh_above  (T, B, H)  in: dL/dh from the layer above
    steps     as forward left them; gates and extra become gradients
    W_hh      (RH, H)    in: not packed
    dstates   in-out: dL/d(h, c)_T becomes dL/d(h, c)_0
    dunit     (P, H)     in-out: added to
    """


class ArraysKernels(Protocol):
    """Allocating, filling and copying arrays."""

    def zeros(self, shape: Any, dtype: Any) -> Array: ...
    def view(self, flat: Array, start: int, shape: tuple[int, ...]) -> Array: ...
    def fill(self, a: Array, value: float, threads: int = 1) -> None: ...
    def copy(self, source: Array, target: Array) -> None: ...
    def add(self, target: Array, values: Array) -> None: ...
    def copy_to_device(self, source: Any, target: Array) -> None: ...
    def to_device(self, a: Array) -> Array: ...
    def to_host(self, a: Array) -> Array: ...
    def to_host_strided(self, a: Array, step: int) -> Array: ...
    def overlap(self, a: Array, b: Array) -> bool: ...


class AttentionKernels(Protocol):
    """Masked dot-product attention of all target steps at once."""

    def forward(
        self, inputs: AttentionInputs, weights: Array, context: Array, precision: str, threads: int
    ) -> None: ...
    def backward(
        self, dcontext: Array, inputs: AttentionInputs, weights: Array, gradients: AttentionGradients, precision: str,
        threads: int, *, add: bool = False,
    ) -> None: ...  # fmt: skip


class CTCKernels(Protocol):
    """Connectionist temporal classification."""

    def work_shape(self, T: int, B: int, U: int) -> tuple[int, ...]: ...
    def loss(
        self, logits: Array, targets: CTCTargets, nll: Array, aligned: Array, work: Array, scale: float, threads: int
    ) -> None: ...


class DropoutKernels(Protocol):
    """Masks, and products with them."""

    def locked_mask(self, mask: Array, rate: float, key: int) -> None: ...
    def apply(self, x: Array, mask: Array, out: Array, threads: int) -> None: ...
    def scale_rows(self, x: Array, tokens: Array, mask: Array, threads: int) -> None: ...
    def drop_weights(self, W: Array, out: Array, rate: float, key: int, threads: int) -> None: ...
    def drop_weights_backward(self, dW: Array, rate: float, key: int, threads: int) -> None: ...


class ElementwiseKernels(Protocol):
    """tanh, columns of wider rows, and means over the steps of sequences."""

    def tanh(self, x: Array, out: Array, threads: int) -> None: ...
    def tanh_backward(self, dy: Array, y: Array, dx: Array, threads: int) -> None: ...
    def put_columns(self, x: Array, first: int, out: Array, threads: int) -> None: ...
    def get_columns(self, x: Array, first: int, out: Array, threads: int, *, add: bool = False) -> None: ...
    def mean_of_steps(self, x: Array, lengths: Array, out: Array, threads: int) -> None: ...
    def mean_of_steps_backward(self, dout: Array, lengths: Array, dx: Array, threads: int) -> None: ...


class EmbeddingKernels(Protocol):
    """A row of a table for each token."""

    def forward(self, table: Array, tokens: Array, out: Array, threads: int) -> None: ...
    def backward(self, dout: Array, tokens: Array, dtable: Array, threads: int) -> None: ...
    def clear(self, tokens: Array, dtable: Array, threads: int) -> None: ...


class LinearKernels(Protocol):
    """out = x W' + b."""

    def forward(self, x: Array, W: PackedMatrix, b: Array | None, out: Array, threads: int) -> None: ...
    def backward_input(
        self, dout: Array, W: Array, dx: Array, precision: str, threads: int, *, add: bool = False
    ) -> None: ...
    def backward_weights(
        self, dout: Array, x: Array, dW: Array, db: Array | None, precision: str, threads: int, *, add: bool = False
    ) -> None: ...


class LinearCrossEntropy(Protocol):
    """Linear layer, softmax and cross-entropy in one, with its buffers."""

    def forward(
        self, x: Array, W: Array, b: Array, targets: Array, nll: Array, scale: float, threads: int,
        smoothing: Smoothing = NO_SMOOTHING,
    ) -> None: ...  # fmt: skip
    def backward(
        self, x: Array, W: Array, targets: Array, dx: Array, dW: Array, db: Array, threads: int, *, add: bool = False
    ) -> None: ...


class LinearCrossEntropyKernels(Protocol):
    """Buffers for up to N positions of D numbers and a vocabulary of V."""

    def LinearCrossEntropy(  # noqa: N802  a class
        self, N: int, D: int, V: int, dtype: Any, precision: str
    ) -> LinearCrossEntropy: ...


class OptimKernels(Protocol):
    """Updates of flat weights."""

    def norm(self, g: Array, sums: Array, threads: int) -> float: ...
    def sgd(self, weights: FlatWeights, velocity: Array, momentum: float, update: Update, threads: int) -> None: ...
    def adamw(self, weights: FlatWeights, adam: Adam, update: Update, threads: int) -> None: ...


class PenaltyKernels(Protocol):
    """Penalties on the outputs of the top layer."""

    def square_sums(self, threads: int) -> Array: ...
    def activation(self, x: Array, dx: Array, slope: float, sums: Array, threads: int) -> None: ...
    def temporal(
        self, h: Array, dh: Array, dh_before: Array, slope: float, counts_first: bool, sums: Array, threads: int
    ) -> None: ...


class RecurrenceKernels(Protocol):
    """Recurrences, and their packed weights."""

    def compiled(self, cell_name: str) -> Recurrence: ...
    def PackedGates(self, H: int, R: int, precision: str) -> PackedMatrix: ...  # noqa: N802  a class


class SequencesKernels(Protocol):
    """Sequences of different lengths side by side."""

    def reverse(self, x: Array, lengths: Array, out: Array, threads: int) -> None: ...
    def cut(self, x: Array, lengths: Array, out: Array, threads: int) -> None: ...


class SoftmaxKernels(Protocol):
    """Softmax and cross-entropy of given logits."""

    def cross_entropy(
        self, logits: Array, targets: Array, nll: Array, scale: float, threads: int, smoothing: Smoothing = NO_SMOOTHING
    ) -> None: ...
