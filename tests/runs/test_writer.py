from __future__ import annotations

import os
import stat
import time

from lstmtui.common.files import append_json_line, read_json, read_json_lines
from lstmtui.runs.writer import RunWriter


def test_the_status_names_the_process_that_writes_it(run, writer):
    status = read_json(run.status)
    assert status is not None
    assert status["pid"] == os.getpid()
    assert status["state"] == "starting"


def test_a_new_state_is_written_at_once_and_other_fields_with_the_next_heartbeat(run):
    writer = RunWriter(run, interval=0.2)
    try:
        writer.status(state="training", step=1)
        assert (read_json(run.status) or {})["state"] == "training"
        writer.status(step=2)
        assert (read_json(run.status) or {})["step"] == 1
        deadline = time.monotonic() + 10
        while (read_json(run.status) or {})["step"] != 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        writer.close()


def test_the_heartbeat_is_renewed(run, writer):
    first = (read_json(run.status) or {})["heartbeat"]
    deadline = time.monotonic() + 10
    while (read_json(run.status) or {})["heartbeat"] == first:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_full_disk_is_logged_and_raises_nothing(run, writer, monkeypatch):
    def full(*given, **named):
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr("lstmtui.runs.writer.append_json_line", full)
    monkeypatch.setattr("lstmtui.runs.writer.write_atomically", full)
    writer.metric("train", step=1)
    writer.event("saved")
    writer.status(state="training")
    assert "No space left on device" in run.log.read_text()


def test_truncation_removes_metrics_and_samples_but_no_events(run, writer):
    writer.metric("train", step=1)
    writer.sample(text="one")
    offsets = writer.offsets()
    writer.metric("train", step=2)
    writer.sample(text="two")
    writer.event("saved")
    writer.truncate_to(offsets)
    assert [r["step"] for r in read_json_lines(run.metrics)[0]] == [1]
    assert [r["text"] for r in read_json_lines(run.samples)[0]] == ["one"]
    assert [r["event"] for r in read_json_lines(run.events)[0]] == ["saved"]
    writer.truncate_to({})
    assert run.metrics.stat().st_size == 0


def test_a_resuming_engine_keeps_the_persistent_fields(run):
    for changes in ({"step": 40, "steps": 100, "seconds": 3.5, "result": {}, "state": "training"}, {}):
        writer = RunWriter(run)
        writer.status(**changes)
        writer.close()
    status = read_json(run.status)
    assert (status["step"], status["steps"], status["seconds"], status["state"]) == (40, 100, 3.5, "starting")
    assert "result" not in status


def test_a_damaged_status_does_not_prevent_a_start(run):
    run.status.write_text("[[[")
    writer = RunWriter(run)
    writer.close()
    assert read_json(run.status)["step"] == 0


def test_a_link_or_pipe_in_place_of_a_file_is_not_written_and_raises_nothing(run, writer, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("untouched")
    run.samples.symlink_to(mine)
    os.mkfifo(run.metrics)
    (tmp_path / "elsewhere").mkdir()
    run.probes.symlink_to(tmp_path / "elsewhere")
    writer.metric("train", step=1)
    writer.sample(step=1, text="x")
    writer.saturation(1, ("i",), [[[0.0]]], [[[0.0]]])
    assert writer.offsets() == {"metrics.jsonl": 0, "samples.jsonl": 0}
    writer.truncate_to({"samples.jsonl": 0})
    assert mine.read_text() == "untouched"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    log = run.log.read_text()
    assert "samples.jsonl: it is a link, where a file belongs" in log
    assert "metrics.jsonl: it is a FIFO" in log
    assert "probes: it is a link, where a folder belongs" in log


def test_files_are_private(run, writer):
    writer.metric("train", step=1)
    writer.event("saved")
    writer.log("a line")
    writer.saturation(1, ("i",), [[[0.0]]], [[[0.0]]])
    for path in (run.status, run.metrics, run.events, run.log, run.probes / "saturation-00000001.npz"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(run.probes.stat().st_mode) == 0o700


def test_a_line_that_failed_once_is_written_in_order(run, writer, monkeypatch):
    refused = []

    def once(path, record):
        if record.get("step") == 2 and not refused:
            refused.append(record)
            raise OSError(28, "No space left on device")
        append_json_line(path, record)

    monkeypatch.setattr("lstmtui.runs.writer.append_json_line", once)
    for step in (1, 2, 3):
        writer.metric("train", step=step)
    assert [line["step"] for line in read_json_lines(run.metrics)[0]] == [1, 2, 3]
    refused.clear()
    writer.metric("train", step=2)
    writer.sync()
    assert [line["step"] for line in read_json_lines(run.metrics)[0]] == [1, 2, 3, 2]


def test_metrics_are_synced_before_their_offset_is_stored(run, writer, monkeypatch):
    writer.metric("train", step=1)
    synced, fsync = [], os.fsync

    def noted(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    writer.sync()
    assert synced == [run.metrics.stat().st_ino, run.path.stat().st_ino]


def test_a_last_status_that_failed_once_is_written_on_close(run, monkeypatch):
    writer = RunWriter(run, interval=60)
    with monkeypatch.context() as patch:
        patch.setattr("lstmtui.runs.writer.write_atomically", refuse)
        writer.status(state="finished")
    writer.close()
    assert (read_json(run.status) or {})["state"] == "finished"


def refuse(*args, **rest):
    raise OSError(28, "No space left on device")


def test_temporary_files_of_a_dead_engine_are_removed_at_the_next_start(run):
    run.checkpoints.mkdir()
    left = [folder / f".half.{os.getpid()}-9.tmp" for folder in (run.path, run.checkpoints)]
    for path in left:
        path.write_bytes(b"half")
    RunWriter(run, interval=60).close()
    assert not any(path.exists() for path in left)


def test_the_status_has_the_saturation_of_each_gate(run, writer):
    writer.saturation(1, ("i", "g"), [[[0.1, 0.3], [0.0, 0.0]]], [[[0.5, 0.5], [1.0, 0.0]]])
    writer.status(message="now")
    assert (read_json(run.status) or {})["saturated"] == {"i": 0.7, "g": 0.5}
