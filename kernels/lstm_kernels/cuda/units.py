"""Tuples of one unit's values, from and to arrays whose rows hold gates one after the other, H units each.

Compiled code needs their length to be constant, hence one function for each that occurs.
"""

from __future__ import annotations

from lstm_kernels.cuda.launch import inlined


@inlined
def _read0(a, row, j, H):
    return ()


@inlined
def _read1(a, row, j, H):
    return (a[row, j],)


@inlined
def _read3(a, row, j, H):
    return a[row, j], a[row, H + j], a[row, 2 * H + j]


@inlined
def _read4(a, row, j, H):
    return a[row, j], a[row, H + j], a[row, 2 * H + j], a[row, 3 * H + j]


@inlined
def _saved1(a, more, row, j, H):
    return (a[row, j],)


@inlined
def _saved3(a, more, row, j, H):
    return a[row, j], a[row, H + j], a[row, 2 * H + j]


@inlined
def _saved4(a, more, row, j, H):
    return a[row, j], a[row, H + j], a[row, 2 * H + j], a[row, 3 * H + j]


@inlined
def _saved3_1(a, more, row, j, H):
    return a[row, j], a[row, H + j], a[row, 2 * H + j], more[row, j]


@inlined
def _write1(a, more, row, j, H, values):
    a[row, j] = values[0]


@inlined
def _write3(a, more, row, j, H, values):
    a[row, j] = values[0]
    a[row, H + j] = values[1]
    a[row, 2 * H + j] = values[2]


@inlined
def _write4(a, more, row, j, H, values):
    a[row, j] = values[0]
    a[row, H + j] = values[1]
    a[row, 2 * H + j] = values[2]
    a[row, 3 * H + j] = values[3]


@inlined
def _write3_1(a, more, row, j, H, values):
    a[row, j] = values[0]
    a[row, H + j] = values[1]
    a[row, 2 * H + j] = values[2]
    more[row, j] = values[3]


@inlined
def _add0(a, row, j, H, values):
    pass


@inlined
def _add1(a, row, j, H, values):
    a[row, j] += values[0]


@inlined
def _add3(a, row, j, H, values):
    a[row, j] += values[0]
    a[row, H + j] += values[1]
    a[row, 2 * H + j] += values[2]


READ = {0: _read0, 1: _read1, 3: _read3, 4: _read4}
SAVED = {(1, 0): _saved1, (3, 0): _saved3, (4, 0): _saved4, (3, 1): _saved3_1}
WRITE = {(1, 0): _write1, (3, 0): _write3, (4, 0): _write4, (3, 1): _write3_1}
ADD = {0: _add0, 1: _add1, 3: _add3}
