"""Names of compiled functions that are unique across processes. Tested with Numba 0.68.1.

Compiled code names a function after itself, the types of its arguments and a number that Numba counts from 1 in each
process. Two processes give functions of one name, such as the products in float32 and in float64, the same number; a
third that loads both from the cache takes one for the other. So this module lets the count begin at a random number.
"""

from __future__ import annotations

import itertools
import os

from numba.core.bytecode import FunctionIdentity

PRIVATE = ("numba.core.bytecode.FunctionIdentity._unique_ids",)

FunctionIdentity._unique_ids = itertools.count(int.from_bytes(os.urandom(6)))
