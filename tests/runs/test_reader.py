"""The reader over what the writer writes, whole and damaged."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from support import fake_engine

from lstmtui import config
from lstmtui.common.files import append_json_line
from lstmtui.runs import probes, reader
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import EngineLock
from lstmtui.runs.reader import RunReader
from lstmtui.runs.writer import RunWriter


@pytest.fixture
def run(tmp_path):
    run = RunFolder(tmp_path / "diary")
    run.path.mkdir()
    run.config.write_text(config.dump(config.Settings(hidden=8)))
    return run


@pytest.fixture
def writer(run):
    writer = RunWriter(run, interval=0.01)
    yield writer
    writer.close()


def point(step):
    return {
        "split": "train", "step": step, "tokens": step, "seconds": 1.0, "loss": 2.0, "lr": 0.1, "grad_norm": 1.0,
        "clipped": 0.0, "tokens_per_second": 5.0, "memory_mb": 1.0,
    }  # fmt: skip


def test_a_run_from_new_to_its_end(run):
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
    assert seen.best.nll == 1.5
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


def test_what_is_damaged_is_told_or_passed_over(run, writer):
    run.status.write_bytes(b"{torn")
    writer.close()
    run.status.write_bytes(b"{torn")
    for record in ({"split": "train"}, {"split": "valid", "step": "x"}, {"no": "split"}, point(3)):
        append_json_line(run.metrics, record)
    append_json_line(run.samples, {"step": 1})
    seen = RunReader(run).refresh()
    assert [p.step for p in seen.train] == [3]
    assert seen.samples == ()
    run.config.write_text("format = 1\nhidden = 0\n")
    seen = RunReader(run).refresh()
    assert (seen.state, seen.exit_code) == ("failed", 3)


def test_a_loss_that_is_no_number_is_still_a_point(run):
    append_json_line(run.metrics, point(1) | {"loss": float("nan")})
    (seen,) = RunReader(run).refresh().train
    assert seen.loss != seen.loss


def test_a_vanished_folder_is_told(run):
    follower = RunReader(run)
    follower.refresh()
    shutil.rmtree(run.path)
    seen = follower.refresh()
    assert seen.state == "failed"
    assert "gone" in seen.message


def test_metrics_that_were_cut_back_are_read_anew(run, writer):
    for step in range(10):
        append_json_line(run.metrics, point(step))
    follower = RunReader(run)
    assert len(follower.refresh().train) == 10
    size = run.metrics.read_bytes().find(b"\n") + 1
    writer.truncate_to({"metrics.jsonl": size})
    append_json_line(run.metrics, point(99))
    assert [p.step for p in follower.refresh().train] == [0, 99]


def test_a_long_run_is_thinned_but_keeps_its_ends(run):
    with open(run.metrics, "wb") as file:
        for step in range(1000):
            file.write((fake_json(point(step)) + "\n").encode())
    seen = RunReader(run, keep=100).refresh()
    assert len(seen.train) <= 100
    assert (seen.train[0].step, seen.train[-1].step) == (0, 999)
    assert [p.step for p in seen.train] == sorted(p.step for p in seen.train)


def fake_json(record):
    from lstmtui.common.files import to_json

    return to_json(record)


def test_probes(run, writer):
    assert probes.read_saturation(run) == []
    assert probes.read_window(run) is None
    left = np.random.default_rng(0).random((2, 4, 8), dtype=np.float32)
    for step in (1, 2, 3):
        writer.saturation(step, ("i", "f", "g", "o"), left * step / 3, left)
    writer.window(3, ("i", "f", "g", "o"), left[:, :, None].astype(np.float16), np.arange(1, dtype=np.int32))
    (run.probes / "saturation-00000002.npz").write_bytes(b"damaged")
    found = probes.read_saturation(run)
    assert [probe.step for probe in found] == [1, 3]
    assert found[-1].gates == ("i", "f", "g", "o")
    np.testing.assert_array_equal(found[-1].right, left)
    window = probes.read_window(run)
    assert window is not None
    assert window["values"].shape == (2, 4, 1, 8)


def test_old_probes_go(run, writer, monkeypatch):
    monkeypatch.setattr("lstmtui.runs.writer.MAX_PROBES", 2)
    for step in range(5):
        writer.saturation(step, ("h",), np.zeros((1, 1, 1)), np.zeros((1, 1, 1)))
    assert [probe.step for probe in probes.read_saturation(run)] == [3, 4]


def test_damaged_probes_are_passed_over(tmp_path):
    run = RunFolder(tmp_path)
    writer = RunWriter(run, interval=60)
    for step in (1, 2, 3):
        writer.saturation(step, ("i",), np.zeros((1, 1, 4), np.float32), np.ones((1, 1, 4), np.float32))
    writer.close()
    whole = (run.probes / "saturation-00000002.npz").read_bytes()
    for content in (b"", b"PK nonsense", whole[:-30], whole[:100] + b"\xff" * 40 + whole[140:]):
        (run.probes / "saturation-00000002.npz").write_bytes(content)
        assert {probe.step for probe in probes.read_saturation(run)} >= {1, 3}
    (run.probes / "window.npz").write_bytes(whole[:50])
    assert probes.read_window(run) is None


def test_figures_of_the_wrong_type_are_passed_over(tmp_path):
    run = RunFolder(tmp_path)
    run.config.write_text(config.dump(config.Settings()))
    run.status.write_text('{"state": "training", "step": "many", "steps": null, "exit_code": []}')
    append_json_line(
        run.metrics, {"split": "valid", "step": "x", "seconds": 1, "nll": 2, "perplexity": 3, "best": True}
    )
    append_json_line(run.metrics, {"split": "valid", "step": 5, "seconds": 1, "nll": 2, "perplexity": 3, "best": True})
    snapshot = RunReader(run).refresh()
    assert (snapshot.step, snapshot.steps, snapshot.exit_code) == (0, 0, 0)
    assert [point.step for point in snapshot.valid] == [5]


def test_very_many_lines_are_skimmed_at_once(run, monkeypatch):
    """The best evaluations, the last lines, and about as many others as are kept; then line by line again."""
    monkeypatch.setattr(reader, "MIN_BYTES_TO_SKIM", 20_000)
    monkeypatch.setattr(reader, "_BLOCK", 50_000)
    run.config.write_text(config.dump(config.Settings()))
    with open(run.metrics, "wb") as file:
        for step in range(3000):
            if step % 3 == 0:
                nll = 0.5 if step == 1107 else 2.0
                valid = {"split": "valid", "step": step, "seconds": 1, "nll": nll, "perplexity": 3.0, "best": nll < 1}
                file.write((fake_json(valid) + "\n").encode())
            else:
                file.write((fake_json(point(step)) + "\n").encode())
        file.write(b'{"split": "train", "step": 30')
    follower = RunReader(run, keep=200)
    seen = follower.refresh()
    assert 80 <= len(seen.valid) <= 201
    assert seen.valid[-1].step == 2997
    assert seen.best is not None
    assert seen.best.step == 1107
    assert 80 <= len(seen.train) <= 200
    assert seen.train[-1].step == 2999
    assert [p.step for p in seen.train] == sorted({p.step for p in seen.train})
    with open(run.metrics, "ab") as file:
        file.write(b"00}\n" + (fake_json(point(3001)) + "\n").encode())
    assert follower.refresh().train[-1].step == 3001


def test_thinning_keeps_the_best_evaluation(run):
    run.config.write_text(config.dump(config.Settings()))
    for step in range(60):
        nll = 0.5 if step == 31 else 2.0
        append_json_line(
            run.metrics, {"split": "valid", "step": step, "seconds": 1, "nll": nll, "perplexity": 3, "best": True}
        )
    seen = RunReader(run, keep=10).refresh()
    assert len(seen.valid) <= 11
    assert seen.best is not None
    assert seen.best.step == 31


def test_a_block_without_a_line_end_does_not_end_the_reading(run, monkeypatch):
    monkeypatch.setattr(reader, "MIN_BYTES_TO_SKIM", 20_000)
    monkeypatch.setattr(reader, "_BLOCK", 50_000)
    run.metrics.write_bytes(b"\0" * 170_000 + b"\n")
    append_json_line(run.metrics, point(7))
    follower = RunReader(run)
    follower.refresh()
    append_json_line(run.metrics, point(8))
    assert [p.step for p in follower.refresh().train] == [7, 8]


def test_a_status_that_cannot_be_read_is_told_and_what_was_seen_stays(run, writer):
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
