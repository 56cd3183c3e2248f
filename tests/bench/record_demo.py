"""Records the run that `lstmtui demo` plays back: trains it, and packs what a person watches into lstmtui/demo/run.zip.

    python tests/bench/record_demo.py [--steps 1200] [--every 25]

The text is the one that every Python carries. Each window of activations is kept, where a run keeps the newest alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lstmtui.runs.folder import RunFolder
from lstmtui.runs.probes import step_of
from lstmtui.runs.writer import evenly_spaced

ROOT = Path(__file__).parents[2]
STORED = ROOT / "lstmtui" / "demo" / "run.zip"
MAX_BYTES = 300_000
WINDOWS, FLOWS, SATURATIONS = 4, 8, 48
"""Windows of activations, measurements of the gradient flow and probes of gates that are kept, evenly spaced, the last
among them."""


def record(run: RunFolder, steps: int, every: int) -> dict[int, bytes]:
    """Train the run, and return each window of activations by its step."""
    settings = ["--cell", "lstm", "--layers", "2", "--hidden", "48", "--tokens", "chars", "--seed", "1"]
    limits = ["--steps", str(steps), "--eval-every", str(every), "--runs-dir", str(run.path.parent)]
    command = [sys.executable, "-m", "lstmtui.cli", "train", *settings, *limits, "--name", run.name]
    windows: dict[int, bytes] = {}
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            time.sleep(0.02)
            try:
                data = (run.probes / "window.npz").read_bytes()
            except FileNotFoundError:
                continue
            step = json.loads(run.status.read_text())["step"]
            if data not in windows.values():
                windows[step] = data
    return windows


def spaced(found: Sequence[Any], count: int) -> list[Any]:
    """Return `count` of what was found, evenly spaced from the first to the last."""
    return [found[round(k * (len(found) - 1) / (count - 1))] for k in range(count)]


def main() -> None:
    """Record, pack, and say how large it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--every", type=int, default=25, help="steps between two evaluations, each with its probes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "demo")
        windows = record(run, args.steps, args.every)
        STORED.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(STORED, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in (run.config, run.plan, run.tokenizer, run.status, run.metrics, run.events, run.samples):
                archive.write(path, path.name)
            flows = spaced(sorted(run.probes.glob("gradient-*.npz")), FLOWS)
            gates = {step_of(path): path for path in run.probes.glob("saturation-*.npz")}
            for path in (*(gates[step] for step in evenly_spaced(gates, SATURATIONS)), *flows):
                archive.write(path, f"probes/{path.name}")
            for step in spaced(sorted(windows), WINDOWS):
                archive.writestr(f"probes/window-{step:08d}.npz", windows[step])
    size = STORED.stat().st_size
    print(f"{STORED.relative_to(ROOT)}: {size:,} bytes")
    if size > MAX_BYTES:
        sys.exit(f"That is more than {MAX_BYTES:,} bytes: record fewer probes.")


if __name__ == "__main__":
    main()
