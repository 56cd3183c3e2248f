"""How quick the screens are and what watching costs.

    python tests/bench/screens.py [first] [open] [keys] [watch] [slow]      all of them if none is named
    python tests/bench/screens.py --against FOLDER [...]             beside another checkout of lstmtui, in turns

first   seconds from the command until the screen says that it opens, to Textual's first frame, before any data, and to
        the first complete one; the processor time until then, which is what they come to where nothing else runs, and
        beside it that of importing Textual alone
open    seconds until a run with 1,000,000 lines of metrics is read and drawn, from the list of runs, and the
        processor time of that
keys    milliseconds from a key to the frame that shows it, on a run that trains on every core meanwhile
watch   share of a core, and memory, of a TUI that watches a run which writes ten lines a second, over 20 s, and the
        bytes that it sends: at 120x40 and 200x60, and with Steer and the palette open over it
slow    seconds until what a key calls for is there over a line of 20 kB a second

Everything is measured from the other end of a pseudo-terminal, of 120x40 unless said: what counts is that the bytes
arrive. A ratio above 1 says that this checkout needs less.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from alternating import ROOT, environment_of, python_of

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.prepared_run import alive, losses, make_run
from support.pseudo_terminal import PseudoTerminal

from lstmtui.common.files import append_json_line, to_json, write_atomically
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader

FIRST_FRAME = b"<0.1"
"""Is on the screen of a run once its gates are drawn, which is last."""
RUN_LIST = b"long"
LONG_RUN = (b"nats/char", b"Gates", "◆".encode())
VIEWS = (
    b"Gates by training time",
    b"units by training time",
    b"values by",
    b"units by character",
    b"each unit",
    b"by unit, most",
)
"""The title of the gates after each press of v."""
STARTED = b"\x1b[?1049h"
"""Enters the alternate screen; what follows is drawn."""
OPENING = b"opening"
"""Is on the screen before Textual is imported."""
MIN_FRAME = 1000
"""Bytes of Textual's first frame at least."""
PALETTE, PALETTE_OPEN = b"\x10", (b"Theme", b"Manual")
STEER, STEER_OPEN = b"e", b"Steer"
QUIT = b"\x11"
SLOW_LINE, SLICE = 20_000, 0.02
"""Bytes a second, and the seconds in which its bytes are counted."""
QUIET_SECONDS = 0.8
"""Seconds without much to draw after which an operation has ended."""
OPERATIONS = (
    ("runs", b"\x1b"), ("live", b"\r"), ("next view of the gates", b"v"), ("chart in bits", b"u"), ("enlarge", b"z"),
    ("restore", b"z"), ("palette", PALETTE), ("its end", b"\x1b"), ("help", b"\x1bOP"), ("its end", b"\x1b"),
    ("Inspect", b"i"), ("its end", b"\x1b"), ("runs again", b"\x1b"), ("New run", b"n"), ("its end", b"\x1b"),
)  # fmt: skip
"""What is done over a slow line, and its key."""

Figures = dict[str, list[float]]
"""Name and unit of a figure: its values, one for each turn or key."""


class Terminal(PseudoTerminal):
    """`lstmtui` of one checkout in a terminal of as many colours as there are."""

    def __init__(self, root: Path, tree: Path = ROOT, *, columns: int = 120, rows: int = 40) -> None:
        environment = {**environment_of(tree), "LSTMTUI_RUNS": str(root), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        environment["COLORTERM"] = "truecolor"
        self.begun = time.perf_counter()
        super().__init__([python_of(tree), "-m", "lstmtui.cli"], environment, size=(rows, columns), folder=root)
        self.close_slave()

    def press_on_a_slow_line(self, key: bytes) -> float:
        """Send a key, read as a slow line does, and return the seconds until what it calls for has arrived.

        That is the last slice of time in which more came than a clock or a blinking cursor costs.
        """
        self.read_for(0.3)
        os.write(self.master, key)
        begun = last = time.perf_counter()
        while (now := time.perf_counter()) - last < QUIET_SECONDS:
            time.sleep(SLICE)
            if select.select([self.master], [], [], 0)[0]:
                count = len(os.read(self.master, int(SLOW_LINE * SLICE)))
                if count > SLOW_LINE * SLICE / 2 or last == begun:
                    last = now + SLICE
        return last - begun

    def processor_seconds(self) -> float:
        """Return the processor time that the program has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_megabytes(self) -> float:
        """Return the memory that the program holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6

    def close(self) -> None:
        """Quit the program, then end it."""
        with contextlib.suppress(OSError):  # it may have ended
            os.write(self.master, QUIT)
        deadline = time.monotonic() + 5
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read_for(0.05)
        super().close()


def in_turns(trees: Sequence[Path], turns: int, measure: Callable[[Path], Figures]) -> list[Figures]:
    """Measure each checkout `turns` times, one after the other, and return the figures of each."""
    found: list[Figures] = [{} for _ in trees]
    for turn in range(turns):
        order = list(zip(trees, found, strict=True))
        for tree, figures in order if turn % 2 == 0 else reversed(order):
            for name, values in measure(tree).items():
                figures.setdefault(name, []).extend(values)
    return found


# --- what is measured -------------------------------------------------------------------------------------------------


def first(root: Path, trees: Sequence[Path]) -> list[Figures]:
    """Start the program on a run."""
    make_run(root)

    def measure(tree: Path) -> Figures:
        with contextlib.closing(Terminal(root, tree)) as terminal:
            while OPENING not in terminal.output:
                terminal.read(0.1)
            opening, seconds_opening = terminal.processor_seconds(), time.perf_counter() - terminal.begun
            # What sets up the terminal is short, and Textual's first frame is written at once.
            while len(terminal.output.partition(STARTED)[2]) < MIN_FRAME:
                terminal.read(0.1)
            early, seconds_early = terminal.processor_seconds(), time.perf_counter() - terminal.begun
            terminal.read_until(FIRST_FRAME)
            seconds = time.perf_counter() - terminal.begun
            textual = textual_alone(tree)
            return {
                "opening, s": [seconds_opening], "opening, processor s": [opening],
                "first frame, s": [seconds_early], "first frame, processor s": [early],
                "Textual alone, processor s": [textual], "first frame / Textual": [early / textual],
                "with data, s": [seconds], "with data, processor s": [terminal.processor_seconds()],
            }  # fmt: skip

    return in_turns(trees, 5, measure)


def textual_alone(tree: Path) -> float:
    """Return the processor seconds of importing Textual and what it needs for a screen of a few widgets."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [python_of(tree), "-c", "import textual.app, textual.containers, textual.widgets._footer"]
    subprocess.run(command, env=environment_of(tree), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def open_long(root: Path, trees: Sequence[Path]) -> list[Figures]:
    """Open a run with a long history from the list of runs."""
    run = make_run(root, "long", state="stopped", step=10_000_000, steps=20_000_000, points=False)
    write_long_metrics(run, 1_000_000)

    def measure(tree: Path) -> Figures:
        with contextlib.closing(Terminal(root, tree)) as terminal:
            terminal.read_until(RUN_LIST)
            terminal.read_for(1.0)
            before = terminal.processor_seconds()
            seconds = terminal.press(b"\r", *LONG_RUN)
            spent = terminal.processor_seconds() - before
            return {"1,000,000 lines drawn, s": [seconds], "1,000,000 lines, processor s": [spent]}

    return in_turns(trees, 3, measure)


def write_long_metrics(run: RunFolder, lines: int) -> None:
    """Give a run so many lines of metrics."""
    with open(run.metrics, "w") as file:
        for i in range(1, lines + 1):
            train, valid = losses(i // 100)
            point = {"split": "train", "step": i * 10, "tokens": i * 20480, "seconds": i * 0.4, "loss": train,
                     "lr": 0.004, "grad_norm": 0.61, "clipped": 0.1, "update_ratio": 1.2e-3,
                     "tokens_per_second": 48_000.0, "memory_mb": 312.0}  # fmt: skip
            if i % 20 == 0:
                point = {"split": "valid", "step": i * 10, "seconds": i * 0.4, "nll": valid, "perplexity": 4.4,
                         "bits_per_char": 2.2, "best": False}  # fmt: skip
            file.write(to_json(point) + "\n")


@contextlib.contextmanager
def training(root: Path, tree: Path) -> Iterator[RunFolder]:
    """A real engine of a checkout that trains on as many threads as there are processors, until this ends."""

    def call(*arguments: str) -> None:
        environment = {**environment_of(tree), "LSTMTUI_RUNS": str(root)}
        subprocess.run([python_of(tree), "-m", "lstmtui.cli", *arguments], env=environment, cwd=root, check=True)

    # Without patience: the run must outlast the measurement.
    options = {"hidden": 256, "layers": 2, "steps": 1_000_000, "eval-every": 50, "patience": 0}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    call("train", "--detach", "--name", "trained", *words, "--threads", str(os.cpu_count() or 1))
    run = RunFolder(root / "trained")
    try:
        while RunReader(run).refresh().state != "training" or not any(run.probes.glob("saturation-*")):
            time.sleep(0.2)
        yield run
    finally:
        call("stop", "trained")


def keys(root: Path, trees: Sequence[Path], count: int = 300, turns: int = 3) -> list[Figures]:
    """A key is answered when the title that only it can bring is on its way to the terminal.

    The checkout to compare with makes the run: a newer one reads what an older one wrote, and not the reverse.
    """
    with training(root, trees[-1]):

        def measure(tree: Path) -> Figures:
            times = []
            with contextlib.closing(Terminal(root, tree)) as terminal:
                terminal.read_until(VIEWS[-1])
                terminal.read_for(3.0)
                for i in range(count // turns):
                    times.append(1e3 * terminal.press(b"v", VIEWS[i % len(VIEWS)]))
                    terminal.read_for(0.05)
            return {"key to frame while training, ms": times}

        found = in_turns(trees, turns, measure)
    for figures in found:
        times = sorted(figures["key to frame while training, ms"])
        figures["the same, 99th percentile, ms"] = [times[math.ceil(0.99 * len(times)) - 1]]
    return found


@contextlib.contextmanager
def writing(run: RunFolder) -> Iterator[None]:
    """Write ten lines of metrics a second to a run that trains, until this ends."""
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
            status = json.loads(run.status.read_text())
            write_atomically(run.status, to_json({**status, "step": step, "heartbeat": time.time()}).encode())

    with alive(run):
        player = threading.Thread(target=play)
        player.start()
        try:
            yield
        finally:
            over.set()
            player.join()


def watch(root: Path, trees: Sequence[Path]) -> list[Figures]:
    """Watch a run to which ten lines of metrics a second are written."""
    run = make_run(root, "watched")
    views = (
        ("120x40", (120, 40), b"", ()), ("200x60", (200, 60), b"", ()), ("Steer open", (120, 40), STEER, (STEER_OPEN,)),
        ("palette open", (120, 40), PALETTE, PALETTE_OPEN),
    )  # fmt: skip

    def measure(tree: Path) -> Figures:
        found: Figures = {}
        for name, (columns, rows), key, signs in views:
            with contextlib.closing(Terminal(root, tree, columns=columns, rows=rows)) as terminal:
                terminal.read_until(FIRST_FRAME)
                terminal.read_for(2.0)
                if key:
                    before = terminal.processor_seconds()
                    found[f"{name}, s"] = [terminal.press(key, *signs)]
                    found[f"{name}, processor s"] = [terminal.processor_seconds() - before]
                    terminal.read_for(2.0)
                terminal.output = b""
                before, begun = terminal.processor_seconds(), time.perf_counter()
                terminal.read_for(20.0)
                seconds = time.perf_counter() - begun
                found[f"watching {name}, kB/s"] = [len(terminal.output) / seconds / 1e3]
                found[f"watching {name}, % of a core"] = [100 * (terminal.processor_seconds() - before) / seconds]
                found[f"watching {name}, MB"] = [terminal.resident_megabytes()]
        return found

    with writing(run):
        return in_turns(trees, 1 if len(trees) == 1 else 2, measure)


def slow(root: Path, trees: Sequence[Path]) -> list[Figures]:
    """Look around in a run that has stopped, over a slow line."""
    make_run(root, "stopped", state="stopped")

    def measure(tree: Path) -> Figures:
        with contextlib.closing(Terminal(root, tree)) as terminal:
            terminal.read_until(FIRST_FRAME)
            return {
                f"{n} {name}, s": [terminal.press_on_a_slow_line(key)] for n, (name, key) in enumerate(OPERATIONS, 1)
            }

    return in_turns(trees, 1, measure)


PARTS = {"first": first, "open": open_long, "keys": keys, "watch": watch, "slow": slow}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all if not given")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout of lstmtui to compare with")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"unknown part: {', '.join(sorted(unknown))}")
    trees = [ROOT, *([given.against.resolve()] if given.against else [])]
    print(f"{'median (worst)':34} {'this':>18} {'other':>18} {'ratio':>6}", flush=True)
    for part in given.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            ours, *others = PARTS[part](Path(folder), trees)
        for name, values in ours.items():
            print(f"{name:34} {figure(values):>18}", end="")
            if others:
                other = others[0][name]
                print(f" {figure(other):>18} {statistics.median(other) / statistics.median(values):6.2f}", end="")
            print(flush=True)


def figure(values: list[float]) -> str:
    """Return the median of several values, and the largest."""
    return f"{statistics.median(values):.2f} ({max(values):.2f})"


if __name__ == "__main__":
    main()
