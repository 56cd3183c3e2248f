"""Whether products of bfloat16 run on Intel's tile unit (AMX), which a process has to ask the kernel for.

Linux gives the unit's registers to a process on demand, by arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA); threads that
begin later inherit the leave. Source: Linux, Documentation/arch/x86/xstate.rst.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Mapping

ARCH_REQ_XCOMP_PERM, XTILEDATA, ARCH_PRCTL = 0x1023, 18, 158
"""The request, the number of the tiles' registers, and the number of the system call."""
UNITS = ("vectors", "tiles", "twin")
"""What may multiply bfloat16: vector registers, the tile unit, or its twin in software, which tests run anywhere."""
FEATURES = ("amx-tile", "amx-bf16")


def choose_unit(wanted: str | None, features: Mapping[str, bool]) -> tuple[str, str]:
    """Return the unit that multiplies bfloat16, "vectors", "tiles" or "twin", and the reason.

    wanted    the value of LSTM_KERNELS_UNIT; without one, or with an unknown one, it is "vectors"
    features  of the processor, under LLVM's names

    A unit that is not there, or that the kernel does not give, becomes "vectors".
    """
    if wanted == "twin":
        return "twin", "LSTM_KERNELS_UNIT asks for the tile unit's twin in software"
    if wanted not in (None, "", *UNITS):
        return "vectors", f"LSTM_KERNELS_UNIT is {wanted!r}, and can be {', '.join(UNITS)}"
    has_tiles = all(features.get(name) for name in FEATURES)
    if wanted != "tiles":
        return "vectors", "LSTM_KERNELS_UNIT=tiles chooses the tile unit" if has_tiles else "there is no tile unit"
    if not has_tiles:
        return "vectors", "this processor has no tile unit"
    if not request_tiles():
        return "vectors", "the system does not allow the tile unit"
    return "tiles", "LSTM_KERNELS_UNIT asks for the tile unit"


def request_tiles() -> bool:
    """Ask the kernel for the tiles' registers, and return whether this process may use them."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return False
    try:
        return bool(ctypes.CDLL(None).syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0)
    except (OSError, AttributeError):  # no C library that can be asked
        return False
