"""Limits of shared memory, with a fake driver."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from lstm_kernels.cuda import driver

MAX_SHARED = 227 << 10


class Library:
    """A fake driver: has MAX_SHARED bytes, and returns `status` from each call."""

    def __init__(self, status=0):
        self.status, self.asked = status, []

    def cuDeviceGetAttribute(self, value, attribute, device):  # noqa: N802
        assert attribute == 97
        value._obj.value = MAX_SHARED
        return self.status

    def cuKernelSetAttribute(self, attribute, size, handle, device):  # noqa: N802
        self.asked.append((attribute, size, handle.value))
        return self.status


class Compiled:
    """A kernel as Numba has it."""

    typeof_pyval = staticmethod(type)

    def compile(self, types):
        assert types == (int, float)
        return SimpleNamespace(_codelibrary=SimpleNamespace(get_cufunc=lambda: SimpleNamespace(handle=77)))


@pytest.fixture
def have(monkeypatch):
    """Install a fake driver, and an implementation of Numba's CUDA."""

    def have(library, implementation="NVIDIA"):
        device = SimpleNamespace(implementation=implementation, get_current_device=lambda: SimpleNamespace(id=0))
        monkeypatch.setattr(driver, "cuda", device)
        monkeypatch.setattr(driver, "SIMULATED", False)
        monkeypatch.setattr(driver, "library", lambda: library)
        monkeypatch.setattr(driver, "_limit", [])
        return library

    return have


def test_the_limit_is_that_of_the_device(have):
    have(Library())
    assert driver.max_shared() == MAX_SHARED


@pytest.mark.parametrize(
    ("library", "implementation"),
    [(None, "NVIDIA"), (Library(status=1), "NVIDIA"), (SimpleNamespace(), "NVIDIA"), (Library(), "Built-in")],
)
def test_the_default_limit_holds_where_it_cannot_be_raised(have, library, implementation):
    have(library, implementation)
    assert driver.max_shared() == driver.DEFAULT_SHARED


def test_only_a_size_above_the_default_raises_the_limit(have):
    library = have(Library())
    assert driver.allow_shared(Compiled(), (1, 2.0), driver.DEFAULT_SHARED)
    assert library.asked == []
    assert driver.allow_shared(Compiled(), (1, 2.0), MAX_SHARED)
    assert library.asked == [(8, MAX_SHARED, 77)]


@pytest.mark.parametrize("kernel", [Compiled(), SimpleNamespace()], ids=["the driver", "another Numba"])
def test_after_a_refusal_the_default_limit_holds(have, kernel):
    library = have(Library())
    assert driver.max_shared() == MAX_SHARED
    library.status = 1
    assert not driver.allow_shared(kernel, (1, 2.0), MAX_SHARED)
    assert driver.max_shared() == driver.DEFAULT_SHARED
