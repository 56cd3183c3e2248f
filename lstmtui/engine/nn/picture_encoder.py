"""The encoder of a caption model: the vectors of a grid, such as the patches of a picture, to what a decoder reads.

    vectors (S, B, D) > linear > + position > [dropout] > layers > memory (S, B, M) > keys, initial states
    layer: bidirectional recurrence along the rows > [dropout] > bidirectional recurrence along the columns

Vector r * columns + c lies in row r and column c. All rows of all pictures are sequences of one batch, and so are the
columns. After a layer each position has read its whole row, and through it the whole picture.

Source: Visin et al. 2015, ReNet, arXiv:1505.00393, with learnt positions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lstmtui.engine.nn.bidirectional import Bidirectional
from lstmtui.engine.nn.encoder_head import Encoded, EncoderHead
from lstmtui.engine.nn.linear import Compute, Linear
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import NO_DROPOUT, Dropout, mask_key

Array = np.ndarray[Any, Any]

PATCHES, POSITIONS, LAYERS = "patches", "positions", "encoder"
"""Names of the parameters of each part."""
ROWS, COLUMNS = "rows", "columns"
"""What the parts of a layer read along."""


class Grid(NamedTuple):
    """Rows and columns of the vectors of a picture."""

    rows: int
    columns: int

    @property
    def positions(self) -> int:
        """How many vectors a picture has."""
        return self.rows * self.columns


class PictureEncoder:
    """B pictures of a grid of vectors, over shared weights."""

    def __init__(
        self, cell: str, grid: Grid, weights: Arena, B: int, *, compute: Compute, gradients: Arena | None = None
    ) -> None:
        """`gradients` is where those of the weights go, None to read only. Raises MemoryError where the buffers do not
        fit."""
        self.grid, self.B, self.weights, self.gradients, self.compute = grid, B, weights, gradients, compute
        self.device, (R, C), S = weights.device, grid, grid.positions
        self._patches = Linear(weights, gradients, PATCHES, S * B, compute)
        self.sweeps: list[tuple[str, Bidirectional]] = []
        """The parts of all layers, the lowest first, with what each reads along."""
        while f"{sweep_name(len(self.sweeps))}.0.forward.W_ih" in weights.views:
            along, (T, N) = (ROWS, (C, R * B)) if len(self.sweeps) % 2 == 0 else (COLUMNS, (R, C * B))
            part = Bidirectional(
                cell, weights, T, N, precision=compute.precision, threads=compute.threads, gradients=gradients,
                prefix=sweep_name(len(self.sweeps)),
            )  # fmt: skip
            self.sweeps.append((along, part))
        self._head = EncoderHead(weights, S, B, compute=compute, gradients=gradients)
        (E, D), M, zeros = weights[f"{PATCHES}.W"].shape, 2 * self.sweeps[0][1].hidden, weights.device.arrays.zeros
        dtype = weights.flat.dtype
        self._vectors, self.lengths = zeros((S * B, D), dtype), zeros(B, np.int32)
        self._by_column, self._by_row = zeros(S * B, np.int32), zeros(S * B, np.int32)
        """Where in an array whose first axis runs along the other direction each vector lies."""
        self._positions = zeros(S * B, np.int32)
        self._placed = zeros((S * B, E), dtype)
        self._mask, self._dropout = zeros((B, E), dtype), NO_DROPOUT
        self._turned = [zeros((S * B, M), dtype) for _ in self.sweeps[1:]]
        """What each part but the lowest reads."""
        if gradients is not None:
            self._dturned, self._dvectors = zeros((S * B, M), dtype), zeros((S * B, D), dtype)

    def load(self, vectors: Array) -> None:
        """Take vectors (S, b, D) of the host, b at most B."""
        (R, C), S, B, b = self.grid, self.grid.positions, self.B, vectors.shape[1]
        copy = self.device.arrays.copy_to_device
        # Rows are sequences, so the column is the first axis.
        whole = np.zeros((C, R, B, vectors.shape[2]), self.weights.flat.dtype)
        whole[:, :, :b] = vectors.reshape(R, C, b, -1).swapaxes(0, 1)
        copy(whole.reshape(S * B, -1), self._vectors)
        place = np.arange(S * B, dtype=np.int32)
        copy(place.reshape(C, R, B).swapaxes(0, 1).reshape(-1), self._by_column)
        copy(place.reshape(R, C, B).swapaxes(0, 1).reshape(-1), self._by_row)
        copy(np.repeat(np.arange(S, dtype=np.int32).reshape(R, C).T, B), self._positions)
        lengths = np.zeros(B, np.int32)
        lengths[:b] = S
        copy(lengths, self.lengths)
        for _, part in self.sweeps:
            part.set_lengths(None)

    def draw(self, dropout: Dropout) -> None:
        """Draw what dropout leaves of a batch: `inputs` is the rate of the placed vectors, one mask for a picture."""
        self._dropout = dropout
        if dropout.inputs > 0:
            self.device.dropout.locked_mask(self._mask, dropout.inputs, mask_key(dropout.key, 0))
        for k, (_, part) in enumerate(self.sweeps):
            key = dropout.key + ((20 * k) << 50)  # far from the keys of the directions of other parts
            part.draw(Dropout(layers=dropout.layers, weights=dropout.weights, key=key))

    def pack(self) -> None:
        """Take the weights as they are now."""
        self._patches.pack()
        for _, part in self.sweeps:
            part.pack()
        self._head.pack()

    def forward(self) -> Encoded:
        """Return what the decoder reads of the pictures that were loaded, valid until the next call."""
        threads, embedding = self.compute.threads, self.device.embedding
        placed = self._patches.forward(self._vectors)
        embedding.forward(self.weights[POSITIONS], self._positions, self._placed, threads)
        self.device.arrays.add(self._placed, placed)
        self._drop(self._placed)
        values = self._placed
        for k, (_, part) in enumerate(self.sweeps):
            if k:
                embedding.forward(values, self._turn(k), self._turned[k - 1], threads)
                values = self._turned[k - 1]
            part.prepare()
            values = self._flat(part.forward(self._sequences(part, values)))
        return self._head.forward(values.reshape(self.grid.positions, self.B, -1), self.lengths)

    def backward(self, gradients: Encoded) -> None:
        """Fill the gradients of the weights.

        gradients  of what `forward` returned; `initial` is overwritten
        """
        assert self.gradients is not None
        threads, embedding = self.compute.threads, self.device.embedding
        d = self._flat(self._head.backward(gradients))
        for k in range(len(self.sweeps) - 1, -1, -1):
            part = self.sweeps[k][1]
            read = self._turned[k - 1] if k else self._placed
            d = self._flat(part.backward(self._sequences(part, d), self._sequences(part, read)))
            part.finish()
            if k:
                embedding.forward(d, self._turn(k + 1), self._dturned, threads)
                d = self._dturned
        self._drop(d)
        positions = self.gradients[POSITIONS]
        self.device.arrays.fill(positions, 0)
        embedding.backward(d, self._positions, positions, threads)
        self._patches.backward(d, self._vectors, self._dvectors)

    def _turn(self, k: int) -> Array:
        """Return where each vector that part k reads lies in the outputs of the part below it."""
        return self._by_column if k % 2 else self._by_row

    def _sequences(self, part: Bidirectional, values: Array) -> Array:
        """Return vectors (SB, D) as the sequences of a part."""
        return values.reshape(part.T, part.B, -1)

    def _flat(self, values: Array) -> Array:
        return values.reshape(self.grid.positions * self.B, -1)

    def _drop(self, placed: Array) -> None:
        """Mask placed vectors (SB, E), or their gradient."""
        if self._dropout.inputs > 0:
            values = placed.reshape(self.grid.positions, self.B, -1)
            self.device.dropout.apply(values, self._mask, values, self.compute.threads)


def sweep_name(k: int) -> str:
    """Return the name of the parameters of part k of all layers: encoder.0.rows, encoder.0.columns, encoder.1.rows."""
    return f"{LAYERS}.{k // 2}.{COLUMNS if k % 2 else ROWS}"
