"""Compiled kernels between processes, with fake kernels: only a GPU's compiler makes real ones."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels import jit
from lstm_kernels.cell_table import CELLS
from lstm_kernels.cuda import kernel_cache, persistent
from numba import types

SIG = (types.float32,)


class Compiled:
    """What the compiler would have made."""

    def __init__(self, code):
        self.code = code

    def _reduce_states(self):
        return {"code": self.code}

    @classmethod
    def _rebuild(cls, code):
        return cls(code)


def adder(number):
    def add(x):
        return x + number

    return add


def cache(function, target="a GPU"):
    return kernel_cache.KernelCache(function, lambda: target)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(jit, "_folder", tmp_path)
    return tmp_path


def test_a_saved_kernel_loads(folder):
    assert cache(adder(1)).load_overload(SIG, None) is None
    cache(adder(1)).save_overload(SIG, Compiled("one"))
    assert cache(adder(1)).load_overload(SIG, None).code == "one"


def test_the_file_depends_on_everything_the_kernel_depends_on(folder, monkeypatch):
    cache(adder(1)).save_overload(SIG, Compiled("one"))
    assert cache(adder(2)).load_overload(SIG, None) is None
    assert cache(adder(1)).load_overload((types.float64,), None) is None
    assert cache(adder(1), "another").load_overload(SIG, None) is None
    monkeypatch.setattr(kernel_cache, "_SOURCES", "another")
    assert cache(adder(1)).load_overload(SIG, None) is None


def test_a_damaged_file_reads_as_missing(folder):
    cache(adder(1)).save_overload(SIG, Compiled("one"))
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    for damaged in (whole[:-1], b"", whole[:40] + b"x" + whole[41:]):
        file.write_bytes(damaged)
        assert cache(adder(1)).load_overload(SIG, None) is None


def test_a_kernel_that_cannot_be_pickled_is_not_saved(folder, monkeypatch):
    cache(adder(1)).save_overload(SIG, object())  # no compiler's
    assert not list(folder.iterdir())
    monkeypatch.setattr(kernel_cache, "_digest", lambda: "of what was edited")
    cache(adder(1)).save_overload(SIG, Compiled("one"))
    assert not list(folder.iterdir())
    monkeypatch.setattr(jit, "_folder", None)
    cache(adder(1)).save_overload(SIG, Compiled("one"))
    assert cache(adder(1)).load_overload(SIG, None) is None


def test_a_closure_is_identified_by_its_values():
    assert kernel_cache.closure(adder(np.float32(1))) == kernel_cache.closure(adder(np.float32(1)))
    assert kernel_cache.closure(adder(adder(1))) != kernel_cache.closure(adder(adder(2)))
    with pytest.raises(TypeError, match="must not close over"):
        kernel_cache.closure(adder([1]))


def test_kernels_of_different_cells_have_different_closures():
    made = [
        persistent.forward_of(cell, dtype, rows)
        for cell in CELLS
        for dtype in ("float32", "float64")
        for rows in (1, 4)
    ]
    assert len({str(kernel_cache.closure(getattr(kernel.compiled, "fn", kernel.compiled))) for kernel in made}) == len(
        made
    )
