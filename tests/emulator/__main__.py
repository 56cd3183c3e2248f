"""Run a command on a GPU that the processor emulates, and say what is wrong with what it does there.

    pip install -e ".[cuda,test]"
    python tests/emulator [COMMAND ...]

Without a command, the tests of everything that is for a GPU. Needs gcc, on Linux.

What runs is what Numba's compiler makes of the kernels, in assembly, through Numba's own host code and the driver's
interface: `driver.c` and `blas.c` stand in for the driver and cuBLAS, `ptx_to_c.py` translates kernels, `threads.c`
runs their threads in an order that changes, and `memory.c` tells of accesses beyond what was allocated, of reads before
writes in shared memory, and of races between barriers. It says nothing of speed, of machine code (assembly is what is
run), or of memory that others see late.

EMULATOR_MULTIPROCESSORS (132) and EMULATOR_MEMORY (8 GiB, in bytes) say what GPU it is. Exits with 1 if anything was
wrong there, else as the command does.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TESTS = [sys.executable, "-m", "pytest", "-n0", "tests/kernels/cuda", "tests/engine/cuda"]
FLAGS = ["-O2", "-Wall", "-Wno-unused-parameter", "-shared", "-fPIC", f"-I{HERE}"]


def build(folder: Path) -> None:
    """Make the driver and cuBLAS."""
    driver = [str(HERE / name) for name in ("driver.c", "memory.c", "threads.c")]
    subprocess.run(["gcc", *FLAGS, *driver, "-o", f"{folder}/libcuda.so.1", "-ldl"], check=True)
    blas = [str(HERE / "blas.c"), "-o", f"{folder}/libcublas.so.13", f"-L{folder}", "-l:libcuda.so.1"]
    subprocess.run(["gcc", *FLAGS, *blas], check=True)


def environment(folder: Path) -> dict[str, str]:
    """Return that of a process that finds them before the machine's own."""
    env = dict(os.environ)
    env["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, (str(folder), env.get("LD_LIBRARY_PATH"))))
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE / "site"), env.get("PYTHONPATH"))))
    env["EMULATOR_FOLDER"], env["EMULATOR_REPORT"] = str(folder), str(folder / "report")
    env["EMULATOR_TRANSLATE"] = f"{shlex.quote(sys.executable)} {shlex.quote(str(HERE / 'translate.py'))}"
    env.pop("NUMBA_ENABLE_CUDASIM", None)
    return env


def main(command: list[str]) -> int:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        build(folder)
        status = subprocess.run(command or TESTS, env=environment(folder)).returncode
        report = folder / "report"
        lines = report.read_text().splitlines() if report.exists() else []  # one of each process that used it
    counts = [[int(count) for count in line.split()] for line in lines]
    grids, graphs, products, faults = map(sum, zip(*counts, strict=True)) if counts else (0, 0, 0, 0)
    print(f"emulated GPU: {grids} kernels run, {graphs} graphs started, {products} products, {faults} faults")
    return status or int(faults > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
