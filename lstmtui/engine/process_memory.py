"""Returns memory to the system that was needed only to load and compile.

On systems other than Linux with glibc, nothing happens.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from pathlib import Path

MMAP_THRESHOLD = 1 << 20
"""Bytes from which an array is mapped separately, and unmapped when it is freed."""
COMPILER = "libllvmlite"
"""The compiler's library: loading compiled code reads about 60 MB of it that are not needed afterwards."""

_M_MMAP_THRESHOLD = -3
_MADV_DONTNEED = 4
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +(\S.*)$")


def map_large_arrays() -> None:
    """Map each large array separately from now on.

    By default glibc raises the threshold when a larger mapping is freed. Later arrays then share a heap with small
    objects, which cannot be returned to the system.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD)


def release_unused() -> None:
    """Return freed memory, and the pages of the compiler's library, which are read again from its file on demand."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.malloc_trim(0)
        for start, size in _clean_mappings(COMPILER):
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _MADV_DONTNEED)


def _clean_mappings(library: str) -> list[tuple[int, int]]:
    """Return start and size of the mappings of `library` that equal its file, and so can be read again."""
    found, mapping = [], None
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            match = _MAPPING.match(line)
            mapping = match if match and library in match[3] else None
        elif mapping is not None and line.startswith("Anonymous:"):
            if line.split()[1] == "0":
                low, high = int(mapping[1], 16), int(mapping[2], 16)
                found.append((low, high - low))
            mapping = None
    return found
