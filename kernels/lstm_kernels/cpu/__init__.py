"""The kernels for the processor, compiled by Numba: arrays in, arrays out, no allocation.

Arrays are C-contiguous and of one type, float32 or float64; tokens are int32. Sizes: T steps, B sequences, N = T * B
positions, D input, H hidden, V vocabulary, G gates, S saved values of a unit, P parameters of a unit. Kernels do not
check shapes or token numbers: the caller must, and a wrong one may crash the process.

`threads` is the number of chunks that the work is cut into; 1 is strictly serial. Results depend on the inputs and on
`threads` alone, bit for bit.
"""
