"""What typing with a run costs: memory of the loaded model, and the time from a key to five candidates.

    python tests/bench/typing_with.py RUN TEXT [--keys 400]

TEXT is typed from its beginning, key by key, with the machine to itself and then while another run trains on all its
processors. RUN is as on the command line.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from lstmtui.client import runs
from lstmtui.client.model import Model
from lstmtui.common.paths import runs_root
from lstmtui.config import Settings
from lstmtui.runs.listing import find_run
from lstmtui.runs.reader import RunReader

WARM_UP_KEYS = 8
"""The first keys, which are left out."""


def row(name: str, figure: str) -> None:
    """Print one figure."""
    print(f"{name:44} {figure:>34}", flush=True)


def latencies(model: Model, text: str) -> str:
    """Type `text` and return percentiles of the milliseconds to an answer, the pipe to the model's process included."""
    times = []
    for typed in range(1, len(text)):
        begun = time.perf_counter()
        model.complete(text[:typed])
        times.append(1e3 * (time.perf_counter() - begun))
    return "p50 {:.1f}, p90 {:.1f}, p99 {:.1f} ms".format(*np.percentile(times[WARM_UP_KEYS:], (50, 90, 99)))


def resident_megabytes(model: Model) -> float:
    """Return the megabytes that the model's process holds."""
    pages = int(Path(f"/proc/{model._child._process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("text", type=Path)
    parser.add_argument("--keys", type=int, default=400)
    given = parser.parse_args()
    text = " ".join(given.text.read_text(encoding="utf-8").split())[: given.keys + WARM_UP_KEYS]
    run = find_run(given.run, runs_root())
    with Model(run) as model:  # compiles what is not compiled yet, which is not counted
        model.complete(text[:20])
    with Model(run) as model:
        model.complete(text[:20])
        row("memory of a loaded completer", f"{resident_megabytes(model):.0f} MB")
        row("a key, otherwise idle", latencies(model, text))
        row("memory after that", f"{resident_megabytes(model):.0f} MB")
        with tempfile.TemporaryDirectory() as folder:
            training = runs.create(Settings(minutes=60.0), root=Path(folder))
            process = runs.start(training)
            try:
                reader = RunReader(training)
                while not reader.refresh().train:
                    time.sleep(0.5)
                row("a key, while a run trains", latencies(model, text))
            finally:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
