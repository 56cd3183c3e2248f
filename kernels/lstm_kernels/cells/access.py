"""Reading and writing a unit's tuples, once for both devices.

Compiled code needs tuples of constant length, so each layout gets its own function, built value by value. A device
provides `inlined`, which compiles a function into the kernel that calls it, and `load(a, row, j, H, k)` and
`store(a, row, j, H, k, value)`, which access value k of unit j, of H units, in a row of the array a. A device whose
kernels pass a single row ignores `row`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lstm_kernels.activations import zero
from lstm_kernels.cell_table import Cell

Inlined = Callable[[Callable[..., Any]], Any]


class Access(NamedTuple):
    """Functions by which one cell's kernels read and write the values of a unit."""

    gates: Any
    """gates(a, row, j, H): the values of all gates, as W_ih x + b is."""
    recurrent: Any
    """recurrent(a, row, j, H, like): those of W_hh h; 0, in the type of `like`, for a gate without a product."""
    unit: Any
    """unit(a, row, j, H): the unit's parameters."""
    memory: Any
    """memory(a, row, j, H): the states beside h."""
    saved: Any
    """saved(a, more, row, j, H): the gates, and from `more` what is saved beyond them."""
    write_gates: Any
    """write_gates(a, row, j, H, values): the first values, one for each gate."""
    write_saved: Any
    """write_saved(more, row, j, H, values): the values after those of the gates."""
    write_own: Any
    """write_own(more, row, j, H, values): of a value for each gate, those of the cell's `own_gates`."""
    write_memory: Any
    """write_memory(a, row, j, H, values): the states beside h."""
    add_unit: Any
    """add_unit(a, row, j, H, values): add to the gradient of the unit's parameters."""


def access_of(cell: Cell, inlined: Inlined, load: Any, store: Any) -> Access:
    """Return the functions for one cell on a device."""
    G, S = len(cell.gates), len(cell.saved)
    first, beyond = tuple(range(G)), tuple(range(G, G + S))
    read_gates, read_saved = _reader(inlined, load, first), _reader(inlined, load, range(S))

    @inlined
    def saved(a, more, row, j, H):
        return read_gates(a, row, j, H) + read_saved(more, row, j, H)

    rows = {gate: row for row, gate in enumerate(cell.recurrent_gates)}
    return Access(
        gates=read_gates,
        recurrent=_reader_or_zero(inlined, load, [rows.get(gate) for gate in first]),
        unit=_reader(inlined, load, range(len(cell.unit_params))),
        memory=_reader(inlined, load, range(len(cell.memories))),
        saved=saved,
        write_gates=_writer(inlined, store, first),
        write_saved=_writer(inlined, store, beyond),
        write_own=_writer(inlined, store, cell.own_gates),
        write_memory=_writer(inlined, store, range(len(cell.memories))),
        add_unit=_adder(inlined, load, store, len(cell.unit_params)),
    )


def _reader(inlined: Inlined, load: Any, places: Sequence[int]) -> Any:
    """Return read(a, row, j, H): the tuple of the values at `places`."""
    if not places:

        @inlined
        def empty(a, row, j, H):
            return ()

        return empty
    before, last = _reader(inlined, load, places[:-1]), places[-1]

    @inlined
    def read(a, row, j, H):
        return before(a, row, j, H) + (load(a, row, j, H, last),)  # noqa: RUF005  the form that Numba compiles

    return read


def _reader_or_zero(inlined: Inlined, load: Any, places: Sequence[int | None]) -> Any:
    """Return read(a, row, j, H, like): the tuple of the values at `places`, 0 for None."""
    if not places:

        @inlined
        def empty(a, row, j, H, like):
            return ()

        return empty
    before, last = _reader_or_zero(inlined, load, places[:-1]), places[-1]
    if last is None:

        @inlined
        def read_zero(a, row, j, H, like):
            return before(a, row, j, H, like) + (zero(like),)  # noqa: RUF005  the form that Numba compiles

        return read_zero

    @inlined
    def read(a, row, j, H, like):
        return before(a, row, j, H, like) + (load(a, row, j, H, last),)  # noqa: RUF005  the form that Numba compiles

    return read


def _writer(inlined: Inlined, store: Any, values_at: Sequence[int]) -> Any:
    """Return write(a, row, j, H, values): store the values at `values_at`, in this order, as the unit's first."""
    if not values_at:

        @inlined
        def nothing(a, row, j, H, values):
            pass

        return nothing
    before, to, at = _writer(inlined, store, values_at[:-1]), len(values_at) - 1, values_at[-1]

    @inlined
    def write(a, row, j, H, values):
        before(a, row, j, H, values)
        store(a, row, j, H, to, values[at])

    return write


def _adder(inlined: Inlined, load: Any, store: Any, count: int) -> Any:
    """Return add(a, row, j, H, values): add `count` values to the unit's."""
    if count == 0:

        @inlined
        def nothing(a, row, j, H, values):
            pass

        return nothing
    before, last = _adder(inlined, load, store, count - 1), count - 1

    @inlined
    def add(a, row, j, H, values):
        before(a, row, j, H, values)
        store(a, row, j, H, last, load(a, row, j, H, last) + values[last])

    return add
