"""Twin of `cpu.sequences`: a block for each step of each sequence, whose threads stride over a row."""

from __future__ import annotations

from lstm_kernels.cuda.launch import Array, cuda, kernel, row_grid


@kernel
def _reverse(x, lengths, none, out):
    T, B, D = x.shape
    for n in range(cuda.blockIdx.x, T * B, cuda.gridDim.x):
        t, b = n // B, n % B
        for d in range(cuda.threadIdx.x, D, cuda.blockDim.x):
            out[t, b, d] = x[lengths[b] - 1 - t, b, d] if t < lengths[b] else none


@kernel
def _cut(x, lengths, none, out):
    T, B, D = x.shape
    for n in range(cuda.blockIdx.x, T * B, cuda.gridDim.x):
        t, b = n // B, n % B
        for d in range(cuda.threadIdx.x, D, cuda.blockDim.x):
            out[t, b, d] = x[t, b, d] if t < lengths[b] else none


def reverse(x: Array, lengths: Array, out: Array, threads: int) -> None:
    """Reverse each sequence within its length, and pad it with 0."""
    _reverse[row_grid(x.shape[0] * x.shape[1])](x, lengths, x.dtype.type(0), out)


def cut(x: Array, lengths: Array, out: Array, threads: int) -> None:
    """Copy each sequence up to its length, and pad it with 0."""
    _cut[row_grid(x.shape[0] * x.shape[1])](x, lengths, x.dtype.type(0), out)
