"""Compile every kernel for a GPU to its assembly, without a GPU, and say what is wrong with it. A table last.

    pip install "lstmtui[cuda]"
    python tests/bench/cuda_ptx.py [--cc 9.0] [--ptxas PATH] [--keep FOLDER]

In the kernels of float32 there is to be no arithmetic of float64 (which a literal like 0.5 would bring in, and which
most GPUs do slowly), no local memory (arrays that were to lie in registers), and no call. Sums of squares are meant to
be float64. With `ptxas`, which comes with CUDA's compiler, registers and spilled bytes are told as well.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

launches: dict[tuple[int, tuple[Any, ...]], tuple[str, Any]] = {}
"""Kernels by their identity, since those of five cells have one name, and the types of their arguments."""


class OnDevice(np.ndarray[Any, Any]):
    """An array that would be on the device."""

    def copy_to_host(self) -> Any:
        return np.array(self)

    def copy_to_device(self, what: Any) -> None:
        self[...] = what


class Recorder:
    """A kernel that is not started but noted, with the types that it would be compiled for."""

    compiled = None

    def __init__(self, function: Any) -> None:
        self._function = function

    def __getitem__(self, configuration: Any) -> Any:
        return self._note

    def _note(self, *args: Any) -> None:
        from numba import typeof

        types = tuple(typeof(np.asarray(a) if isinstance(a, np.ndarray) else a) for a in args)
        function = self._function
        launches.setdefault((id(function), types), (f"{function.__module__}.{function.__qualname__}", function))


def note_everything() -> None:
    """Have every kernel started once, in float32, by the code that starts them in earnest."""
    from lstm_kernels.cuda import launch

    launch.kernel = Recorder  # before the modules are imported that use it
    launch.cuda.device_array = lambda shape, dtype: np.zeros(shape, dtype).view(OnDevice)
    launch.cuda.to_device = lambda a: np.array(a).view(OnDevice)
    from lstm_kernels.cell_table import CELLS
    from lstm_kernels.cuda import arrays, driver, dropout, gemm, optim, penalty, persistent, recurrence, sequences
    from support.cuda_kernels import CUDA
    from support.layer_cases import case, run_layer, run_tied

    gemm._found.append(None)
    persistent.multiprocessors = lambda: 1  # all sequences in one block
    persistent.most_shared = lambda: driver.UNASKED
    for recurrence.way, walks in (("steps", (3,)), ("walk", (1, 2, 4, 16, 32))):
        for cell in CELLS:
            for B in walks:
                run_layer(cell, *case(cell, 2, B, 3, 7, np.float32), on=CUDA)
    number = np.float32
    tokens = np.zeros((2, 3), np.int32)
    run_tied(tokens, tokens, np.zeros((4, 5), number), np.zeros(4, number), lambda x, out: out(x), on=CUDA)
    make = lambda *shape: arrays.zeros(shape, number)  # noqa: E731
    dropout.locked_mask(make(3, 5), 0.5, 1)
    dropout.apply(make(2, 3, 5), make(3, 5), make(2, 3, 5), 1)
    dropout.scale_rows(make(3, 5), arrays.to_device(tokens[0]), make(4), 1)
    dropout.drop_weights(make(7), make(7), 0.5, 1, 1)
    for turn in (sequences.reverse, sequences.cut):
        turn(make(2, 3, 5), arrays.to_device(tokens[0]), make(2, 3, 5), 1)
    penalty.activation(make(7), make(7), 1.0, penalty.sums(1), 1)
    penalty.temporal(make(3, 2, 5), make(2, 2, 5), make(2, 5), 1.0, True, penalty.sums(1), 1)
    optim.norm(make(7), None, 1)
    optim.sgd(make(7), make(7), make(7), make(7), 0.1, 0.9, 0.1, 3, 1.0, 0.9, 1)
    optim.adamw(make(7), make(7), make(7), make(7), make(7), 0.1, 0.9, 0.99, 1e-8, 0.1, 3, 1.0, 1, 0.9, 1)
    arrays.add(make(7), make(7))
    arrays.to_host_strided(make(7), 2)


def pretend(cc: tuple[int, int]) -> None:
    """Let the compiler take this machine for one with such a GPU: functions with overloads are compiled for it."""
    from numba.cuda import dispatcher
    from numba.cuda.codegen import CUDACodeLibrary

    device = SimpleNamespace(compute_capability=cc)
    modules = {dispatcher, sys.modules[CUDACodeLibrary.__module__], sys.modules[dispatcher.CUDADispatcher.__module__]}
    for module in modules:
        module.get_current_device = lambda: device  # type: ignore[attr-defined]
    CUDACodeLibrary._ensure_cc = lambda self, wanted=None: wanted or cc


def faults(ptx: str, *, in_double: bool) -> list[str]:
    """Return what should not be there."""
    found = []
    if ".f64" in ptx and not in_double:
        found.append("float64")
    if re.search(r"\b(ld|st)\.local", ptx):
        found.append("local memory")
    if re.search(r"^\s*call", ptx, re.MULTILINE):
        found.append("calls")
    return found


def registers(ptxas: str, ptx: str, cc: tuple[int, int]) -> str:
    """Return the registers of a thread and what is spilled, as ptxas tells."""
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(ptx)
        file.flush()
        command = [ptxas, f"-arch=sm_{cc[0]}{cc[1]}", "-v", "-o", "/dev/null", file.name]
        said = subprocess.run(command, capture_output=True, text=True).stderr
    used, spilled = re.search(r"Used (\d+) registers", said), re.search(r"(\d+) bytes spill stores", said)
    if used is None:
        return said.strip().splitlines()[-1][:60] if said.strip() else "?"
    return f"{used[1]} registers, {spilled[1] if spilled else '?'} B spilled"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cc", default="9.0", help="compute capability")
    parser.add_argument("--ptxas", default=shutil.which("ptxas"), help="where ptxas is")
    parser.add_argument("--keep", type=Path, help="a folder for the assembly")
    args = parser.parse_args()
    note_everything()
    from lstm_kernels.cuda.launch import cuda
    from numba import types

    cc = tuple(int(part) for part in args.cc.split("."))
    pretend(cc)
    rows, bad = [], 0
    for number, ((_, kinds), (name, function)) in enumerate(launches.items()):
        short = name.removeprefix("lstm_kernels.cuda.").replace("<locals>.", "")
        ptx = cuda.compile_ptx(function, types.void(*kinds), cc=cc)[0]
        if args.keep:
            args.keep.mkdir(exist_ok=True)
            (args.keep / f"{number:03d}-{short}.ptx").write_text(ptx)
        wrong = faults(ptx, in_double=any("float64" in str(kind) for kind in kinds))
        bad += bool(wrong)
        told = registers(args.ptxas, ptx, cc) if args.ptxas else ""
        rows.append(f"{short:<44} {len(ptx.splitlines()):>6} lines  {', '.join(wrong) or 'fine':<30} {told}")
        print(rows[-1], file=sys.stderr, flush=True)
    print(*rows, sep="\n")
    print(f"{len(rows)} kernels, {bad} with faults, compute capability {args.cc}, implementation "
          f"{getattr(cuda, 'implementation', 'Built-in')}")  # fmt: skip
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
