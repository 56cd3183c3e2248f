"""JSON records, checked field by field."""

from __future__ import annotations

import math

import pytest
from support import tiny
from support.bare_run import train_point

from lstmtui import config
from lstmtui.common.files import append_json_line
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.runs.records import parse_point
from lstmtui.runs.snapshot import Sample, TrainPoint


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


SAMPLE = {"step": 1, "temperature": 0.8, "prompt": "", "text": "abc"}


def test_surprise_and_the_copied_passage_belong_to_the_text():
    sample = parse_point(Sample, SAMPLE | {"bits": [1, 2.5], "pieces": [1, 2], "copied": [1, 2], "usual": 1.5})
    assert (sample.surprise, sample.copied, sample.usual) == (((1, 1.0), (2, 2.5)), (1, 2), 1.5)
    assert parse_point(Sample, SAMPLE | {"bits": [0, 1, 2]}).surprise == ((1, 0.0), (1, 1.0), (1, 2.0))


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"bits": [1, 2], "copied": [1, 3], "usual": "x"},
        {"bits": [1, 2, None], "copied": [-1, 1]},
        {"bits": [1, 2, math.nan], "copied": [1]},
        {"bits": [1, -2, 1], "copied": [1, 0]},
        {"bits": ["1", 2, 1], "copied": "1"},
        {"bits": [1, 2], "pieces": [4, -1], "copied": [0.0, 1]},
        {"bits": [1, 2], "pieces": 3},
        {"bits": 3},
    ],
)
def test_a_sample_with_other_surprise_is_as_an_older_one(damaged):
    sample = parse_point(Sample, SAMPLE | damaged)
    assert (sample.text, sample.surprise, sample.copied, sample.usual) == ("abc", (), None, None)
