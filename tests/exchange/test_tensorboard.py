from __future__ import annotations

import sys

import numpy as np
import pytest
from support import event_files, prepared_run

from lstmtui.errors import UsageError
from lstmtui.exchange.tensorboard import EventLog, write_events
from lstmtui.runs.metrics import read_points
from lstmtui.runs.probes import read_saturation
from lstmtui.runs.snapshot import TrainPoint
from lstmtui.runs.writer import RunWriter


def test_everything_that_a_run_has_measured_is_in_the_events(tmp_path):
    run = prepared_run.make_run(tmp_path, step=200, beat=prepared_run.NOW)
    gates = np.random.default_rng(1).uniform(size=(2, 4, 5, 48)).astype(np.float16)
    writer = RunWriter(run)
    writer.window(180, ("i", "f", "g", "o"), gates, np.arange(5, dtype=np.int32))
    writer.close()
    write_events(tmp_path, run)
    found = event_files.values(tmp_path)
    points = [point for point in read_points(run) if isinstance(point, TrainPoint)]
    assert [(step, value) for step, _, value in found["train/loss"]] == [
        (point.step, pytest.approx(point.loss)) for point in points
    ]
    assert [step for step, _, _ in found["valid/nll"]] == [100, 200]
    assert "train/processors" not in found  # not a number in this run
    began = prepared_run.NOW - 10
    assert found["train/loss"][-1][1] == pytest.approx(began + 200 * 0.04)
    ((step, at, text),) = found["sample/text_summary"]
    assert (step, text.strip()[:20]) == (200, prepared_run.TEXT[:20])
    assert at == pytest.approx(began + 200 * 0.04)
    for probe, (step, _, histogram) in zip(read_saturation(run), found["gates/layer 2/f"], strict=True):
        left, right = probe.left[1, 1].sum(), probe.right[1, 1].sum()
        assert step == probe.step
        np.testing.assert_allclose(histogram.bucket_limit, [0.1, 0.9, 1])
        np.testing.assert_allclose(histogram.bucket, [left, 48 - left - right, right], rtol=1e-6)
    ((step, _, histogram),) = found["gates/layer 1/o/newest"]
    assert (step, sum(histogram.bucket)) == (180, 5 * 48)


def test_a_file_that_goes_on_after_a_resume_drops_later_steps(tmp_path):
    with EventLog(tmp_path, "lstm", purge_step=5):
        pass
    (path,) = tmp_path.glob("events.out.tfevents.*")
    assert any(
        event.session_log.status == event.session_log.START and event.step == 5 for event in event_files.records(path)
    )


def test_a_run_without_metrics_gives_an_empty_log(tmp_path):
    write_events(tmp_path, prepared_run.make_run(tmp_path, state=None))
    assert event_files.values(tmp_path) == {}


def test_without_the_package_one_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(UsageError, match=r"lstmtui\[tensorboard\]"):
        write_events(tmp_path, prepared_run.make_run(tmp_path, state=None))
