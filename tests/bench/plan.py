"""How well `lstmtui plan` predicts time, speed and memory of training, for a few shapes.

    python tests/bench/plan.py FILE [--minutes 0.3] [--threads 2] [--only TEXT]

Each shape is planned, then trained for about as many steps as fit the minutes; memory is the largest value in the
run's metrics. `ratio` is planned over real. On a machine that others share, times differ by more than the plan's error.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "lstm 2x128 chars": {"hidden": 128},
    "lstm 2x256 chars": {"hidden": 256},
    "gru 2x256 chars": {"cell": "gru", "hidden": 256},
    "lstm 2x200 words": {"hidden": 200, "tokens": "words"},
    "lstm 1x128 T 1000": {"hidden": 128, "layers": 1, "bptt": 1000, "batch": 16},
    "the same, recomputed": {"hidden": 128, "layers": 1, "bptt": 1000, "batch": 16, "recompute": True},
}


def lstmtui(*arguments: str) -> dict[str, Any]:
    """Run a command with --json and return its answer."""
    done = subprocess.run(
        [sys.executable, "-m", "lstmtui.cli", *arguments, "--json"], capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def options(shape: dict[str, Any]) -> list[str]:
    """Return a shape as options of the command line."""
    found: list[str] = []
    for name, value in shape.items():
        found += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return found


def plan_and_train(file: str, shape: dict[str, Any], minutes: float, threads: int) -> list[tuple[str, float, float]]:
    """Plan and train one shape; return the name of each figure, planned and real."""
    given = [file, "--threads", str(threads), *options(shape)]
    steps = lstmtui("plan", *given, "--minutes", str(minutes))["steps"]
    planned = lstmtui("plan", *given, "--steps", str(steps))
    lstmtui("train", *given, "--steps", "1", "--name", "before")  # compiles and tokenises, which is not counted
    begun = time.monotonic()
    run = lstmtui("train", *given, "--steps", str(steps), "--name", "run", "--patience", "0")
    seconds = time.monotonic() - begun
    lines = [json.loads(line) for line in (Path(run["path"]) / "metrics.jsonl").read_text().splitlines()]
    train = [line for line in lines if line["split"] == "train"]
    speed = statistics.median(line["tokens_per_second"] for line in train)
    memory = max(line["memory_mb"] for line in train)
    return [
        ("seconds", planned["seconds"], seconds),
        ("tokens/s", planned["tokens_per_second"], speed),
        ("MB", planned["memory_mb"], memory),
    ]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="a text of some megabytes")
    parser.add_argument("--minutes", type=float, default=0.3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="shapes with this in their names")
    args = parser.parse_args()
    print(f"{'shape':<22} {'what':<9} {'planned':>9} {'real':>9} {'ratio':>6}")
    for name, shape in ((name, shape) for name, shape in SHAPES.items() if args.only in name):
        with tempfile.TemporaryDirectory() as runs:
            os.environ["LSTMTUI_RUNS"] = runs
            for what, planned, real in plan_and_train(args.file, shape, args.minutes, args.threads):
                print(f"{name:<22} {what:<9} {planned:>9,.1f} {real:>9,.1f} {planned / real:>6.2f}", flush=True)


if __name__ == "__main__":
    main()
