"""The mathematics of one unit at one step, a file for each cell of `cell_table`.

    forward(a_x, a_h, p, h_prev, memory_prev) -> (saved, h, memory)
    backward(dh, dmemory, saved, p, h_prev, memory_prev, memory) -> (da_x, da_h, dp, dh_prev, dmemory_prev)

All arguments except h and its gradient are tuples of scalars: a_x and a_h have a value for each gate (a_h is 0 for a
gate without a recurrent product), `saved` has the gates and the cell's other saved values, p the unit's parameters,
`memory` the states beside h. dh_prev excludes the gradient through W_hh.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from lstm_kernels.cell_table import Cell


def functions_of(cell: Cell) -> ModuleType:
    """Return the module with `forward` and `backward` of a cell."""
    return import_module(cell.module or f"{__name__}.{cell.name}")
