"""Twin of `cpu.elementwise`: a thread for each number, or for each number of a row."""

from __future__ import annotations

from lstm_kernels import activations
from lstm_kernels.activations import tanh_slope
from lstm_kernels.cuda.launch import Array, cuda, elementwise_grid, kernel, row_grid


@kernel
def _tanh(x, out):
    for n in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        out[n] = activations.tanh(x[n])


@kernel
def _tanh_backward(dy, y, dx):
    for n in range(cuda.grid(1), y.shape[0], cuda.gridsize(1)):
        dx[n] = dy[n] * tanh_slope(y[n])


@kernel
def _put_columns(x, first, out):
    N, D = x.shape
    for n in range(cuda.blockIdx.x, N, cuda.gridDim.x):
        for d in range(cuda.threadIdx.x, D, cuda.blockDim.x):
            out[n, first + d] = x[n, d]


@kernel
def _get_columns(x, first, add, out):
    N, D = out.shape
    for n in range(cuda.blockIdx.x, N, cuda.gridDim.x):
        for d in range(cuda.threadIdx.x, D, cuda.blockDim.x):
            out[n, d] = x[n, first + d] + out[n, d] if add else x[n, first + d]


@kernel
def _mean_of_steps(x, lengths, none, out):
    B, D = out.shape
    for n in range(cuda.grid(1), B * D, cuda.gridsize(1)):
        b, d = n // D, n % D
        total = none
        for t in range(lengths[b]):
            total += x[t, b, d]
        out[b, d] = total / max(1, lengths[b])


@kernel
def _mean_of_steps_backward(dout, lengths, dx):
    T, B, D = dx.shape
    for n in range(cuda.blockIdx.x, T * B, cuda.gridDim.x):
        t, b = n // B, n % B
        if t < lengths[b]:
            for d in range(cuda.threadIdx.x, D, cuda.blockDim.x):
                dx[t, b, d] += dout[b, d] / lengths[b]


def tanh(x: Array, out: Array, threads: int) -> None:
    """Fill out (n,) with tanh of x (n,); out may be x itself."""
    _tanh[elementwise_grid(x.size)](x, out)


def tanh_backward(dy: Array, y: Array, dx: Array, threads: int) -> None:
    """Fill dx (n,) with the gradient of x, given y = tanh(x) (n,); dx may be dy itself."""
    _tanh_backward[elementwise_grid(y.size)](dy, y, dx)


def put_columns(x: Array, first: int, out: Array, threads: int) -> None:
    """Copy x (N, D) to columns of out (N, M), from column `first` on."""
    _put_columns[row_grid(len(x))](x, first, out)


def get_columns(x: Array, first: int, out: Array, threads: int, *, add: bool = False) -> None:
    """Fill out (N, D) with columns of x (N, M), from column `first` on, or add them to it."""
    _get_columns[row_grid(len(out))](x, first, add, out)


def mean_of_steps(x: Array, lengths: Array, out: Array, threads: int) -> None:
    """Fill out (B, D) with the mean of each sequence of x (T, B, D) over its steps."""
    _mean_of_steps[elementwise_grid(out.size)](x, lengths, x.dtype.type(0), out)


def mean_of_steps_backward(dout: Array, lengths: Array, dx: Array, threads: int) -> None:
    """Add the gradient of `mean_of_steps` to that of x, dx (T, B, D)."""
    _mean_of_steps_backward[row_grid(dx.shape[0] * dx.shape[1])](dout, lengths, dx)
