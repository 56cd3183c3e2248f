"""Plays a stored run back: its records and probes come into a folder at a steady pace, as if an engine wrote them.

The stored run is a zip of the files of a run that has ended, without checkpoints. Of each window of activations it has
one, `probes/window-STEP.npz`, where a run keeps the newest alone.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from lstmtui.common.files import read_json_lines, write_atomically
from lstmtui.common.opening import private_folder
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import EngineLock
from lstmtui.runs.writer import RunWriter

TICK = 0.1
"""Seconds between two looks at the clock."""
GROWING = ("step", "epoch", "seconds", "tokens")
"""Fields of the status that grow while a run trains, from 0 to what they are at its end."""
AT_END = ("result", "copied", "exit_code")
"""Fields that a run has when it has ended."""
SECONDS = 20.0
"""How long the demo takes, unless another time is asked for."""
ENDED = "The recording has ended. Escape leads to the list of runs, and n there trains a network of your own."
REFUSAL = "This run is played back from a recording; train one of your own to steer it."

_PROBE = re.compile(r"probes/(?P<kind>[a-z]+)-(?P<step>\d{8})\.npz")


class _Record(NamedTuple):
    """A line of one of the series, or a probe, at the step at which it was written."""

    step: int
    series: str
    """metrics, events or samples, or the name of the probe's file."""
    content: Any


class Replay:
    """A stored run and the folder that it is played into."""

    def __init__(self, stored: Path, folder: Path) -> None:
        """Read the zip `stored`, and make the run in `folder`, which is empty."""
        with zipfile.ZipFile(stored) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        self.run = RunFolder(folder)
        for path in (self.run.config, self.run.plan, self.run.tokenizer):
            write_atomically(path, files[path.name], sync=False)
        private_folder(self.run.probes)
        self._status: dict[str, Any] = json.loads(files[self.run.status.name])
        self._records = sorted(_records(files), key=lambda record: record.step)
        self._steps = int(self._status["step"])
        self._played = self._answered = 0

    def play(self, seconds: float, ended: threading.Event) -> None:
        """Play it in so many seconds; leave as soon as `ended` is set."""
        lock = EngineLock(self.run)
        writer = RunWriter(self.run, interval=TICK)
        begun = time.monotonic()
        try:
            while (part := (time.monotonic() - begun) / seconds) < 1 and not ended.wait(TICK):
                self._write(writer, part, seconds)
                self._answer(writer)
            if not ended.is_set():
                self._write(writer, 1.0, seconds)
                writer.status(**{name: self._status[name] for name in AT_END if name in self._status})
                writer.status(state="finished", message=ENDED)
        finally:
            writer.close()
            lock.release()

    def _write(self, writer: RunWriter, part: float, seconds: float) -> None:
        """Write what was known after a part of the run."""
        step = round(part * self._steps)
        while self._played < len(self._records) and self._records[self._played].step <= step:
            _write_record(writer, self._records[self._played])
            self._played += 1
        steady = {name: value for name, value in self._status.items() if name not in (*GROWING, *AT_END, *_OWN)}
        growing = {name: type(value)(part * value) for name in GROWING if (value := self._status.get(name)) is not None}
        writer.status(**steady, **growing, state="training", seconds_left=(1 - part) * seconds)

    def _answer(self, writer: RunWriter) -> None:
        requests, self._answered = read_json_lines(self.run.requests, self._answered)
        for request in requests:
            writer.event("answered", request=str(request.get("id")), ok=False, message=REFUSAL)


_OWN = ("state", "message", "pid", "host", "started", "heartbeat", "seconds_left")
"""Fields of the status that belong to the process that writes it."""


def _records(files: Mapping[str, bytes]) -> Iterator[_Record]:
    """Yield everything that is written after the beginning, the lines of each series in their order."""
    for series in ("metrics", "events", "samples"):
        step = 0
        for line in files[f"{series}.jsonl"].splitlines():
            content = json.loads(line)
            step = max(step, int(content.get("step", step)))
            yield _Record(step, series, content)
    for name, data in files.items():
        if found := _PROBE.fullmatch(name):
            file = "window.npz" if found["kind"] == "window" else Path(name).name
            yield _Record(int(found["step"]), file, data)


def _write_record(writer: RunWriter, record: _Record) -> None:
    content = record.content
    if isinstance(content, bytes):
        write_atomically(writer.run.probes / record.series, content, sync=False)
    elif record.series == "metrics":
        writer.metric(**content)
    elif record.series == "samples":
        writer.sample(**content)
    else:
        writer.event(**{name: value for name, value in content.items() if name not in ("at", "pid")})


@contextlib.contextmanager
def playing(stored: Path, name: str, seconds: float) -> Iterator[RunFolder]:
    """Play a stored run into a temporary folder, which is given and goes with the block."""
    with tempfile.TemporaryDirectory(prefix="lstmtui-") as root:
        private_folder(Path(root) / name)
        replay, ended = Replay(stored, Path(root) / name), threading.Event()
        thread = threading.Thread(target=replay.play, args=(seconds, ended), name="replay", daemon=True)
        thread.start()
        try:
            yield replay.run
        finally:
            ended.set()
            thread.join()


@contextlib.contextmanager
def demo(seconds: float = SECONDS) -> Iterator[RunFolder]:
    """Play the run that comes with the program into a temporary folder, as `playing` does."""
    stored_run = resources.files("lstmtui") / "demo" / "run.zip"
    with resources.as_file(stored_run) as stored, playing(stored, "demo", seconds) as run:
        yield run
