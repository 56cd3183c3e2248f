"""What the engine says: status, metrics, events, samples and probes of one run.

Only the engine that holds the run's lock writes. A full disk must not end a training run: what cannot be written is
counted and mentioned in engine.log, and training goes on.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstmtui.common.files import (
    append_json_line,
    file_size,
    read_json,
    remove_stale_temporaries,
    sync_file,
    sync_folder,
    to_json,
    write_atomically,
)
from lstmtui.common.npz import pack
from lstmtui.common.opening import open_to_append, private_folder, truncate
from lstmtui.errors import CorruptError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import current_path

MAX_PROBES = 200
MAX_PENDING_LINES = 10_000
"""Lines of metrics and samples that wait for a disk that is full."""


PERSISTENT_FIELDS = ("step", "steps", "epoch", "tokens", "seconds", "parameters", "vocabulary")
"""Fields of the status that still hold when an engine takes a run up, until it knows better."""


def _carried(run: RunFolder) -> dict[str, Any]:
    with contextlib.suppress(CorruptError, OSError):
        before = read_json(run.status) or {}
        return {name: before[name] for name in PERSISTENT_FIELDS if isinstance(before.get(name), int | float)}
    return {}


class RunWriter:
    """Owns the run folder's files for the engine's life; `beat` runs in a thread so that viewers see it alive."""

    def __init__(self, run: RunFolder, *, interval: float = 1.0) -> None:
        self.run = run
        self._interval = interval
        self._lock = threading.Lock()
        self._status: dict[str, Any] = {
            "state": "starting",
            "message": "",
            "exit_code": 0,
            "pid": os.getpid(),
            "host": platform.node(),
            "started": time.time(),
            "step": 0,
            "steps": 0,
            **_carried(run),
        }
        self._unwritten: dict[str, list[dict[str, Any]]] = {path.name: [] for path in self._series()}
        """Lines that the disk did not take yet."""
        self._status_written = True
        self._folder: int | None = None
        self.gone = False
        """Whether the folder that `track_folder` was given has been removed."""
        self._ending = threading.Event()
        remove_stale_temporaries(run.path, run.checkpoints, run.probes, run.autocomplete)
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self.status()
        self._thread.start()

    def status(self, **changes: Any) -> None:
        """Change fields of status.json; written at once when the state changes, else by the next heartbeat."""
        with self._lock:
            now = "state" in changes or "message" in changes or not self._thread_started()
            self._status.update(changes)
            if now:
                self._write_status()

    @property
    def state(self) -> str:
        return str(self._status["state"])

    def _thread_started(self) -> bool:
        return hasattr(self, "_thread") and self._thread.is_alive()

    def _write_status(self) -> None:
        record = {**self._status, "heartbeat": time.time()}
        line = to_json(record).encode()
        self._status_written = self._guarded(lambda: write_atomically(self.run.status, line, sync=False))

    def track_folder(self, folder: int) -> None:
        """Write where the open `folder` is from now on, wherever it is moved; `run` says where that is."""
        self._folder = folder

    def locate_folder(self) -> None:
        """Notice where the folder is now."""
        if self._folder is not None:
            found = current_path(self._folder, self.run.path)
            self.gone = found is None
            if found is not None and found != self.run.path:
                self.run = RunFolder(found)

    def _beat(self) -> None:
        while not self._ending.wait(self._interval):
            with self._lock:
                self._write_status()

    def close(self) -> None:
        """Write what is left and stop the heartbeat; the last status stays."""
        self.sync()
        self._ending.set()
        self._thread.join()
        if not self._status_written:  # no heartbeat comes any more
            self._write_status()

    def metric(self, split: str, **values: Any) -> None:
        self._series_line(self.run.metrics.name, {"split": split, **values})

    def event(self, event: str, **details: Any) -> None:
        self._guarded(lambda: append_json_line(self.run.events, {"event": event, "at": time.time(), **details}))

    def sample(self, **values: Any) -> None:
        self._series_line(self.run.samples.name, values)

    def _series_line(self, name: str, record: dict[str, Any]) -> None:
        """Append a line, and first those that could not be written before; the oldest beyond KEPT_LINES are lost."""
        self._unwritten[name] = [*self._unwritten[name], record][-MAX_PENDING_LINES:]
        self._guarded(lambda: self._write_lines(name))

    def _write_lines(self, name: str) -> None:
        while lines := self._unwritten[name]:
            append_json_line(self.run.path / name, lines[0])
            del lines[0]

    def saturation(self, step: int, gates: tuple[str, ...], left: Any, right: Any) -> None:
        """Keep one saturation probe, (L, G, H) fractions each; the oldest beyond KEPT_PROBES go."""

        self._probe("saturation", step, gates=gates, left=left, right=right)

    def gradient(self, step: int, **arrays: Any) -> None:
        """Keep one measurement of the gradient flow, as `reports.gradient_flow` has it; the oldest go, as above."""
        self._probe("gradient", step, **arrays)

    def _probe(self, kind: str, step: int, **arrays: Any) -> None:
        def write() -> None:
            private_folder(self.run.probes)
            data = pack({"step": step, **arrays}, compressed=True)
            write_atomically(self.run.probes / f"{kind}-{step:08d}.npz", data, sync=False)
            for old in sorted(self.run.probes.glob(f"{kind}-*.npz"))[:-MAX_PROBES]:
                old.unlink(missing_ok=True)

        self._guarded(write)

    def window(self, step: int, gates: tuple[str, ...], values: Any, tokens: Any) -> None:
        """Replace the newest window of activations, (L, G, T, H) and (T,)."""

        def write() -> None:
            private_folder(self.run.probes)
            arrays = {"step": step, "gates": gates, "values": values, "tokens": tokens}
            write_atomically(self.run.probes / "window.npz", pack(arrays, compressed=True), sync=False)

        self._guarded(write)

    def log(self, line: str) -> None:
        """Add a line for a person to engine.log; never fails."""
        try:
            with open_to_append(self.run.log) as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n".encode(errors="replace"))
        except OSError:
            pass  # nowhere left to say it

    def sync(self) -> None:
        """Make metrics and samples durable, as far as the disk takes them."""

        def write(name: str) -> None:
            self._write_lines(name)
            if file_size(self.run.path / name):
                sync_file(self.run.path / name)

        for name in self._unwritten:
            self._guarded(functools.partial(write, name))
        self._guarded(lambda: sync_folder(self.run.path))  # the names of new files too

    def offsets(self) -> dict[str, int]:
        """Return the sizes of the files that a resume cuts back to its checkpoint. Raises OSError."""
        return {path.name: file_size(path) for path in self._series()}

    def truncate_to(self, offsets: dict[str, int]) -> None:
        """Undo lines written after the checkpoint that recorded `offsets`, so that metrics never overlap.

        Raises OSError.
        """
        self._unwritten = {path.name: [] for path in self._series()}
        for path in self._series():
            wanted = max(0, offsets.get(path.name, 0))
            if file_size(path) > wanted:
                truncate(path, wanted)

    def _series(self) -> tuple[Path, ...]:
        return self.run.metrics, self.run.samples

    def _guarded(self, write: Callable[[], None]) -> bool:
        """Return whether it was written, or will never be: the folder is gone."""
        self.locate_folder()
        if self.gone:
            return True
        try:
            write()
        except OSError as error:
            self.log(f"could not write {error.filename or 'the run folder'}: {error.strerror or error}")
            return False
        return True
