"""Twin of `cpu.sequences`: a block for each step of each sequence, whose threads stride over a row."""

from __future__ import annotations

from lstm_kernels.cuda.launch import Array, by_row, cuda, kernel


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
    """Turn each sequence round within its length; 0 comes after it."""
    _reverse[by_row(x.shape[0] * x.shape[1])](x, lengths, x.dtype.type(0), out)


def cut(x: Array, lengths: Array, out: Array, threads: int) -> None:
    """Copy each sequence as far as its length; 0 comes after it."""
    _cut[by_row(x.shape[0] * x.shape[1])](x, lengths, x.dtype.type(0), out)
