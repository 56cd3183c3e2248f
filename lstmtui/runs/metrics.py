"""All metrics of a run, without the thinning that bounds what a screen holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lstmtui.common.files import read_json_lines
from lstmtui.errors import UnreadableError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.records import parse_point
from lstmtui.runs.snapshot import Sample, TrainPoint, ValidPoint


def read_points(run: RunFolder) -> Iterator[TrainPoint | ValidPoint]:
    """Yield every log interval and evaluation of a run, in the order of the file; damaged lines are skipped.

    Raises UnreadableError where the system refuses to read the file.
    """
    for record in _records(run.metrics):
        point = parse_point(TrainPoint if record.get("split") == "train" else ValidPoint, record)
        if point is not None:
            yield point


def read_samples(run: RunFolder) -> Iterator[Sample]:
    """Yield every sample of a run, oldest first; damaged lines are skipped. Raises UnreadableError."""
    for record in _records(run.samples):
        sample = parse_point(Sample, record)
        if sample is not None:
            yield sample


def _records(path: Path) -> Iterator[dict[str, Any]]:
    offset = 0
    while True:
        try:
            records, end = read_json_lines(path, offset)
        except OSError as error:
            raise UnreadableError(f"{path} cannot be read ({error.strerror or error}).") from error
        if end <= offset:
            return
        yield from records
        offset = end
