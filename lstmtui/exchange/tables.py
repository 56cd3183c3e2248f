"""The metrics of a run as one table, for spreadsheets and data frames.

A row is a log interval (split "train") or an evaluation (split "valid"). Every row has every column; a figure that a
row does not have, or that is not finite, is empty in CSV and null in JSON lines, so that each column has one type.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from typing import Any

from lstmtui.common.files import to_json
from lstmtui.runs.snapshot import TrainPoint, ValidPoint

SPLIT, BEST = "split", "best"
COUNTS = ("step", "tokens")
"""Columns of whole numbers; `split` is text, `best` is true or false, and all others are floats."""


class MetricTable:
    """Rows of one run and the names of their columns."""

    def __init__(self, points: Iterable[TrainPoint | ValidPoint]) -> None:
        self._rows = [_row(point) for point in points]
        own = [f.name for f in fields(TrainPoint)]
        figures = dict.fromkeys(name for row in self._rows for name in row if name not in (*own, SPLIT, BEST))
        self.columns = (SPLIT, *own, *figures, BEST)
        """The figures of evaluations come after those of log intervals."""

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each row with all columns."""
        for row in self._rows:
            yield {name: _value(name, row.get(name)) for name in self.columns}

    def csv(self) -> Iterator[str]:
        """Yield the lines of a CSV file, the names of the columns first."""
        yield _csv_line(self.columns)
        for row in self.rows():
            yield _csv_line(["" if value is None else str(value) for value in row.values()])

    def json_lines(self) -> Iterator[str]:
        """Yield a JSON object for each row."""
        for row in self.rows():
            yield to_json(row) + "\n"


def _row(point: TrainPoint | ValidPoint) -> dict[str, Any]:
    if isinstance(point, TrainPoint):
        return {SPLIT: "train", **asdict(point)}
    return {SPLIT: "valid", **point.record()}


def _value(name: str, value: Any) -> Any:
    if value is None or name in (SPLIT, BEST):
        return value
    if not math.isfinite(value):
        return None
    return int(value) if name in COUNTS else float(value)


def _csv_line(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()
