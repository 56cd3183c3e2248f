"""Names that numba-cuda expects of NumPy; import before `numba.cuda`. Tested with numba-cuda 0.30.4.

It refers to `np.row_stack`, which NumPy 2.5 no longer has.
"""

from __future__ import annotations

import numpy as np

PRIVATE = ()

if not hasattr(np, "row_stack"):
    np.row_stack = np.vstack  # type: ignore[attr-defined,unused-ignore]
