"""Compilation of the kernels, and the cache of compiled code.

`kernel` and `threaded` replace `numba.njit(cache=True)`. Numba's own cache does not see an edit in another file or a
changed option, numbers its files so that two processes that compile at once can mix them up, and fails on a damaged
file. This cache has a folder for each state of the package's sources and one file for each compiled function, named
after all that it depends on, checksummed and replaced atomically: processes that compile the same function write the
same file, and a file that cannot be read is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite.binding
import numba
import numba.extending
from numba import types

from lstm_kernels import cache_file
from lstm_kernels.numba_patches import dispatcher, function_ids, results
from lstm_kernels.numba_patches.untyped import SETTINGS
from lstm_kernels.thread_pool import MAX_THREADS, parallel_for, pool, run_on_pool, worker_loop

# NaN and infinity must survive, or a diverged run would go unnoticed; sums keep their order.
FASTMATH = frozenset({"contract", "nsz", "arcp"})
SUMS = FASTMATH | {"reassoc"}
"""For a kernel whose sums may be split over the lanes of a vector (still in one fixed order)."""

_ = function_ids  # imported for its effect

_folder: Path | None = None
_kernels: dict[str, Any] = {}
_collected: dict[Job, None] | None = None


def set_cache_folder(folder: str | os.PathLike[str]) -> Path | None:
    """Cache compiled code under `folder` from now on; call it before the first kernel runs.

    Returns the folder in use, one for each state of the sources and version of Numba. Returns None where it cannot be
    written or others may write to it; then each process compiles everything. Files there get executed, so the folder
    must be the user's own.
    """
    global _folder
    _folder = None
    place = Path(folder) / _SOURCES
    try:
        cache_file.make_private(place.parent)
        place.mkdir(mode=0o700, exist_ok=True)
        if not (cache_file.is_private(place.parent) and cache_file.is_private(place)):
            return None
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return None
    _folder = place
    return place


def cache_path(name: str, key: object) -> Path | None:
    """Return the file for the code of the function `name`, which depends on `key`; None where nothing is cached."""
    if _folder is None:
        return None
    return _folder / f"{_stem(name)}-{hashlib.sha256(repr(key).encode()).hexdigest()[:20]}.nbc"


def _stem(name: str) -> str:
    return name.replace("<locals>.", "").removeprefix("lstm_kernels.")


def source_digest(paths: Iterable[Path], versions: str = "") -> str:
    """Return a digest of sources of the package, and of `versions`."""
    root = Path(__file__).parent
    found = hashlib.sha256(versions.encode())
    for path in sorted(paths):
        found.update(f"\n{path.relative_to(root).as_posix()}\n".encode() + path.read_bytes())
    return found.hexdigest()[:20]


def _digest() -> str:
    """Return a digest of the sources that are compiled for the processor, and of the compiler."""
    root = Path(__file__).parent
    tiles, unit = os.environ.get("LSTM_KERNELS_TILES"), os.environ.get("LSTM_KERNELS_UNIT")  # see microkernel/registers
    # Nothing here calls code for a GPU, which `cuda.kernel_cache` keeps under its own digest.
    sources = set(root.rglob("*.py")) - set((root / "cuda").rglob("*.py"))
    return source_digest(sources, f"{sys.version} {numba.__version__} {llvmlite.__version__} {tiles} {unit}")


_SOURCES = _digest()
"""Taken before the rest of the package is imported; code is saved only while the sources still have this digest."""


class _DiskCache(dispatcher.Cache):  # type: ignore[misc,unused-ignore]
    """One kernel's compiled versions, a file each, in the folder given to `set_cache_folder`."""

    def __init__(self, function: Callable[..., Any], stamp: str) -> None:
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._stamp = stamp
        self._enabled = True

    @property
    def cache_path(self) -> str | None:
        return None if _folder is None else str(_folder)

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        if _folder is not None:
            for path in _folder.glob(f"{_stem(self._name)}-*.nbc"):
                path.unlink(missing_ok=True)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled code for `sig`, or None where it is missing or damaged."""
        target_context.refresh()
        path = self.path(sig, target_context)
        payload = None if path is None else cache_file.read(path)
        if payload is None:
            return None
        try:
            return results.from_bytes(target_context, payload)
        except Exception:  # a damaged file may fail in any way, and only costs a compilation
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save the compile result `data`; where that fails the next process compiles again."""
        path = self.path(sig, data.target_context)
        if path is None or not results.is_portable(data):
            return
        if _digest() != _SOURCES:  # edited since: the imported code may be of either state
            return
        cache_file.write(path, results.to_bytes(data))

    def path(self, sig: Any, target_context: Any) -> Path | None:
        """Return the file for `sig`; None where nothing is cached."""
        if not self._enabled:
            return None
        return cache_path(self._name, (self._name, self._stamp, str(sig), results.target_key(target_context)))


class Job(NamedTuple):
    """One kernel and one combination of argument types, compiled together. Another process can unpickle it."""

    module: str
    kernel: str
    types: tuple[Any, ...]

    @property
    def name(self) -> str:
        """A short name for people, such as recurrence.forward."""
        function = self.kernel.removeprefix(f"{self.module}.").split()[0].split(".")[0]
        return f"{self.module.rpartition('.')[2]}.{function.strip('_').removesuffix('_of')}"

    @property
    def is_cached(self) -> bool:
        """Whether the cache folder has its code."""
        compiled = _kernels[self.kernel]
        path = compiled.disk_cache.path(self.types, dispatcher.target_context(compiled))
        return path is not None and path.exists()

    def compile(self) -> None:
        """Load the code from the cache folder, or compile and save it."""
        _kernels[self.kernel].compile(self.types)


def collect_jobs(action: Callable[[], object]) -> list[Job]:
    """Call `action` with kernels that do nothing, and return one job for each kernel and types of its arguments.

    Output arrays keep their values, and kernels that return a value return None.
    """
    global _collected
    _collected = {}
    try:
        action()
        return list(_collected)
    finally:
        _collected = None


def inlined(function: Callable[..., Any]) -> Any:
    """Compile `function` into each kernel that calls it; it keeps its own floating-point rules there."""
    return numba.extending.register_jitable(forceinline=True, fastmath=set(FASTMATH))(function)


def kernel(function: Callable[..., Any] | None = None, *, fastmath: frozenset[str] = FASTMATH, stamp: str = "") -> Any:
    """Compile `function` on its first call with each combination of types; it releases the interpreter lock.

    A function made by a factory names in `stamp` what it closes over, since the compiled code depends on it.
    """
    if function is None:
        return partial(kernel, fastmath=fastmath, stamp=stamp)
    compiled: Any = numba.njit(nogil=True, error_model="numpy", fastmath=set(fastmath))(function)
    if SETTINGS.DISABLE_JIT:
        return compiled
    stamp = f"{stamp} fastmath={sorted(fastmath)}"
    compiled.__class__ = _Kernel
    compiled.name = f"{function.__module__}.{function.__qualname__} {stamp}"
    compiled.disk_cache = _DiskCache(function, stamp)
    dispatcher.set_cache(compiled, compiled.disk_cache)
    _kernels[compiled.name] = compiled
    return compiled


class _Kernel(dispatcher.Dispatcher):  # type: ignore[misc,unused-ignore]
    """A compiled function. While `collect_jobs` runs, a call only adds a job."""

    name: str
    disk_cache: _DiskCache

    def __call__(self, *args: Any) -> Any:
        if _collected is None:
            return super().__call__(*args)
        _collected[Job(self.py_func.__module__, self.name, dispatcher.argument_types(self, args))] = None
        return None


exported: dict[str, Any] = {}
"""C functions by their symbols."""
_run: Any = None
"""`thread_pool.run_on_pool`, once it is compiled."""


def export_symbol(name: str, function: Callable[..., Any], signature: Any, *, stamp: str) -> None:
    """Compile `function` as C would, and let compiled code call it as the symbol `name` from now on.

    The caller's code holds no copy of it; another process that loads that code must export the symbol first.
    """
    compiled = dispatcher.c_function(function, signature, _DiskCache(function, stamp))
    llvmlite.binding.add_symbol(name, compiled.address)
    exported[name] = compiled


def threaded(
    function: Callable[..., Any] | None = None, *, fastmath: frozenset[str] = FASTMATH, stamp: str = ""
) -> Any:
    """Compile `function(k, threads, *args)`, and return run(*args, threads), which calls it for each k below `threads`.

    The work is cut into exactly `threads` chunks, however many processors there are, so that results depend on the
    arguments alone. With `threads` 1 the caller does it all.
    """
    if function is None:
        return partial(threaded, fastmath=fastmath, stamp=stamp)
    if SETTINGS.DISABLE_JIT:
        return partial(_run_serially, function)
    chunk = numba.njit(error_model="numpy", fastmath=set(fastmath))(function)

    def launch(args, chunks, threads, pool):
        parallel_for(chunk, chunks, threads, pool, args)

    launch.__module__, launch.__qualname__ = function.__module__, function.__qualname__
    compiled = kernel(launch, fastmath=fastmath, stamp=stamp)

    def run(*args: Any) -> None:
        threads = min(args[-1], MAX_THREADS)
        compiled(args[:-1], args[-1], threads, _pool_of(threads) if threads > 1 and _collected is None else 0)

    return run


def _pool_of(threads: int) -> int:
    """Return the address of the pool, once it has `threads` threads, the caller included."""
    global _run
    found = pool()
    if not found.has(threads):
        if _run is None:
            _run = dispatcher.c_function(run_on_pool, types.void(*[types.int64] * 5), _DiskCache(run_on_pool, ""))
        loop = kernel(worker_loop)
        loop.compile((types.int64, types.int64))
        found.grow(threads, _run.address, loop)
    return found.address


def _run_serially(function: Callable[..., Any], *args: Any) -> None:
    """Do without the compiler what `threaded` does."""
    for k in range(args[-1]):
        function(k, args[-1], *args[:-1])
