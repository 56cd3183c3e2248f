"""How the kernels are compiled, and where the compiled code is kept.

`kernel` and `threaded` replace `numba.njit(cache=True)`, whose own cache does not see an edit in another file or a
changed jit option, numbers its files so that two processes compiling at once can mix them up, and dies of a damaged
file. Here the folder's name is a digest of every source of this package, and each compiled function is one file, named
after all that it depends on, sealed with a digest and replaced atomically: a race writes the same thing twice, and
whatever cannot be read is compiled again.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import pickle
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
from numba.core.bytecode import FunctionIdentity
from numba.core.caching import _Cache
from numba.core.ccallback import CFunc
from numba.core.compiler import CompileResult
from numba.core.registry import CPUDispatcher
from numba.core.serialize import dumps

from lstm_kernels import cache_file
from lstm_kernels.thread_pool import MAX_THREADS, parallel_for, pool, run_on_pool, worker_loop

# NaN and infinity must survive, or a diverged run would not be noticed; sums keep their order.
FASTMATH = frozenset({"contract", "nsz", "arcp"})
SUMS = FASTMATH | {"reassoc"}
"""For a kernel whose sums may be split over the lanes of a vector (still in one fixed order)."""

# A cell reads and writes a dozen streams, and LLVM gives up vectorising when it would need more than 8 comparisons
# of pointers before the loop; here that is some 20 ns a row of units.
llvmlite.binding.set_option("lstm_kernels", "-runtime-memory-check-threshold=512")

# In compiled code a function is called by its name, the types of its arguments and a number, which Numba counts from 1
# in each process: two of one name that were each the first of their process, such as the product in float32 and that in
# float64, would be taken for one another by a process that loads both from the cache. So it is counted from anywhere.
FunctionIdentity._unique_ids = itertools.count(int.from_bytes(os.urandom(6)))

# Numba's type stubs leave out the settings read from the environment, and that callers pass no typing context.
SETTINGS: Any = numba.config
intrinsic: Any = numba.extending.intrinsic

_folder: Path | None = None
_kernels: dict[str, Any] = {}
_noted: dict[Job, None] | None = None


def cache_in(folder: str | os.PathLike[str]) -> Path | None:
    """Keep compiled code under `folder` from now on; call it before the first kernel runs.

    Returns the folder in use, one per state of the sources and of Numba, or None when it cannot be written or others
    may write there: then everything is compiled anew in each process. What is in the folder gets executed, so it must
    be the user's own.
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


def entry(name: str, key: object) -> Path | None:
    """Return the file of what is compiled of the function `name`, which depends on `key`; None to keep none."""
    if _folder is None:
        return None
    return _folder / f"{_stem(name)}-{hashlib.sha256(repr(key).encode()).hexdigest()[:20]}.nbc"


def _stem(name: str) -> str:
    return name.replace("<locals>.", "").removeprefix("lstm_kernels.")


def digest(paths: Iterable[Path], more: str = "") -> str:
    """Name the state of these sources of the package, and of `more`."""
    root = Path(__file__).parent
    found = hashlib.sha256(more.encode())
    for path in sorted(paths):
        found.update(f"\n{path.relative_to(root).as_posix()}\n".encode() + path.read_bytes())
    return found.hexdigest()[:20]


def _digest() -> str:
    """Name the state of what is compiled for the processor, and of the compiler."""
    root = Path(__file__).parent
    tiles = os.environ.get("LSTM_KERNELS_TILES")  # see cpu/microkernel/vectors.py
    # What is for a GPU is compiled elsewhere, and nothing here calls it.
    sources = set(root.rglob("*.py")) - set((root / "cuda").rglob("*.py"))
    return digest(sources, f"{sys.version} {numba.__version__} {llvmlite.__version__} {tiles}")


_SOURCES = _digest()
"""Taken before the rest of the package is imported: what is compiled is kept as long as the sources are still these."""


class _DiskCache(_Cache):
    """One kernel's compiled versions, a file each, in the folder given to `cache_in`."""

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
        """Return what was compiled for `sig`, or None if that is not there or not whole."""
        target_context.refresh()
        path = self._path(sig, target_context)
        payload = None if path is None else cache_file.read(path)
        if payload is None:
            return None
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(payload))
        except Exception:  # a damaged entry may fail in any way, and only costs a compilation
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the compile result `data`; a disk that is full or gone costs the next process a compilation."""
        path = self._path(sig, data.target_context)
        if path is None or data.library.has_dynamic_globals:  # addresses of this process do not keep
            return
        if _digest() != _SOURCES:  # edited since: what was imported may be neither the one state nor the other
            return
        cache_file.write(path, dumps(data._reduce()))

    def _path(self, sig: Any, target_context: Any) -> Path | None:
        if not self._enabled:
            return None
        return entry(self._name, (self._name, self._stamp, str(sig), target_context.codegen().magic_tuple()))


class Job(NamedTuple):
    """One kernel for one combination of types: what is compiled at a time. It may be sent to another process."""

    module: str
    kernel: str
    types: tuple[Any, ...]

    @property
    def name(self) -> str:
        """What to call it before people, such as recurrence.forward."""
        function = self.kernel.removeprefix(f"{self.module}.").split()[0].split(".")[0]
        return f"{self.module.rpartition('.')[2]}.{function.strip('_').removesuffix('_of')}"

    @property
    def is_kept(self) -> bool:
        """Whether the cache folder has it."""
        compiled = _kernels[self.kernel]
        path = compiled._cache._path(self.types, compiled.targetctx)
        return path is not None and path.exists()

    def compile(self) -> None:
        """Take it from the cache folder, or compile it and put it there."""
        _kernels[self.kernel].compile(self.types)


def collect_jobs(action: Callable[[], object]) -> list[Job]:
    """Call `action` with kernels that do nothing, and return those it called, each type of call once.

    What kernels would have written is left as it was, and those that return a value return None.
    """
    global _noted
    _noted = {}
    try:
        action()
        return list(_noted)
    finally:
        _noted = None


def inlined(function: Callable[..., Any]) -> Any:
    """Make `function` part of whatever kernel calls it; it keeps its own arithmetic rules wherever that is."""
    return numba.extending.register_jitable(forceinline=True, fastmath=set(FASTMATH))(function)


def kernel(function: Callable[..., Any] | None = None, *, fastmath: frozenset[str] = FASTMATH, stamp: str = "") -> Any:
    """Compile `function` on its first call with each combination of types, releasing the GIL.

    A function made by a factory names in `stamp` what it closes over, since that is part of what is compiled.
    """
    if function is None:
        return partial(kernel, fastmath=fastmath, stamp=stamp)
    compiled: Any = numba.njit(nogil=True, error_model="numpy", fastmath=set(fastmath))(function)
    if SETTINGS.DISABLE_JIT:
        return compiled
    stamp = f"{stamp} fastmath={sorted(fastmath)}"
    compiled._cache = _DiskCache(function, stamp)
    compiled.__class__ = _Kernel
    compiled.name = f"{function.__module__}.{function.__qualname__} {stamp}"
    _kernels[compiled.name] = compiled
    return compiled


class _Kernel(CPUDispatcher):
    """A compiled function that does nothing but be noted while `collect_jobs` wants to know what is called."""

    name: str

    def __call__(self, *args: Any) -> Any:
        if _noted is None:
            return super().__call__(*args)
        _noted[Job(self.py_func.__module__, self.name, tuple(self.typeof_pyval(value) for value in args))] = None
        return None


_exported: dict[str, CFunc] = {}
_run: Any = None
"""`thread_pool.run_on_pool`, once it is compiled."""


def export(name: str, function: Callable[..., Any], signature: Any, *, stamp: str) -> None:
    """Compile `function` as C would, and let compiled code call it as the symbol `name` from now on.

    What calls it holds no copy of it, and finds it again in another process, if it has been exported there before.
    """
    compiled = _c_function(function, signature, stamp)
    llvmlite.binding.add_symbol(name, compiled.address)
    _exported[name] = compiled


def _c_function(function: Callable[..., Any], signature: Any, stamp: str) -> CFunc:
    compiled: Any = CFunc(function, (signature.args, signature.return_type), {}, {"error_model": "numpy"})
    compiled._cache = _DiskCache(function, stamp)
    compiled.compile()
    return compiled


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
        compiled(args[:-1], args[-1], threads, _pool_of(threads) if threads > 1 and _noted is None else 0)

    return run


def _pool_of(threads: int) -> int:
    """Return the address of the pool, once it has `threads` threads, the caller included."""
    global _run
    found = pool()
    if not found.has(threads):
        if _run is None:
            _run = _c_function(run_on_pool, types.void(*[types.int64] * 5), "")
        loop = kernel(worker_loop)
        loop.compile((types.int64, types.int64))
        found.grow(threads, _run.address, loop)
    return found.address


def _run_serially(function: Callable[..., Any], *args: Any) -> None:
    """Do without the compiler what `threaded` does."""
    for k in range(args[-1]):
        function(k, args[-1], *args[:-1])
