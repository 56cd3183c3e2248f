"""What Numba's type stubs leave out, as Any. Tested with Numba 0.68.1.

The stubs lack settings that come from environment variables, and declare that callers of an intrinsic pass the typing
context, which Numba passes itself. Nothing here is private.
"""

from __future__ import annotations

from typing import Any

import numba
import numba.extending

SETTINGS: Any = numba.config
intrinsic: Any = numba.extending.intrinsic
