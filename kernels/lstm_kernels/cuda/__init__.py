"""The kernels for a GPU: twins of those in `cpu/`, of the same names and with the same arguments in the same order.

What a kernel computes is said in its twin for the processor; here stands what one thread, or one block, does of it. The
cells are the very same functions. Arrays are on the device (`arrays`), C-contiguous unless said otherwise, of one type,
float32 or float64; `threads` is taken and means nothing. Results depend on the inputs alone, bit for bit, on one kind
of GPU: nothing is summed in the order in which threads happen to come.

All that is used of Numba's CUDA comes through `launch`, and kernels that were compiled are kept (`kept`). Instructions
that Numba has no function for are in `ptx`, what it lacks of the driver in `driver` and `graph`. Big products go to
cuBLAS where it is found (`products`). With NUMBA_ENABLE_CUDASIM=1 everything runs on the simulator, slowly; and
tests/emulator runs what is compiled, without a GPU.
"""
