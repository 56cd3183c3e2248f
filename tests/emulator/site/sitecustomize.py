"""Hand the emulated GPU assembly, not machine code, and hide the cuBLAS that is installed: in every process."""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
from typing import Any


def as_assembly(library: Any, cc: Any = None) -> Any:
    from cuda.core import ObjectCode

    return ObjectCode.from_cubin(library.get_asm_str(cc=library._ensure_cc(cc)).encode() + b"\0")


class Patcher(importlib.abc.MetaPathFinder):
    """Changes Numba once the module is imported through which everything of it comes in."""

    NAME = "lstm_kernels.cuda.launch"

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != self.NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            patch()

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def patch() -> None:
    import cuda.pathfinder
    from numba.cuda.codegen import CUDACodeLibrary

    CUDACodeLibrary.get_cubin = as_assembly
    load = cuda.pathfinder.load_nvidia_dynamic_lib

    def all_but_cublas(name: str) -> Any:
        if name == "cublas":
            raise RuntimeError("the emulated one is to be found")
        return load(name)

    cuda.pathfinder.load_nvidia_dynamic_lib = all_but_cublas


if "EMULATOR_FOLDER" in os.environ:
    sys.meta_path.insert(0, Patcher())
