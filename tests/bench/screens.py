"""How quick the screens are and what watching costs: python tests/bench/screens.py [first] [open] [keys] [watch].

first   seconds from the command to the first whole frame, in a terminal of its own; beside them processor time,
        which is what they come to where nothing else runs
open    seconds until a run with 1,000,000 lines of metrics is read and drawn
keys    milliseconds from a key to the frame that shows it, in a terminal, on a run that trains on every core meanwhile
watch   share of a core and memory of a TUI that watches a run which writes ten lines a second, over 20 s
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import pty
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.prepared_run import alive, losses, make_run
from support.screens import FakeForecaster, FakeModel, painted

from lstmtui import config
from lstmtui.client import runs
from lstmtui.common.files import append_json_line, to_json
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.services import Services


def long_metrics(run: RunFolder, lines: int) -> None:
    """Give a run so many lines of metrics."""
    with open(run.metrics, "w") as file:
        for i in range(1, lines + 1):
            train, valid = losses(i // 100)
            told = {"split": "train", "step": i * 10, "tokens": i * 20480, "seconds": i * 0.4, "loss": train,
                    "lr": 0.004, "grad_norm": 0.61, "clipped": 0.1, "update_ratio": 1.2e-3,
                    "tokens_per_second": 48_000.0, "memory_mb": 312.0}  # fmt: skip
            if i % 20 == 0:
                told = {"split": "valid", "step": i * 10, "seconds": i * 0.4, "nll": valid, "perplexity": 4.4,
                        "bits_per_char": 2.2, "best": False}  # fmt: skip
            file.write(to_json(told) + "\n")


class Terminal:
    """`lstmtui` in a terminal of 120x40."""

    def __init__(self, root: Path) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (40, 120))
        environment = {**os.environ, "LSTMTUI_RUNS": str(root), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lstmtui.cli"], env=environment, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.output = b""

    def wait(self, wanted: bytes, seconds: float = 30) -> float:
        """Return the seconds until `wanted` was written."""
        begun, start = time.perf_counter(), max(0, len(self.output) - len(wanted))
        while wanted not in self.output[start:]:
            if time.perf_counter() - begun > seconds:
                raise TimeoutError(self.output[-500:])
            if select.select([self.master], [], [], 0.05)[0]:
                self.output += os.read(self.master, 1 << 16)
        return time.perf_counter() - begun

    def press(self, key: bytes, wanted: bytes) -> float:
        """Return the seconds from a key until `wanted`, which was not there before, is written."""
        self.output, begun = b"", time.perf_counter()
        os.write(self.master, key)
        self.wait(wanted)
        return time.perf_counter() - begun

    def used(self) -> float:
        """Return the seconds of processor time that the program has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def drain(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if select.select([self.master], [], [], 0.02)[0]:
                self.output += os.read(self.master, 1 << 16)

    def close(self) -> None:
        os.write(self.master, b"\x11")
        with contextlib.suppress(OSError):  # the other end is gone
            while self.process.poll() is None:
                self.drain(0.05)
        self.process.wait()
        os.close(self.master)


def first(root: Path) -> None:
    make_run(root)
    times, used = [], []
    for _ in range(5):
        with contextlib.closing(Terminal(root)) as terminal:
            terminal.wait(b"shut <0.1")
            times.append(time.perf_counter() - terminal.begun)
            used.append(terminal.used())
    print(f"first frame: median {statistics.median(times):.2f} s, worst {max(times):.2f} s of {len(times)}", end="")
    print(f"; {statistics.median(used):.2f} s of processor time")


def open_long(root: Path) -> None:
    run = make_run(root, "long", state="stopped", step=10_000_000, steps=20_000_000, points=False)
    long_metrics(run, 1_000_000)
    services = Services(root=root, open_model=lambda r: FakeModel(), forecaster=FakeForecaster)

    async def opened() -> tuple[float, float]:
        """Open it from the list of runs, which has been painted."""
        app = LstmtuiApp(services=services)
        async with app.run_test(size=(120, 40)) as pilot:
            while "long" not in painted(app):
                await pilot.pause(0.01)
            begun, used = time.perf_counter(), time.process_time()
            await pilot.press("enter")
            while "nats/char" not in painted(app) or "Gates" not in painted(app) or "◆" not in painted(app):
                await pilot.pause(0.01)
            return time.perf_counter() - begun, time.process_time() - used

    times, used = zip(*(asyncio.run(opened()) for _ in range(3)), strict=True)
    size = run.metrics.stat().st_size / 1e6
    print(f"1,000,000 lines ({size:.0f} MB): median {statistics.median(times):.2f} s until drawn", end="")
    print(f"; {statistics.median(used):.2f} s of processor time")


@contextlib.contextmanager
def training(root: Path) -> Iterator[RunFolder]:
    """A real engine that trains on as many threads as there are processors."""
    settings = config.Settings(hidden=256, layers=2, steps=1_000_000, eval_every=50, threads=os.cpu_count() or 1)
    run = runs.create(settings, root=root)
    engine = runs.start(run)
    try:
        while RunReader(run).refresh().state != "training" or not any(run.probes.glob("saturation-*")):
            if engine.poll() is not None:
                raise RuntimeError(run.log.read_text())
            time.sleep(0.2)
        yield run
    finally:
        engine.kill()
        engine.wait()


VIEWS = (b"Gates by training time", b"units by training time", b"units by character", b"each unit", b"by unit, most")
"""The title of the gates after each press of v."""


def keys(root: Path, count: int = 300) -> None:
    """A key is answered when the title that only it can bring is on its way to the terminal."""
    times = []
    with training(root) as run, contextlib.closing(Terminal(root)) as terminal:
        terminal.wait(b"by unit, most")
        terminal.drain(3.0)
        before, begun = RunReader(run).refresh(), time.perf_counter()
        for i in range(count):
            times.append(1000 * terminal.press(b"v", VIEWS[i % len(VIEWS)]))
            terminal.drain(0.05)
        after, spent = RunReader(run).refresh(), time.perf_counter() - begun
    times.sort()
    middle, late, worst = statistics.median(times), times[math.ceil(0.99 * count) - 1], times[-1]
    rate = (after.step - before.step) / spent
    print(
        f"key to paint beside a training run on {os.cpu_count()} threads ({rate:.1f} steps/s): "
        f"median {middle:.0f} ms, p99 {late:.0f} ms, worst {worst:.0f} ms of {count}"
    )


def watch(root: Path) -> None:
    """An engine's writing is played: a line of metrics ten times a second."""
    run = make_run(root, "watched")
    over = threading.Event()

    def play() -> None:
        step = 1240
        while not over.wait(0.1):
            step += 10
            train, _ = losses(step)
            append_json_line(run.metrics, {
                "split": "train", "step": step, "tokens": step * 2048, "seconds": step * 0.04, "loss": train,
                "lr": 0.004, "grad_norm": 0.6, "clipped": 0.1, "update_ratio": 1e-3, "tokens_per_second": 48_000.0,
                "memory_mb": 312.0,
            })  # fmt: skip
            told = json.loads(run.status.read_text())
            run.status.write_text(to_json({**told, "step": step, "heartbeat": time.time()}))

    with alive(run):
        player = threading.Thread(target=play)
        player.start()
        terminal = Terminal(root)
        terminal.wait(b"shut <0.1")
        terminal.drain(2.0)
        before, begun = terminal.used(), time.perf_counter()
        terminal.drain(20.0)
        share = (terminal.used() - before) / (time.perf_counter() - begun)
        pages = int(Path(f"/proc/{terminal.process.pid}/statm").read_text().split()[1])
        print(f"watching: {100 * share:.1f} % of a core, {pages * resource.getpagesize() / 1e6:.0f} MB")
        terminal.close()
        over.set()
        player.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="*", default=["first", "open", "keys", "watch"])
    given = parser.parse_args()
    for what in given.what:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            {"first": first, "open": open_long, "keys": keys, "watch": watch}[what](root)


if __name__ == "__main__":
    main()
