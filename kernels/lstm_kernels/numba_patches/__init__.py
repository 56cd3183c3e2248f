"""Everything private that the kernels use of Numba and numba-cuda: no other module imports it.

Private interfaces may change with any minor version. Each file names the versions that it was tested with, what it uses
and why. `pyproject.toml` bounds Numba and numba-cuda to the tested minor versions. One test for each patch fails as
soon as the patch is no longer needed; another checks that every name in a file's `PRIVATE` still exists.

    untyped         what Numba's type stubs leave out
    codegen         LLVM code inside kernels
    function_ids    names of compiled functions that are unique across processes
    dispatcher      a compiled function with a cache of ours, and C functions
    results         compiled code as bytes
    cuda_codegen    as `codegen`, on a GPU
    cuda_kernels    as `dispatcher` and `results`, on a GPU; shared memory beyond 48 KiB
    cuda_numpy      names that numba-cuda expects of NumPy
"""

TESTED = {"numba": "0.68.1", "llvmlite": "0.50.0", "numba-cuda": "0.30.4"}
"""The newest versions that all tests passed with."""
