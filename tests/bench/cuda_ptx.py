"""Compile every CUDA kernel to PTX, without a GPU, and report what should not be in it. A table last.

    pip install "lstmtui[cuda]"
    python tests/bench/cuda_ptx.py [--cc 9.0] [--ptxas PATH] [--keep FOLDER]

Kernels of float32 should have no arithmetic in float64 (which a literal like 0.5 brings in, and which is slow on most
GPUs), no local memory (arrays meant for registers), and no calls. Sums of squares are float64 on purpose. With `ptxas`,
which comes with CUDA's compiler, the table also has registers and spilled bytes.
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
"""The name and function of each kernel, by its identity (kernels of all cells share names) and argument types."""


class FakeDeviceArray(np.ndarray[Any, Any]):
    """An array in place of one on the device."""

    def copy_to_host(self) -> Any:
        return np.array(self)

    def copy_to_device(self, values: Any) -> None:
        self[...] = values


class Recorder:
    """A kernel whose launches are recorded, with the types of their arguments, and not made."""

    compiled = None

    def __init__(self, function: Any) -> None:
        self._function = function

    def __getitem__(self, configuration: Any) -> Any:
        return self._record

    def _record(self, *args: Any) -> None:
        from numba import typeof

        types = tuple(typeof(np.asarray(a) if isinstance(a, np.ndarray) else a) for a in args)
        function = self._function
        launches.setdefault((id(function), types), (f"{function.__module__}.{function.__qualname__}", function))


def record_launches() -> None:
    """Call, in float32, everything that launches a kernel."""
    from lstm_kernels.cuda import launch

    launch.kernel = Recorder  # before the modules are imported that use it
    launch.cuda.device_array = lambda shape, dtype: np.zeros(shape, dtype).view(FakeDeviceArray)
    launch.cuda.to_device = lambda a: np.array(a).view(FakeDeviceArray)
    from lstm_kernels.cell_table import CELLS
    from lstm_kernels.cuda import (
        arrays,
        attention,
        ctc,
        driver,
        dropout,
        gemm,
        optim,
        penalty,
        persistent,
        recurrence,
        sequences,
    )
    from lstm_kernels.interface import Adam, AttentionGradients, AttentionInputs, CTCTargets, FlatWeights, Update
    from support.cuda_kernels import CUDA
    from support.layer_cases import case, run_layer, run_tied

    gemm._found.append(None)
    persistent.multiprocessors = lambda: 1  # all sequences in one block
    persistent.max_shared = lambda: driver.DEFAULT_SHARED
    for recurrence.mode, batches in (("steps", (3,)), ("persistent", (1, 2, 4, 16, 32))):
        for cell in CELLS:
            for B in batches:
                run_layer(cell, *case(cell, 2, B, 3, 7, np.float32), on=CUDA)
    number = np.float32
    tokens = np.zeros((2, 3), np.int32)
    run_tied(tokens, tokens, np.zeros((4, 5), number), np.zeros(4, number), lambda x, out: out(x), on=CUDA)
    make = lambda *shape: arrays.zeros(shape, number)  # noqa: E731
    dropout.locked_mask(make(3, 5), 0.5, 1)
    dropout.apply(make(2, 3, 5), make(3, 5), make(2, 3, 5), 1)
    dropout.scale_rows(make(3, 5), arrays.to_device(tokens[0]), make(4), 1)
    dropout.drop_weights(make(7), make(7), 0.5, 1, 1)
    for change in (sequences.reverse, sequences.cut):
        change(make(2, 3, 5), arrays.to_device(tokens[0]), make(2, 3, 5), 1)
    penalty.activation(make(7), make(7), 1.0, penalty.square_sums(1), 1)
    penalty.temporal(make(3, 2, 5), make(2, 2, 5), make(2, 5), 1.0, True, penalty.square_sums(1), 1)
    optim.norm(make(7), None, 1)
    weights, update = FlatWeights(make(7), make(7), make(7)), Update(0.1, 1.0, 0.1, 3, 0.9)
    optim.sgd(weights, make(7), 0.9, update, 1)
    optim.adamw(weights, Adam(make(7), make(7), 0.9, 0.99, 1e-8, 1), update, 1)
    counts, labels = arrays.to_device(np.full(3, 2, np.int32)), arrays.to_device(np.ones((3, 2), np.int32))
    inputs = AttentionInputs(make(2, 3, 5), make(4, 3, 5), make(4, 3, 6), counts, 0.5)
    gradients = AttentionGradients(make(2, 3, 4), *(make(*a.shape) for a in inputs[:3]))
    attention.forward(inputs, make(2, 3, 4), make(2, 3, 6), "float32", 1)
    attention.backward(make(2, 3, 6), inputs, make(2, 3, 4), gradients, "float32", 1)
    work = make(*ctc.work_shape(4, 3, 2))
    ctc.loss(make(4, 3, 5), CTCTargets(counts, labels, counts), make(3), counts, work, 1.0, 1)
    arrays.add(make(7), make(7))
    arrays.to_host_strided(make(7), 2)


def fake_device(cc: tuple[int, int]) -> None:
    """Let Numba compile for this compute capability without a device, functions with overloads included."""
    from numba.cuda import dispatcher
    from numba.cuda.codegen import CUDACodeLibrary

    device = SimpleNamespace(compute_capability=cc)
    modules = {dispatcher, sys.modules[CUDACodeLibrary.__module__], sys.modules[dispatcher.CUDADispatcher.__module__]}
    for module in modules:
        module.get_current_device = lambda: device  # type: ignore[attr-defined]
    CUDACodeLibrary._ensure_cc = lambda self, wanted=None: wanted or cc


def faults(ptx: str, *, in_double: bool) -> list[str]:
    """Return what should not be in the assembly."""
    found = []
    if ".f64" in ptx and not in_double:
        found.append("float64")
    if re.search(r"\b(ld|st)\.local", ptx):
        found.append("local memory")
    if re.search(r"^\s*call", ptx, re.MULTILINE):
        found.append("calls")
    return found


def registers(ptxas: str, ptx: str, cc: tuple[int, int]) -> str:
    """Return the registers of a thread and the spilled bytes, from ptxas."""
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(ptx)
        file.flush()
        command = [ptxas, f"-arch=sm_{cc[0]}{cc[1]}", "-v", "-o", "/dev/null", file.name]
        output = subprocess.run(command, capture_output=True, text=True).stderr
    used, spilled = re.search(r"Used (\d+) registers", output), re.search(r"(\d+) bytes spill stores", output)
    if used is None:
        return output.strip().splitlines()[-1][:60] if output.strip() else "?"
    return f"{used[1]} registers, {spilled[1] if spilled else '?'} B spilled"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cc", default="9.0", help="compute capability")
    parser.add_argument("--ptxas", default=shutil.which("ptxas"), help="where ptxas is")
    parser.add_argument("--keep", type=Path, help="a folder for the assembly")
    args = parser.parse_args()
    record_launches()
    from lstm_kernels.cuda.launch import cuda
    from numba import types

    cc = tuple(int(part) for part in args.cc.split("."))
    fake_device(cc)
    rows, faulty = [], 0
    for number, ((_, kinds), (name, function)) in enumerate(launches.items()):
        short = name.removeprefix("lstm_kernels.cuda.").replace("<locals>.", "")
        ptx = cuda.compile_ptx(function, types.void(*kinds), cc=cc)[0]
        if args.keep:
            args.keep.mkdir(exist_ok=True)
            (args.keep / f"{number:03d}-{short}.ptx").write_text(ptx)
        wrong = faults(ptx, in_double=any("float64" in str(kind) for kind in kinds))
        faulty += bool(wrong)
        usage = registers(args.ptxas, ptx, cc) if args.ptxas else ""
        rows.append(f"{short:<44} {len(ptx.splitlines()):>6} lines  {', '.join(wrong) or '-':<30} {usage}")
        print(rows[-1], file=sys.stderr, flush=True)
    print(*rows, sep="\n")
    print(f"{len(rows)} kernels, {faulty} with faults, compute capability {args.cc}, implementation "
          f"{getattr(cuda, 'implementation', 'Built-in')}")  # fmt: skip
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
