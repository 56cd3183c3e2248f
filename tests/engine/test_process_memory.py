"""Memory that is returned to the system is read again when it is needed."""

import sys

import numba
import pytest

from lstmtui.common.hardware import process_memory_mb
from lstmtui.engine import process_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the mappings of a process")


def test_the_compiler_works_after_its_pages_were_released():
    assert numba.njit(lambda x: x + 1)(1) == 2
    before = process_memory_mb()
    process_memory.release_unused()
    assert process_memory_mb() < before - 10  # compiling has read far more of it
    assert numba.njit(lambda x: x * 3)(2) == 6


def test_only_unmodified_mappings_are_released():
    sizes = [size for _, size in process_memory._clean_mappings(process_memory.COMPILER)]
    assert sizes
    assert not process_memory._clean_mappings("no library of this name")
