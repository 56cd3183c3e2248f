from __future__ import annotations

import csv
import json
import math

from support.bare_run import train_point

from lstmtui.exchange.tables import MetricTable
from lstmtui.runs.records import parse_point
from lstmtui.runs.snapshot import TrainPoint, ValidPoint

POINTS = [
    parse_point(TrainPoint, {**train_point(5), "loss": None, "seconds": 2}),
    ValidPoint(step=5, seconds=3.0, best=True, figures={"nll": 1.5, "bits_per_char": None}),
    parse_point(TrainPoint, train_point(6)),
]


def test_every_row_has_every_column_and_a_column_one_type():
    rows = [json.loads(line) for line in MetricTable(POINTS).json_lines()]
    assert len({tuple(row) for row in rows}) == 1
    assert [row["split"] for row in rows] == ["train", "valid", "train"]
    assert [row["nll"] for row in rows] == [None, 1.5, None]
    assert [row["best"] for row in rows] == [None, True, None]
    assert rows[0]["loss"] is None
    assert isinstance(rows[0]["seconds"], float)
    assert isinstance(rows[0]["step"], int)


def test_csv_has_a_head_and_empty_cells_for_missing_figures():
    head, *rows = csv.reader(MetricTable(POINTS).csv())
    assert head[:3] == ["split", "step", "tokens"]
    assert head[-3:] == ["nll", "bits_per_char", "best"]
    assert rows[0][head.index("loss")] == rows[1][head.index("loss")] == ""
    assert rows[1][head.index("best")] == "True"
    assert math.isclose(float(rows[2][head.index("lr")]), 0.1)


def test_a_run_without_metrics_has_the_columns_alone():
    table = MetricTable([])
    assert list(table.json_lines()) == []
    assert len(list(table.csv())) == 1
