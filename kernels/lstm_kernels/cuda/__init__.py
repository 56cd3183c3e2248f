"""The kernels for a GPU: twins of those in `cpu/`, with the same names and the same arguments in the same order.

The twin for the processor documents what a kernel computes; here is documented what one thread or block does. The cells
are the same functions. Arrays are on the device (`arrays`), C-contiguous unless stated otherwise, of one type, float32
or float64; `threads` has no effect. Results depend on the inputs alone, bit for bit, on one kind of GPU: no sum depends
on the order in which threads run.

`launch` is the one way to Numba's CUDA, and `kernel_cache` caches compiled kernels. Instructions that Numba has no
function for are in `ptx`; `driver` and `graphs` call NVIDIA's driver directly. Large products use cuBLAS where it is
found (`gemm`). With NUMBA_ENABLE_CUDASIM=1 everything runs on the simulator, slowly; tests/emulator runs the compiled
kernels without a GPU.
"""
