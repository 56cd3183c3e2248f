"""Writes the status, metrics, events, samples and probes of one run.

Only the engine that holds the lock writes. A full disk does not end a training run: the failure is logged in
engine.log, and training goes on.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import threading
import time
from collections.abc import Callable, Iterable, Sequence
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
from lstmtui.runs.probes import step_of

MAX_PROBES = 200
"""Probes of each kind; of more, some are removed so that the others stay evenly spaced."""
MAX_PENDING_LINES = 10_000
"""Lines of metrics and samples that are held back while the disk is full."""
PERSISTENT_FIELDS = ("step", "steps", "epoch", "tokens", "seconds", "parameters", "vocabulary")
"""Fields of the last status that a resuming engine keeps until it has new ones."""


def _persistent_fields(run: RunFolder) -> dict[str, Any]:
    with contextlib.suppress(CorruptError, OSError):
        before = read_json(run.status) or {}
        return {name: before[name] for name in PERSISTENT_FIELDS if isinstance(before.get(name), int | float)}
    return {}


def _saturated(gates: tuple[str, ...], left: Any, right: Any) -> dict[str, float]:
    """Return the fraction of the values of each gate that are saturated, for readers that load no probes."""
    import numpy as np

    of_gates = (np.asarray(left) + np.asarray(right)).mean(axis=(0, 2))
    return {gate: round(float(value), 4) for gate, value in zip(gates, of_gates, strict=True)}


def evenly_spaced(steps: Iterable[int], count: int) -> list[int]:
    """Return at most `count` of the steps, the first and the last among them, without those nearest to neighbours."""
    kept = sorted(steps)
    while len(kept) > max(2, count):
        del kept[min(range(1, len(kept) - 1), key=lambda at: kept[at + 1] - kept[at - 1])]
    return kept


Listener = Callable[[str, dict[str, Any]], None]
"""Called with the kind of a record (metric, sample, saturation, window, truncated, closed) and the record."""


class RunWriter:
    """Writes the files of a run folder; a thread renews the heartbeat of the status."""

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
            **_persistent_fields(run),
        }
        self._unwritten: dict[str, list[dict[str, Any]]] = {path.name: [] for path in self._series()}
        """Lines that could not be written yet."""
        self._status_written = True
        self._folder: int | None = None
        self.gone = False
        """Whether the folder of `track_folder` was removed."""
        self._listeners: list[Listener] = []
        self._ending = threading.Event()
        remove_stale_temporaries(run.path, run.checkpoints, run.probes, run.autocomplete)
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self.status()
        self._thread.start()

    def add_listener(self, listener: Listener) -> None:
        """Call `listener` with every record from now on; an OSError that it raises is logged."""
        self._listeners.append(listener)

    def _notify(self, kind: str, record: dict[str, Any]) -> None:
        for listener in self._listeners:
            self._try(functools.partial(listener, kind, record))

    def status(self, **changes: Any) -> None:
        """Change fields of status.json; a new state or message is written at once, others with the next heartbeat."""
        with self._lock:
            now = "state" in changes or "message" in changes or not self._thread_started()
            self._status.update(changes)
            if now:
                self._write_status()

    @property
    def state(self) -> str:
        """The state in the status."""
        return str(self._status["state"])

    def _thread_started(self) -> bool:
        return hasattr(self, "_thread") and self._thread.is_alive()

    def _write_status(self) -> None:
        record = {**self._status, "heartbeat": time.time()}
        line = to_json(record).encode()
        self._status_written = self._try(lambda: write_atomically(self.run.status, line, sync=False))

    def track_folder(self, folder: int) -> None:
        """Write to the open `folder` from now on, even where it is moved; `run` follows it."""
        self._folder = folder

    def locate_folder(self) -> None:
        """Update `run` and `gone` where the folder was moved or removed."""
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
        """Write the lines held back and stop the heartbeat; the last status stays."""
        self.sync()
        self._notify("closed", {})
        self._ending.set()
        self._thread.join()
        if not self._status_written:  # no heartbeat comes any more
            self._write_status()

    def metric(self, split: str, **values: Any) -> None:
        """Append a record to metrics.jsonl."""
        self._append_to_series(self.run.metrics.name, {"split": split, **values})
        self._notify("metric", {"split": split, **values})

    def event(self, event: str, **details: Any) -> None:
        """Append a record to events.jsonl."""
        self._try(lambda: append_json_line(self.run.events, {"event": event, "at": time.time(), **details}))

    def sample(self, **values: Any) -> None:
        """Append a record to samples.jsonl."""
        self._append_to_series(self.run.samples.name, values)
        self._notify("sample", values)

    def _append_to_series(self, name: str, record: dict[str, Any]) -> None:
        """Append a line after those held back, of which the oldest beyond MAX_PENDING_LINES are lost."""
        self._unwritten[name] = [*self._unwritten[name], record][-MAX_PENDING_LINES:]
        self._try(lambda: self._write_lines(name))

    def _write_lines(self, name: str) -> None:
        while lines := self._unwritten[name]:
            append_json_line(self.run.path / name, lines[0])
            del lines[0]

    def saturation(self, step: int, gates: tuple[str, ...], left: Any, right: Any, **more: Any) -> None:
        """Store one saturation probe, (L, G, H) fractions each; beyond MAX_PROBES they become sparser.

        more  `quantiles` (L, G, Q), and `layer_names` (L,) of a network whose layers have names
        """
        self._probe("saturation", step, gates=gates, left=left, right=right, **more)
        self.status(saturated=_saturated(gates, left, right))
        self._notify("saturation", {"step": step, "gates": gates, "left": left, "right": right, **more})

    def posteriors(self, step: int, values: Any, labels: Sequence[str], reference: str, transcript: str) -> None:
        """Store the probability of each label at each step of a recording (T, V), its true text and what was heard."""
        self._probe("posteriors", step, values=values, labels=labels, reference=reference, transcript=transcript)

    def gradient(self, step: int, **arrays: Any) -> None:
        """Store one measurement of the gradient flow (`reports.gradient_flow`); they become sparser likewise."""
        self._probe("gradient", step, **arrays)

    def attention(self, step: int, **arrays: Any) -> None:
        """Store one `snapshot.AttentionProbe`; they become sparser likewise."""
        self._probe("attention", step, **arrays)

    def _probe(self, kind: str, step: int, **arrays: Any) -> None:
        def write() -> None:
            private_folder(self.run.probes)
            data = pack({"step": step, **arrays}, compressed=True)
            write_atomically(self.run.probes / f"{kind}-{step:08d}.npz", data, sync=False)
            paths = {number: path for path in self.run.probes.glob(f"{kind}-*.npz") if (number := step_of(path)) >= 0}
            # Later ones are of steps that a rollback or a resume took back.
            kept = evenly_spaced([number for number in paths if number <= step], MAX_PROBES)
            for number in paths.keys() - set(kept):
                paths[number].unlink(missing_ok=True)

        self._try(write)

    def window(self, step: int, gates: tuple[str, ...], values: Any, tokens: Any = None, **more: Any) -> None:
        """Replace the newest window of activations, (L, G, T, H) and (T,).

        more  `layer_names` (L,) and `pieces` (L, T), of a network whose layers have names and read unlike tokens
        """

        def write() -> None:
            private_folder(self.run.probes)
            arrays = {"step": step, "gates": gates, "values": values, **more}
            if tokens is not None:
                arrays["tokens"] = tokens
            write_atomically(self.run.probes / "window.npz", pack(arrays, compressed=True), sync=False)

        self._try(write)
        self._notify("window", {"step": step, "gates": gates, "values": values, "layer_names": (), **more})

    def pictures(self, pixels: Any) -> None:
        """Store the pictures whose captions the samples have, (N, side, side, 3) uint8, unless they are there."""

        def write() -> None:
            private_folder(self.run.probes)
            if not (path := self.run.probes / "pictures.npz").exists():
                write_atomically(path, pack({"pixels": pixels}, compressed=True), sync=False)

        self._try(write)

    def log(self, line: str) -> None:
        """Append a line to engine.log; never raises."""
        try:
            with open_to_append(self.run.log) as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n".encode(errors="replace"))
        except OSError:
            pass  # there is nowhere to report it

    def sync(self) -> None:
        """Sync metrics and samples to the disk."""

        def write(name: str) -> None:
            self._write_lines(name)
            if file_size(self.run.path / name):
                sync_file(self.run.path / name)

        for name in self._unwritten:
            self._try(functools.partial(write, name))
        self._try(lambda: sync_folder(self.run.path))  # the names of new files too

    def offsets(self) -> dict[str, int]:
        """Return the sizes of the files that a resume truncates to its checkpoint. Raises OSError."""
        return {path.name: file_size(path) for path in self._series()}

    def truncate_to(self, offsets: dict[str, int]) -> None:
        """Remove the lines after the checkpoint that recorded `offsets`, so that metrics never overlap.

        Raises OSError.
        """
        self._notify("truncated", {})
        self._unwritten = {path.name: [] for path in self._series()}
        for path in self._series():
            size = max(0, offsets.get(path.name, 0))
            if file_size(path) > size:
                truncate(path, size)

    def _series(self) -> tuple[Path, ...]:
        return self.run.metrics, self.run.samples

    def _try(self, write: Callable[[], None]) -> bool:
        """Return whether `write` succeeded, or the folder is gone; log a failure."""
        self.locate_folder()
        if self.gone:
            return True
        try:
            write()
        except OSError as error:
            self.log(f"could not write {error.filename or 'the run folder'}: {error.strerror or error}")
            return False
        return True
