"""Accesses to the values of a unit: the right element, and no comparison of addresses before a loop."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu.unit_access import load_of, store_of
from lstm_kernels.jit import kernel
from lstm_kernels.numba_patches.untyped import SETTINGS

load_row, load_block, store_row, store_block = (
    load_of("h", 0),
    load_of("gates", 1),
    store_of("dh", 0),
    store_of("sums", 2),
)


@kernel
def add_twice(block, row, to_block, to_row):
    for j in range(row.shape[0]):
        value = load_block(block, j) + load_row(row, j)
        store_block(to_block, j, value)
        store_row(to_row, j, 2 * value)


@kernel
def add_twice_plainly(block, row, to_block, to_row):
    for j in range(row.shape[0]):
        value = block[1, j] + row[j]
        to_block[2, j] = value
        to_row[j] = 2 * value


@pytest.mark.parametrize("step", [1, 2])
def test_elements_are_those_of_the_arrays(step):
    rng = np.random.default_rng(1)
    block, row = rng.normal(size=(3, 40))[:, ::step], rng.normal(size=40)[::step]
    to_block, to_row = np.zeros((3, 40))[:, ::step], np.zeros(40)[::step]
    add_twice(block, row, to_block, to_row)
    np.testing.assert_array_equal(to_block, [np.zeros_like(row), np.zeros_like(row), block[1] + row])
    np.testing.assert_array_equal(to_row, 2 * (block[1] + row))


@pytest.mark.skipif(bool(SETTINGS.DISABLE_JIT), reason="compiled code is what is looked at")
def test_no_addresses_are_compared_before_the_loop():
    arguments = [np.zeros((3, 40), np.float32), np.zeros(40, np.float32)] * 2
    compares = {}
    for function in (add_twice, add_twice_plainly):
        function(*arguments)
        compares[function] = "vector.memcheck" in function.inspect_llvm(function.signatures[0])
    assert compares == {add_twice: False, add_twice_plainly: True}
