"""Follows a run: reads a bounded piece of its folder at a time, and gives a frozen snapshot."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.common.files import parse_lines, read_json, read_json_lines
from lstmtui.common.opening import open_to_read
from lstmtui.errors import CorruptError, LstmtuiError
from lstmtui.runs.folder import ENDED, RunFolder, check_contents
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.records import parse_point, status_fields, usable_fields
from lstmtui.runs.snapshot import RunSnapshot, Sample, TrainPoint, ValidPoint, whole_number


class RunReader:
    """Follows one run. `refresh` reads what is new since the last call and returns a snapshot.

    Keeps at most `keep` points of each series: when there are more, every second older one is dropped, so a run of a
    million lines costs a bounded memory. Safe to use from one thread at a time.
    """

    def __init__(self, run: RunFolder, *, keep: int = 4000) -> None:
        self._run = run
        self._keep = keep
        self._offsets = {"metrics": 0, "events": 0, "samples": 0}
        self._snapshot = RunSnapshot(run=run, state="new")

    @property
    def snapshot(self) -> RunSnapshot:
        return self._snapshot

    def refresh(self) -> RunSnapshot:
        """Read on. Never raises for a damaged or vanished folder: the snapshot's state and message say it."""
        run, old = self._run, self._snapshot
        if not run.path.is_dir():
            self._snapshot = replace(old, state="failed", message=f"The run folder {run.path} is gone.")
            return self._snapshot
        settings = old.settings
        if settings is None:
            try:
                check_contents(run)
                settings = config.load(run.config)
            except LstmtuiError as error:
                self._snapshot = replace(old, state="failed", message=str(error), exit_code=error.exit_code)
                return self._snapshot
        try:
            status = read_json(run.status)
        except CorruptError as error:  # what was seen last still tells more than nothing
            status = old.status or {"state": "failed", "message": str(error), "exit_code": error.exit_code}
        status = None if status is None else status_fields(status)
        state, message = run_state(run, status)
        train, valid = list(old.train), list(old.valid)
        if self._shrunk():  # a resume cut metrics back to its checkpoint
            train, valid = [], []
            self._offsets["metrics"] = 0
        for record in self._read_metrics():
            points: list[Any] = train if record.get("split") == "train" else valid
            point = parse_point(TrainPoint if record.get("split") == "train" else ValidPoint, record)
            if point is not None:
                points.append(point)
        samples = [*old.samples, *filter(None, (parse_point(Sample, r) for r in self._read("samples")))]
        events = [*old.events, *map(usable_fields, self._read("events"))]
        self._snapshot = RunSnapshot(
            run=run,
            state=state,
            message=message,
            exit_code=whole_number((status or {}).get("exit_code")),
            settings=settings,
            status=status or {},
            train=tuple(self._thinned(train)),
            valid=tuple(self._thinned(valid)),
            samples=tuple(samples[-50:]),
            events=tuple(events[-500:]),
        )
        return self._snapshot

    def _shrunk(self) -> bool:
        try:
            return self._run.metrics.stat().st_size < self._offsets["metrics"]
        except OSError:
            return self._offsets["metrics"] > 0

    def _read_metrics(self) -> list[dict[str, Any]]:
        """Return what is new; of very much at once, about as many lines of each series as are kept."""
        try:
            ahead = self._run.metrics.stat().st_size - self._offsets["metrics"]
        except OSError:
            ahead = 0
        if ahead < MIN_BYTES_TO_SKIM:
            return self._read("metrics")
        found: list[dict[str, Any]] = []
        while len(block := _block(self._run.metrics, self._offsets["metrics"])) > 0:
            found += _skimmed(block, max(1, self._keep * len(block) // ahead))
            self._offsets["metrics"] += len(block)
        return found

    def _read(self, name: str) -> list[dict[str, Any]]:
        with contextlib.suppress(OSError):  # what cannot be read now may be at the next look
            records, self._offsets[name] = read_json_lines(getattr(self._run, name), self._offsets[name])
            return records
        return []

    def _thinned(self, points: list[Any]) -> list[Any]:
        best = min((p for p in points if isinstance(p, ValidPoint)), key=lambda p: p.nll, default=None)
        while len(points) > self._keep:
            half = len(points) // 2
            points = [p for i, p in enumerate(points) if i >= half or i % 2 == 0 or p is best]
        return points


def run_state(run: RunFolder, status: dict[str, Any] | None) -> tuple[str, str]:
    """Return the state to show and its message, telling a dead engine from a live one."""
    if status is None:
        return ("starting", "") if engine_alive(run) else ("new", "Never started.")
    state, message = str(status.get("state", "failed")), str(status.get("message", ""))
    if state not in ENDED and not engine_alive(run):
        # The engine writes its last status before it lets go of the lock: look once more before calling it dead.
        again = _status(run) or status
        state, message = str(again.get("state", "failed")), str(again.get("message", ""))
        if state not in ENDED:
            why = last_log_line(run) or "it left no word; was it killed, or the machine restarted?"
            return "crashed", f"The engine died at step {whole_number(again.get('step')):,} ({why})."
    return state, message


def _status(run: RunFolder) -> dict[str, Any] | None:
    """Return the run's status; None where there is none that can be read."""
    with contextlib.suppress(CorruptError):
        return read_json(run.status)
    return None


def last_log_line(run: RunFolder) -> str:
    """Return the last line that an engine which died has left in its log since it last reported; nothing for none."""
    try:
        with open_to_read(run.log) as file:
            told = os.fstat(file.fileno())
            file.seek(max(0, told.st_size - 2000))
            lines = file.read().decode(errors="replace").strip().splitlines()
        since = told.st_mtime - run.status.stat().st_mtime
    except OSError:
        return ""
    return lines[-1].strip() if lines and since > -1 else ""


MIN_BYTES_TO_SKIM = 4 << 20
"""Bytes of metrics above which not every line is looked at."""
_BLOCK = 4 << 20
_VALID = b'"split": "valid"'
_BEST = b'"best": true'


def _block(path: Path, offset: int) -> bytes:
    """Return whole lines from `offset` on, up to _BLOCK bytes; nothing at the end of the file."""
    try:
        with open_to_read(path) as file:
            file.seek(offset)
            data = file.read(_BLOCK)
    except OSError:
        return b""
    # A block without a line's end is no line of ours; what follows it may be.
    return data[: data.rfind(b"\n") + 1] or (data if len(data) == _BLOCK else b"")


def _places(block: bytes, wanted: bytes) -> list[int]:
    found, at = [], block.find(wanted)
    while at >= 0:
        found.append(at)
        at = block.find(wanted, at + len(wanted))
    return found


def _skimmed(block: bytes, wanted: int) -> list[dict[str, Any]]:
    """Return about `wanted` lines of `block` and as many evaluations, evenly; its last line; and each best so far."""
    starts = {block.rfind(b"\n", 0, len(block) - 1) + 1}
    for i in range(wanted):
        starts.add(block.rfind(b"\n", 0, len(block) * i // wanted) + 1)
    evaluations = _places(block, _VALID)
    # The last of each share: the newest evaluation is among them.
    shares = min(wanted, len(evaluations))
    places = [evaluations[len(evaluations) * (i + 1) // shares - 1] for i in range(shares)]
    for at in (*places, *_places(block, _BEST)):
        starts.add(block.rfind(b"\n", 0, at) + 1)
    lines = (block[start : block.find(b"\n", start)] for start in sorted(starts))
    return list(parse_lines(lines))
