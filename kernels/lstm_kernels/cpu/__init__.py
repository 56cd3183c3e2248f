"""The kernels for the processor, compiled by Numba: arrays in, arrays out, no allocation.

Arrays are C-contiguous and of one type, float32 or float64; tokens are int32. Sizes: T steps, B sequences, N = T * B
positions, D input, H hidden, V vocabulary, G gates, S values saved a unit, P parameters a unit. Kernels do not check
shapes or token numbers: that is the caller's part, and a wrong one may crash the process.

`threads` is how many chunks the work is cut into: 1 runs strictly serially, and results depend on the inputs and on
`threads` alone, bit for bit.
"""
