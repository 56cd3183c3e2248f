"""Reading and writing a unit's tuples, once for both devices.

Compiled code needs tuples of constant length, so each layout gets its own function, built value by value. A device
provides `inlined`, which compiles a function into the kernel that calls it, and `load(kind, k)` and `store(kind, k)`,
which return read(a, row, j, H) and write(a, row, j, H, value) of value k of unit j, of H units, in a row of an array.
The kind says what the array holds: "gates", "recurrent", "saved", "unit", "memory", "dmemory" or "sums". A device
whose kernels pass a single row ignores `row`.
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
    dmemory: Any
    """dmemory(a, row, j, H): the gradients of `memory`."""
    write_dmemory: Any
    """write_dmemory(a, row, j, H, values)."""
    add_unit: Any
    """add_unit(a, row, j, H, values): add to the gradient of the unit's parameters."""


def access_of(cell: Cell, inlined: Inlined, load: Any, store: Any) -> Access:
    """Return the functions for one cell on a device."""
    G, S = len(cell.gates), len(cell.saved)
    first, beyond = tuple(range(G)), tuple(range(G, G + S))

    def reader(kind: str, places: Sequence[int]) -> Any:
        return _reader(inlined, [load(kind, k) for k in places])

    def writer(kind: str, values_at: Sequence[int]) -> Any:
        return _writer(inlined, [store(kind, k) for k in range(len(values_at))], values_at)

    read_gates, read_saved = reader("gates", first), reader("saved", range(S))

    @inlined
    def saved(a, more, row, j, H):
        return read_gates(a, row, j, H) + read_saved(more, row, j, H)

    rows = {gate: row for row, gate in enumerate(cell.recurrent_gates)}
    return Access(
        gates=read_gates,
        recurrent=_reader_or_zero(inlined, [load("recurrent", rows[gate]) if gate in rows else None for gate in first]),
        unit=reader("unit", range(len(cell.unit_params))),
        memory=reader("memory", range(len(cell.memories))),
        saved=saved,
        write_gates=writer("gates", first),
        write_saved=writer("saved", beyond),
        write_own=writer("saved", cell.own_gates),
        write_memory=writer("memory", range(len(cell.memories))),
        dmemory=reader("dmemory", range(len(cell.memories))),
        write_dmemory=writer("dmemory", range(len(cell.memories))),
        add_unit=_adder(inlined, [(load("sums", k), store("sums", k)) for k in range(len(cell.unit_params))]),
    )


def _reader(inlined: Inlined, loads: Sequence[Any]) -> Any:
    """Return read(a, row, j, H): the tuple of what the functions `loads` read."""
    if not loads:

        @inlined
        def empty(a, row, j, H):
            return ()

        return empty
    before, last = _reader(inlined, loads[:-1]), loads[-1]

    @inlined
    def read(a, row, j, H):
        return before(a, row, j, H) + (last(a, row, j, H),)  # noqa: RUF005  the form that Numba compiles

    return read


def _reader_or_zero(inlined: Inlined, loads: Sequence[Any]) -> Any:
    """Return read(a, row, j, H, like): the tuple of what the functions `loads` read, 0 for None."""
    if not loads:

        @inlined
        def empty(a, row, j, H, like):
            return ()

        return empty
    before, last = _reader_or_zero(inlined, loads[:-1]), loads[-1]
    if last is None:

        @inlined
        def read_zero(a, row, j, H, like):
            return before(a, row, j, H, like) + (zero(like),)  # noqa: RUF005  the form that Numba compiles

        return read_zero

    @inlined
    def read(a, row, j, H, like):
        return before(a, row, j, H, like) + (last(a, row, j, H),)  # noqa: RUF005  the form that Numba compiles

    return read


def _writer(inlined: Inlined, stores: Sequence[Any], values_at: Sequence[int]) -> Any:
    """Return write(a, row, j, H, values): each of `stores` writes the value at its place in `values_at`."""
    if not stores:

        @inlined
        def nothing(a, row, j, H, values):
            pass

        return nothing
    before, store, at = _writer(inlined, stores[:-1], values_at[:-1]), stores[-1], values_at[-1]

    @inlined
    def write(a, row, j, H, values):
        before(a, row, j, H, values)
        store(a, row, j, H, values[at])

    return write


def _adder(inlined: Inlined, functions: Sequence[tuple[Any, Any]]) -> Any:
    """Return add(a, row, j, H, values): add a value by each pair of load and store."""
    if not functions:

        @inlined
        def nothing(a, row, j, H, values):
            pass

        return nothing
    before, last, (load, store) = _adder(inlined, functions[:-1]), len(functions) - 1, functions[-1]

    @inlined
    def add(a, row, j, H, values):
        before(a, row, j, H, values)
        store(a, row, j, H, load(a, row, j, H) + values[last])

    return add
