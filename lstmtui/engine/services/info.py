"""What the engine finds on this machine, as one JSON object: python -m lstmtui.engine.services.info."""

from __future__ import annotations

from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np

from lstmtui.engine.answering import write_line
from lstmtui.engine.backend import KERNEL_CACHE, MAX_THREADS, NATIVE_BFLOAT16, UNIT, UNIT_REASON, cuda_info

VECTOR_FEATURES = ("avx2", "fma", "avx512f", "avx512bf16", "amx-bf16", "neon", "sve")


def facts() -> dict[str, Any]:
    """Return versions, vector features, the precision that auto means, what multiplies bfloat16, threads, and the GPU
    or what it lacks."""
    features = llvmlite.binding.get_host_cpu_features()
    return {
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "numpy": np.__version__,
        "processor": llvmlite.binding.get_host_cpu_name(),
        "vectors": [name for name in VECTOR_FEATURES if features.get(name)],
        "precision": "bfloat16" if NATIVE_BFLOAT16 else "float32",
        "bfloat16": f"products by {UNIT}: {UNIT_REASON}",
        "threads": MAX_THREADS,
        **cuda_info(),
        "kernel_cache": str(KERNEL_CACHE) if KERNEL_CACHE else None,
    }


if __name__ == "__main__":
    write_line(facts())
