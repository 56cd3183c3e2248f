"""The reader over what the writer writes, whole and damaged."""

from __future__ import annotations

import shutil

import pytest
from support import fake_engine, tiny
from support.bare_run import train_point

from lstmtui import config
from lstmtui.common.files import append_json_line, to_json
from lstmtui.runs import reader
from lstmtui.runs.lock import EngineLock
from lstmtui.runs.reader import RunReader
from lstmtui.runs.writer import RunWriter


@pytest.fixture
def run(run):
    run.config.write_text(config.dump(tiny.run_settings(hidden=8)))
    return run


def test_a_run_is_followed_from_new_to_its_end(run):
    follower = RunReader(run)
    assert follower.refresh().state == "new"
    lock = EngineLock(run)
    assert follower.refresh().state == "starting"
    writer = RunWriter(run)
    fake_engine.write_steps(writer)
    seen = follower.refresh()
    assert seen.state == "training"
    assert [p.step for p in seen.train] == [1, 2, 3, 4]
    assert seen.best is not None
    assert seen.best.value == 1.5
    assert (seen.step, seen.steps, seen.seconds_left) == (4, 10, 3.0)
    assert seen.samples[-1].text == "a sample \x07of text"
    assert seen.events[-1]["event"] == "saved"
    assert not seen.ended
    writer.status(state="finished")
    writer.close()
    lock.release()
    assert follower.refresh().ended


def test_a_dead_engine_is_called_crashed(run, writer):
    writer.status(state="training", step=7)
    seen = RunReader(run).refresh()
    assert seen.state == "crashed"
    assert "step 7" in seen.message


def test_a_failed_run_shows_its_message(run, writer):
    writer.status(state="failed", message="No.", exit_code=2)
    seen = RunReader(run).refresh()
    assert (seen.state, seen.message, seen.exit_code) == ("failed", "No.", 2)


def test_a_damaged_status_and_damaged_lines_are_reported_or_ignored(run, writer):
    run.status.write_bytes(b"{torn")
    writer.close()
    run.status.write_bytes(b"{torn")
    for record in ({"split": "train"}, {"split": "valid", "step": "x"}, {"no": "split"}, train_point(3)):
        append_json_line(run.metrics, record)
    append_json_line(run.samples, {"step": 1})
    seen = RunReader(run).refresh()
    assert [p.step for p in seen.train] == [3]
    assert seen.samples == ()
    run.config.write_text("format = 1\nhidden = 0\n")
    seen = RunReader(run).refresh()
    assert (seen.state, seen.exit_code) == ("failed", 3)


def test_a_vanished_folder_is_reported(run):
    follower = RunReader(run)
    follower.refresh()
    shutil.rmtree(run.path)
    seen = follower.refresh()
    assert seen.state == "failed"
    assert "gone" in seen.message


def test_truncated_metrics_are_read_again(run, writer):
    for step in range(10):
        append_json_line(run.metrics, train_point(step))
    follower = RunReader(run)
    assert len(follower.refresh().train) == 10
    size = run.metrics.read_bytes().find(b"\n") + 1
    writer.truncate_to({"metrics.jsonl": size})
    append_json_line(run.metrics, train_point(99))
    assert [p.step for p in follower.refresh().train] == [0, 99]


def test_a_long_run_is_thinned_but_keeps_its_ends(run):
    with open(run.metrics, "wb") as file:
        for step in range(1000):
            file.write((to_json(train_point(step)) + "\n").encode())
    seen = RunReader(run, max_points=100).refresh()
    assert len(seen.train) <= 100
    assert (seen.train[0].step, seen.train[-1].step) == (0, 999)
    assert [p.step for p in seen.train] == sorted(p.step for p in seen.train)


def test_very_many_lines_are_skimmed(run, monkeypatch):
    """The best evaluations, the last lines, and about max_points others; then line by line again."""
    monkeypatch.setattr(reader, "MIN_BYTES_TO_SKIM", 20_000)
    monkeypatch.setattr(reader, "_BLOCK", 50_000)
    run.config.write_text(config.dump(tiny.run_settings()))
    with open(run.metrics, "wb") as file:
        for step in range(3000):
            if step % 3 == 0:
                nll = 0.5 if step == 1107 else 2.0
                valid = {"split": "valid", "step": step, "seconds": 1, "nll": nll, "perplexity": 3.0, "best": nll < 1}
                file.write((to_json(valid) + "\n").encode())
            else:
                file.write((to_json(train_point(step)) + "\n").encode())
        file.write(b'{"split": "train", "step": 30')
    follower = RunReader(run, max_points=200)
    seen = follower.refresh()
    assert 80 <= len(seen.valid) <= 201
    assert seen.valid[-1].step == 2997
    assert seen.best is not None
    assert seen.best.step == 1107
    assert 80 <= len(seen.train) <= 200
    assert seen.train[-1].step == 2999
    assert [p.step for p in seen.train] == sorted({p.step for p in seen.train})
    with open(run.metrics, "ab") as file:
        file.write(b"00}\n" + (to_json(train_point(3001)) + "\n").encode())
    assert follower.refresh().train[-1].step == 3001


def test_thinning_keeps_the_best_evaluation(run):
    run.config.write_text(config.dump(tiny.run_settings()))
    for step in range(60):
        nll = 0.5 if step == 31 else 2.0
        append_json_line(
            run.metrics, {"split": "valid", "step": step, "seconds": 1, "nll": nll, "perplexity": 3, "best": True}
        )
    seen = RunReader(run, max_points=10).refresh()
    assert len(seen.valid) <= 11
    assert seen.best is not None
    assert seen.best.step == 31


def test_reading_goes_on_after_a_block_without_a_line_end(run, monkeypatch):
    monkeypatch.setattr(reader, "MIN_BYTES_TO_SKIM", 20_000)
    monkeypatch.setattr(reader, "_BLOCK", 50_000)
    run.metrics.write_bytes(b"\0" * 170_000 + b"\n")
    append_json_line(run.metrics, train_point(7))
    follower = RunReader(run)
    follower.refresh()
    append_json_line(run.metrics, train_point(8))
    assert [p.step for p in follower.refresh().train] == [7, 8]


def test_an_unreadable_status_is_reported_and_the_last_one_stays(run, writer):
    writer.status(state="training", step=5)
    follower = RunReader(run)
    lock = EngineLock(run)
    assert follower.refresh().step == 5
    writer.close()
    run.status.write_text("[" * 100_000)
    assert (follower.refresh().step, follower.snapshot.state) == (5, "training")
    lock.release()
    fresh = RunReader(run).refresh()
    assert fresh.state == "failed"
    assert "is damaged" in fresh.message
