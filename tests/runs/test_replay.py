"""A stored run is played back as if an engine wrote it."""

from __future__ import annotations

import json
import threading
import time
import zipfile
from importlib.resources import as_file, files

import pytest

from lstmtui.common.npz import pack
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.probes import read_saturation, read_window
from lstmtui.runs.reader import RunReader
from lstmtui.runs.replay import ENDED, REFUSAL, Replay, demo, playing
from lstmtui.runs.requests import send_request, wait_for_answer

MAX_BYTES = 300_000


@pytest.fixture
def recorded():
    with as_file(files("lstmtui") / "demo" / "run.zip") as path:
        yield path


def test_the_recording_is_small_and_fills_the_screens(recorded):
    assert recorded.stat().st_size <= MAX_BYTES
    with zipfile.ZipFile(recorded) as archive:
        names = archive.namelist()
    counts = {kind: sum(name.startswith(f"probes/{kind}-") for name in names) for kind in ("saturation", "window")}
    assert counts["saturation"] >= 30
    assert counts["window"] == 4


def test_everything_comes_in_its_order_and_the_run_ends(recorded, tmp_path):
    replay = Replay(recorded, tmp_path)
    thread = threading.Thread(target=replay.play, args=(1.5, threading.Event()))
    thread.start()
    reader, seen = RunReader(replay.run), []
    while thread.is_alive():
        snapshot = reader.refresh()
        seen.append((snapshot.state, snapshot.step, len(snapshot.train)))
        time.sleep(0.05)
    thread.join()
    last = reader.refresh()
    with zipfile.ZipFile(recorded) as archive:
        status, metrics = json.loads(archive.read("status.json")), archive.read("metrics.jsonl").splitlines()
        windows = sorted(name for name in archive.namelist() if name.startswith("probes/window-"))
        newest = archive.read(windows[-1])
    assert (last.state, last.message, last.step) == ("finished", ENDED, status["step"])
    assert len(last.train) + len(last.valid) == len(metrics)
    assert (replay.run.probes / "window.npz").read_bytes() == newest
    assert read_window(replay.run) is not None
    assert len(read_saturation(replay.run)) >= 30
    assert not engine_alive(replay.run)
    under_way = [(step, points) for state, step, points in seen if state == "training"]
    assert under_way == sorted(under_way)
    assert any(0 < step < status["step"] for step, _ in under_way)


def test_a_request_is_refused_in_a_sentence(recorded):
    with playing(recorded, "demo", 30.0) as run:
        deadline = time.monotonic() + 10
        while not run.status.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        answer = wait_for_answer(run, send_request(run, "pause"))
        assert answer is not None
        assert (answer.ok, answer.message) == (False, REFUSAL)
    assert not run.path.exists()


def test_a_window_is_replaced_and_probes_stay(tmp_path):
    def array(step):
        return pack({"step": step})

    stored = tmp_path / "run.zip"
    with zipfile.ZipFile(stored, "w") as archive:
        for name in ("config.toml", "plan.json", "tokenizer.json", "samples.jsonl"):
            archive.writestr(name, "")
        archive.writestr("status.json", json.dumps({"step": 4, "seconds": 2.0, "pid": 1, "state": "finished"}))
        archive.writestr("metrics.jsonl", '{"split": "train", "step": 2, "loss": 1.0}\n')
        archive.writestr("events.jsonl", '{"event": "started", "at": 1, "pid": 1}\n{"event": "saved", "step": 4}\n')
        for step in (1, 4):
            archive.writestr(f"probes/window-{step:08d}.npz", array(step))
            archive.writestr(f"probes/gradient-{step:08d}.npz", array(step))
    folder = tmp_path / "run"
    folder.mkdir()
    Replay(stored, folder).play(0.01, threading.Event())
    assert sorted(path.name for path in (folder / "probes").iterdir()) == [
        "gradient-00000001.npz", "gradient-00000004.npz", "window.npz",
    ]  # fmt: skip
    assert (folder / "probes" / "window.npz").read_bytes() == array(4)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["started", "saved"]
    assert all(event["at"] > 1e9 and "pid" not in event for event in events)


def test_the_demo_is_the_recording_of_the_package():
    with demo(30.0) as run:
        assert run.name == "demo"
        assert run.config.exists()
    assert not run.path.exists()
