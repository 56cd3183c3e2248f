"""Reading and writing a unit's tuples, once for both devices.

Compiled code needs the length of a tuple to be constant, so a function is made for each layout, one value after the
other. What a device brings: `inlined`, which makes a function part of the kernel that calls it; `load(place, k)` and
`store(place, k, value)`, which reach value k of a unit at `place`, a tuple that the device's kernels make.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lstm_kernels.activations import zero
from lstm_kernels.cell_table import Cell

Inlined = Callable[[Callable[..., Any]], Any]


class Access(NamedTuple):
    """The functions that one cell's kernels read and write a unit's values with; each takes places."""

    gates: Any
    """gates(place): the values of all gates, as W_ih x + b is."""
    recurrent: Any
    """recurrent(place, like): those of W_hh h, with 0 in the type of `like` for a gate without a recurrent product."""
    unit: Any
    """unit(place): the unit's parameters."""
    memory: Any
    """memory(place): the states beside h."""
    saved: Any
    """saved(place, more): the gates, and from `more` what is saved beyond them."""
    write_gates: Any
    """write_gates(place, values): the first values, one for each gate."""
    write_saved: Any
    """write_saved(more, values): the values after those of the gates."""
    write_own: Any
    """write_own(more, values): of a value for each gate, those of the cell's `own_gates`."""
    write_memory: Any
    """write_memory(place, values): the states beside h."""
    add_unit: Any
    """add_unit(place, values): add to the gradient of the unit's parameters."""


def access_of(cell: Cell, inlined: Inlined, load: Any, store: Any) -> Access:
    """Return how a cell's kernels reach a unit's values on a device."""
    G, S = len(cell.gates), len(cell.saved)
    first, beyond = tuple(range(G)), tuple(range(G, G + S))
    read_gates, read_saved = _reader(inlined, load, first), _reader(inlined, load, range(S))

    @inlined
    def saved(place, more):
        return read_gates(place) + read_saved(more)

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
    """Return read(place): the tuple of the values at `places`."""
    if not places:

        @inlined
        def empty(place):
            return ()

        return empty
    before, last = _reader(inlined, load, places[:-1]), places[-1]

    @inlined
    def read(place):
        return before(place) + (load(place, last),)  # noqa: RUF005  the form that Numba compiles

    return read


def _reader_or_zero(inlined: Inlined, load: Any, places: Sequence[int | None]) -> Any:
    """Return read(place, like): the tuple of the values at `places`, 0 for None."""
    if not places:

        @inlined
        def empty(place, like):
            return ()

        return empty
    before, last = _reader_or_zero(inlined, load, places[:-1]), places[-1]
    if last is None:

        @inlined
        def read_zero(place, like):
            return before(place, like) + (zero(like),)  # noqa: RUF005  the form that Numba compiles

        return read_zero

    @inlined
    def read(place, like):
        return before(place, like) + (load(place, last),)  # noqa: RUF005  the form that Numba compiles

    return read


def _writer(inlined: Inlined, store: Any, values_at: Sequence[int]) -> Any:
    """Return write(place, values): the values at `values_at` become the first of `place`, in their order."""
    if not values_at:

        @inlined
        def nothing(place, values):
            pass

        return nothing
    before, to, at = _writer(inlined, store, values_at[:-1]), len(values_at) - 1, values_at[-1]

    @inlined
    def write(place, values):
        before(place, values)
        store(place, to, values[at])

    return write


def _adder(inlined: Inlined, load: Any, store: Any, count: int) -> Any:
    """Return add(place, values): add `count` values to those of `place`."""
    if count == 0:

        @inlined
        def nothing(place, values):
            pass

        return nothing
    before, last = _adder(inlined, load, store, count - 1), count - 1

    @inlined
    def add(place, values):
        before(place, values)
        store(place, last, load(place, last) + values[last])

    return add
