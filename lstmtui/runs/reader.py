"""Follows a run: reads a bounded piece of its folder at a time and returns a frozen snapshot."""

from __future__ import annotations

import contextlib
import os
import re
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
from lstmtui.runs.snapshot import RunSnapshot, Sample, TrainPoint, ValidPoint, best_of, whole_number


class RunReader:
    """Follows one run. `refresh` reads what is new since the last call and returns a snapshot.

    A series has at most `max_points`: beyond that every second older point is dropped, so that a run of a million lines
    takes bounded memory. Not thread-safe.
    """

    def __init__(self, run: RunFolder, *, max_points: int = 4000) -> None:
        self._run = run
        self._max_points = max_points
        self._offsets = {"metrics": 0, "events": 0, "samples": 0}
        self._snapshot = RunSnapshot(run=run, state="new")

    @property
    def snapshot(self) -> RunSnapshot:
        """The snapshot of the last `refresh`."""
        return self._snapshot

    def refresh(self) -> RunSnapshot:
        """Read what is new. Never raises: the state and message of the snapshot report a damaged or vanished folder."""
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
        except CorruptError as error:  # the last status is better than none
            status = old.status or {"state": "failed", "message": str(error), "exit_code": error.exit_code}
        status = None if status is None else status_fields(status)
        state, message = run_state(run, status)
        train, valid = list(old.train), list(old.valid)
        if self._was_truncated():  # a resume truncated the metrics to its checkpoint
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
            train=tuple(self._thin(train)),
            valid=tuple(self._thin(valid)),
            samples=tuple(samples[-50:]),
            events=tuple(events[-500:]),
        )
        return self._snapshot

    def _was_truncated(self) -> bool:
        try:
            return self._run.metrics.stat().st_size < self._offsets["metrics"]
        except OSError:
            return self._offsets["metrics"] > 0

    def _read_metrics(self) -> list[dict[str, Any]]:
        """Return the new records; of more than MIN_BYTES_TO_SKIM about `max_points` of each series."""
        try:
            ahead = self._run.metrics.stat().st_size - self._offsets["metrics"]
        except OSError:
            ahead = 0
        if ahead < MIN_BYTES_TO_SKIM:
            return self._read("metrics")
        found: list[dict[str, Any]] = []
        while len(block := _block(self._run.metrics, self._offsets["metrics"])) > 0:
            found += _skim(block, max(1, self._max_points * len(block) // ahead))
            self._offsets["metrics"] += len(block)
        return found

    def _read(self, name: str) -> list[dict[str, Any]]:
        with contextlib.suppress(OSError):  # it is tried again at the next refresh
            records, self._offsets[name] = read_json_lines(getattr(self._run, name), self._offsets[name])
            return records
        return []

    def _thin(self, points: list[Any]) -> list[Any]:
        best = best_of([p for p in points if isinstance(p, ValidPoint)])
        while len(points) > self._max_points:
            half = len(points) // 2
            points = [p for i, p in enumerate(points) if i >= half or i % 2 == 0 or p is best]
        return points


def run_state(run: RunFolder, status: dict[str, Any] | None) -> tuple[str, str]:
    """Return the state to show and its message; that of a dead engine is "crashed"."""
    if status is None:
        return ("starting", "") if engine_alive(run) else ("new", "Never started.")
    state, message = str(status.get("state", "failed")), str(status.get("message", ""))
    if state not in ENDED and not engine_alive(run):
        # An engine writes its last status before it releases the lock, so the status is read again.
        again = _status(run) or status
        state, message = str(again.get("state", "failed")), str(again.get("message", ""))
        if state not in ENDED:
            reason = last_log_line(run) or "it left no message; was it killed, or the machine restarted?"
            return "crashed", f"The engine died at step {whole_number(again.get('step')):,} ({reason})."
    return state, message


def _status(run: RunFolder) -> dict[str, Any] | None:
    """Return the status of a run; None where it is missing or unreadable."""
    with contextlib.suppress(CorruptError):
        return read_json(run.status)
    return None


def status_number(run: RunFolder, name: str, usual: float) -> float:
    """Return a positive number of the last status; `usual` where it has none. Raises UnreadableError."""
    found = (_status(run) or {}).get(name)
    return found if isinstance(found, int | float) and found > 0 else usual


def last_log_line(run: RunFolder) -> str:
    """Return the last line that a dead engine logged after its last status; empty without one."""
    try:
        with open_to_read(run.log) as file:
            about = os.fstat(file.fileno())
            file.seek(max(0, about.st_size - 2000))
            lines = file.read().decode(errors="replace").strip().splitlines()
        delay = about.st_mtime - run.status.stat().st_mtime
    except OSError:
        return ""
    return lines[-1].strip() if lines and delay > -1 else ""


MIN_BYTES_TO_SKIM = 4 << 20
"""Bytes of new metrics from which on only some lines are read."""
_BLOCK = 4 << 20
_VALID = b'"split": "valid"'
_BEST = b'"best": true'


def _block(path: Path, offset: int) -> bytes:
    """Return complete lines from `offset` on, up to _BLOCK bytes; empty at the end of the file."""
    try:
        with open_to_read(path) as file:
            file.seek(offset)
            data = file.read(_BLOCK)
    except OSError:
        return b""
    # A block without a line end is damaged; it is skipped, since valid lines may follow.
    return data[: data.rfind(b"\n") + 1] or (data if len(data) == _BLOCK else b"")


def _offsets_of(pattern: bytes, block: bytes) -> list[int]:
    return [found.start() for found in re.finditer(re.escape(pattern), block)]


def _skim(block: bytes, count: int) -> list[dict[str, Any]]:
    """Return about `count` records and as many evaluations, evenly spaced, with the last and every best one."""
    starts = {block.rfind(b"\n", 0, len(block) - 1) + 1}
    for i in range(count):
        starts.add(block.rfind(b"\n", 0, len(block) * i // count) + 1)
    evaluations = _offsets_of(_VALID, block)
    # The last of each share, so that the newest evaluation is among them.
    shares = min(count, len(evaluations))
    chosen = [evaluations[len(evaluations) * (i + 1) // shares - 1] for i in range(shares)]
    for at in (*chosen, *_offsets_of(_BEST, block)):
        starts.add(block.rfind(b"\n", 0, at) + 1)
    lines = (block[start : block.find(b"\n", start)] for start in sorted(starts))
    return list(parse_lines(lines))
