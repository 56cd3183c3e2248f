"""Event files beside the metrics, as a writer and its successor after a resume leave them."""

from __future__ import annotations

import numpy as np
from support import event_files, tiny
from support.bare_run import train_point

from lstmtui.engine.training import event_log
from lstmtui.runs.writer import RunWriter

GATES = ("i", "f", "g", "o")


def write(run, steps, **settings):
    """Write what an engine measures at `steps`."""
    writer = RunWriter(run, interval=60)
    event_log.attach(writer, tiny.run_settings(log="tensorboard", **settings))
    for step in steps:
        writer.metric(**train_point(step))
        writer.sample(step=step, temperature=0.8, prompt="", text=f"text {step}")
    left = np.full((2, 4, 8), 0.25, np.float32)
    writer.saturation(steps[-1], GATES, left, left)
    writer.window(steps[-1], GATES, np.full((2, 4, 3, 8), 0.5, np.float16), np.zeros(3, np.int32))
    return writer


def test_what_is_measured_is_in_events_too(run):
    write(run, [4, 8]).close()
    found = event_files.values(run.events_folder)
    assert [(step, value) for step, _, value in found["train/loss"]] == [(4, 2.0), (8, 2.0)]
    assert [step for step, _, _ in found["sample/text_summary"]] == [4, 8]
    assert list(found["gates/layer 2/f"][0][2].bucket) == [2, 4, 2]
    assert sum(found["gates/layer 1/o/newest"][0][2].bucket) == 24


def test_steps_that_are_taken_again_are_dropped(run):
    write(run, [4, 8, 12]).close()
    writer = write(run, [8])
    writer.truncate_to({})
    writer.metric(**train_point(6))
    writer.close()
    files = sorted(run.events_folder.iterdir())
    starts = [
        event.step for path in files for event in event_files.records(path) if event.HasField("session_log")
    ]  # the first file drops nothing
    assert sorted(starts) == [6, 8]


def test_without_the_setting_there_are_none(run):
    writer = RunWriter(run, interval=60)
    event_log.attach(writer, tiny.run_settings())
    writer.metric(**train_point(4))
    writer.close()
    assert not run.events_folder.exists()


def test_a_folder_that_cannot_be_written_does_not_end_training(run):
    run.events_folder.write_text("in the way")
    write(run, [4]).close()
    assert "tensorboard" in run.log.read_text()
    assert run.metrics.read_text().count("\n") == 1
