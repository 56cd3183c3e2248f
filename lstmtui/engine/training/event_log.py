"""Event files of TensorBoard, written beside the metrics while a run trains (`--log tensorboard`).

They are in the folder `tensorboard` of the run. After a resume or a rollback, a new file begins, which drops what the
older ones have of the steps that are taken again.
"""

from __future__ import annotations

import time
from typing import Any

from lstmtui.common.opening import private_folder
from lstmtui.config import RunSettings
from lstmtui.exchange.tensorboard import EventLog, require_package
from lstmtui.runs.records import parse_point
from lstmtui.runs.snapshot import Sample, Saturation, TrainPoint, ValidPoint
from lstmtui.runs.writer import RunWriter

TENSORBOARD = "tensorboard"
"""The value of the setting, and the folder of a run."""


def attach(writer: RunWriter, s: RunSettings) -> None:
    """Let `writer` write event files too, if the settings say so. Raises UsageError where the package is missing."""
    if s.run.log == TENSORBOARD:
        require_package()
        writer.add_listener(TensorBoardLog(writer, s.network.cell))


class TensorBoardLog:
    """Hears what a `RunWriter` writes."""

    def __init__(self, writer: RunWriter, cell: str) -> None:
        self._writer, self._cell = writer, cell
        self._log: EventLog | None = None

    def __call__(self, kind: str, record: dict[str, Any]) -> None:
        """Add one record; "truncated" and "closed" end the file. Raises OSError."""
        if kind in ("truncated", "closed"):
            if self._log is not None:
                self._log.close()
            self._log = None
            return
        log, now = self._open(record["step"]), time.time()
        if kind == "saturation":
            log.saturation(Saturation(**record), now)
        elif kind == "window":
            log.window(record, now)
        elif kind == "sample":
            if sample := parse_point(Sample, record):
                log.sample(sample, now)
        elif point := parse_point(TrainPoint if record["split"] == "train" else ValidPoint, record):
            log.point(point, now)

    def _open(self, step: int) -> EventLog:
        """Return the file, begun with a record of `step` if there is none."""
        if self._log is None:
            folder = self._writer.run.events_folder
            private_folder(folder)
            is_first = not any(folder.iterdir())
            self._log = EventLog(folder, self._cell, purge_step=None if is_first else step)
        return self._log
