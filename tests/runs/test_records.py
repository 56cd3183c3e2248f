"""JSON records, checked field by field."""

from __future__ import annotations

import math

from support import tiny
from support.bare_run import train_point

from lstmtui import config
from lstmtui.common.files import append_json_line
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.runs.records import parse_point
from lstmtui.runs.snapshot import TrainPoint


def test_a_non_finite_loss_is_still_a_point():
    point = parse_point(TrainPoint, train_point(1) | {"loss": None})
    assert math.isnan(point.loss)


def test_fields_of_a_wrong_type_are_ignored(tmp_path):
    run = RunFolder(tmp_path)
    run.config.write_text(config.dump(tiny.run_settings()))
    run.status.write_text('{"state": "training", "step": "many", "steps": null, "exit_code": []}')
    append_json_line(
        run.metrics, {"split": "valid", "step": "x", "seconds": 1, "nll": 2, "perplexity": 3, "best": True}
    )
    append_json_line(run.metrics, {"split": "valid", "step": 5, "seconds": 1, "nll": 2, "perplexity": 3, "best": True})
    snapshot = RunReader(run).refresh()
    assert (snapshot.step, snapshot.steps, snapshot.exit_code) == (0, 0, 0)
    assert [point.step for point in snapshot.valid] == [5]
