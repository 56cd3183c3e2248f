"""Memory that only loading and compiling took, given back to the system: what stays is what answering needs.

Where the system has other ways than Linux with glibc, nothing happens.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from pathlib import Path

LARGE = 1 << 20
"""Bytes from which an array gets pages of its own, which go back as soon as it is let go of."""
COMPILER = "libllvmlite"
"""The library that compiles: loading compiled code reads some 60 MB of it that no answer needs."""

_M_MMAP_THRESHOLD = -3
_MADV_DONTNEED = 4
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +(\S.*)$")


def map_large_arrays() -> None:
    """Give each large array pages of its own from now on, however many such arrays came and went.

    glibc raises the size from which it does so whenever a larger array goes, and then arrays lie between whatever
    was there, which stays when they go.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE)


def release_unused() -> None:
    """Give back what was freed, and the compiler's pages, which are read from its file again when it is needed."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.malloc_trim(0)
        for start, size in _unchanged(COMPILER):
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _MADV_DONTNEED)


def _unchanged(library: str) -> list[tuple[int, int]]:
    """Return start and size of the mappings of `library` that are as in its file, and so can be read again."""
    found, at = [], None
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            mapping = _MAPPING.match(line)
            at = mapping if mapping and library in mapping[3] else None
        elif at is not None and line.startswith("Anonymous:"):
            if line.split()[1] == "0":
                low, high = int(at[1], 16), int(at[2], 16)
                found.append((low, high - low))
            at = None
    return found
