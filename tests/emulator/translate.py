"""Print where the library is that a kernel's assembly becomes; made if it is not there yet. Called by the driver."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ptx_to_c import Translation

HERE = Path(__file__).parent
# As a GPU computes: integers wrap around, and a product and its sum are rounded once only where the assembly says so.
FLAGS = ["-O1", "-fwrapv", "-fno-strict-aliasing", "-ffp-contract=off", "-w", "-shared", "-fPIC"]


def main(assembly: str) -> None:
    folder = Path(os.environ["EMULATOR_FOLDER"])
    ptx = Path(assembly).read_text()
    known = ptx + "".join((HERE / name).read_text() for name in ("ptx_to_c.py", "gpu.h", "translate.py"))
    library = folder / f"{hashlib.sha256(known.encode()).hexdigest()[:24]}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=folder) as place:
            source, made = Path(place) / "kernel.c", Path(place) / "kernel.so"
            source.write_text(Translation(ptx).source)
            driver = [f"-L{folder}", "-l:libcuda.so.1", "-lm"]
            subprocess.run(["gcc", *FLAGS, f"-I{HERE}", str(source), "-o", str(made), *driver], check=True)
            made.replace(library)
    print(library)


if __name__ == "__main__":
    main(sys.argv[1])
