"""The engine as a process: killed, signalled, locked, and started with bad input."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support import tiny

from lstmtui.runs import requests
from lstmtui.runs.folder import FILES, FOLDERS, RunFolder
from lstmtui.runs.lock import EngineLock, engine_alive
from lstmtui.runs.reader import RunReader

LONG = {"steps": 400, "eval_every": 50, "save_every": 0.02, "sample_length": 5, "log_every": 20}


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_engine_killed_at_random_moments_reaches_the_same_weights(tmp_path):
    # Kernels are compiled before: twenty starts that compile would take minutes.
    assert tiny.train(tiny.create(tmp_path, "first", **{**LONG, "steps": 1})) == 0
    undisturbed = tiny.create(tmp_path, "undisturbed", **LONG)
    start = time.monotonic()
    assert tiny.train(undisturbed) == 0
    whole = time.monotonic() - start
    run = tiny.create(tmp_path, "killed", **LONG)
    moments = random.Random(11)
    for _ in range(20):
        process = tiny.engine(run)
        # A few kills strike at the start, most of them in training and saving.
        time.sleep(moments.uniform(0.3, 1.0) * whole)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert tiny.train(run) == 0
    assert tiny.last_weights(run) == tiny.last_weights(undisturbed)
    steps = [m["step"] for m in tiny.lines(run.metrics) if m["split"] == "train"]
    assert steps == list(range(20, 401, 20))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_saves_and_stops(tmp_path, number, code):
    run = tiny.create(tmp_path, steps=1_000_000, eval_every=100_000)
    process = tiny.engine(run)
    reader = RunReader(run)
    wait_for(lambda: reader.refresh().step > 3)
    process.send_signal(number)
    assert process.wait(timeout=60) == code
    snapshot = reader.refresh()
    assert (snapshot.state, snapshot.exit_code) == ("stopped", code)
    assert tiny.events(run, "saved")[-1]["step"] == snapshot.step


def test_a_dead_engine_shows_as_crashed(tmp_path):
    run = tiny.create(tmp_path, steps=1_000_000, eval_every=100_000)
    process = tiny.engine(run)
    reader = RunReader(run)
    wait_for(lambda: reader.refresh().step > 3)
    assert engine_alive(run)
    process.kill()
    process.wait()
    assert reader.refresh().state == "crashed"
    assert "died at step" in reader.snapshot.message


def test_a_second_engine_fails(tmp_path):
    run = tiny.create(tmp_path)
    lock = EngineLock(run)
    process = tiny.engine(run, stderr=subprocess.PIPE)
    _, output = process.communicate(timeout=60)
    lock.release()
    assert process.returncode == 5
    assert b"another engine" in output
    assert b"Traceback" not in output
    assert not run.status.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"aaaaaaaaaaaaaaaaaaaaaaaa" * 20, "nothing to learn"),
        (b"abcdefgh" * 2, "lower the batch"),
        (b"text and more text" * 50 + b"\xff\xfe", "--tokens bytes"),
    ],
    ids=["one character", "short", "not UTF-8"],
)
def test_a_corpus_that_cannot_be_trained_on_fails_in_one_sentence(tmp_path, content, words):
    run = tiny.create(tmp_path)
    (tmp_path / "text.txt").write_bytes(content)
    assert tiny.train(run) == 2
    snapshot = RunReader(run).refresh()
    assert snapshot.state == "failed"
    assert words in snapshot.message
    assert "\n" not in snapshot.message


def test_a_damaged_folder_fails_in_one_sentence(tmp_path):
    run = tiny.create(tmp_path)
    run.config.write_text("format = 1\nhiden = 3\n")
    assert tiny.train(run) == 3
    assert "did you mean 'hidden'?" in json.loads(run.status.read_text())["message"]


def test_a_missing_folder_fails_in_one_sentence(tmp_path):
    output = subprocess.run(
        [sys.executable, "-m", "lstmtui.engine", str(tmp_path / "nowhere")], capture_output=True, text=True, check=False
    )
    assert output.returncode == 1
    assert len(output.stderr.splitlines()) == 1


def test_links_in_a_received_run_are_never_written_through(tmp_path):
    run, mine = tiny.create(tmp_path), tmp_path / "mine"
    mine.write_text("untouched")
    run.samples.symlink_to(mine)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lstmtui.engine", str(run.path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "samples.jsonl cannot be used (it is a link, where a file belongs)" in done.stderr
    assert mine.read_text() == "untouched"
    assert sorted(path.name for path in run.path.iterdir()) == ["config.toml", "samples.jsonl"]


def test_a_run_whose_folder_is_moved_is_saved_there_and_ends(tmp_path):
    run = tiny.create(tmp_path, steps=1_000_000, eval_every=100_000, save_every=1000)
    process = tiny.engine(run, stderr=subprocess.PIPE)
    reader = RunReader(run)
    wait_for(lambda: reader.refresh().step > 3)
    moved = RunFolder(run.path.rename(tmp_path / "moved"))
    other = tiny.create(tmp_path)  # takes its path
    _, output = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"was moved to" in output
    assert len(output.splitlines()) == 1
    snapshot = RunReader(moved).refresh()
    assert "lstmtui resume" in snapshot.message
    assert tiny.events(moved, "saved")[-1]["step"] == snapshot.step > 3
    assert [path.name for path in other.path.iterdir()] == ["config.toml"]


def test_a_run_whose_folder_is_removed_ends_with_a_message(tmp_path):
    run = tiny.create(tmp_path, steps=1_000_000, eval_every=100_000, save_every=1000)
    process = tiny.engine(run, stderr=subprocess.PIPE)
    reader = RunReader(run)
    wait_for(lambda: reader.refresh().step > 3)
    while run.path.exists():  # the engine writes at the same time
        shutil.rmtree(run.path, ignore_errors=True)
    _, output = process.communicate(timeout=60)
    assert process.returncode == 6
    assert b"was removed while the run trained" in output
    assert not run.path.exists()


def test_replaced_files_never_end_a_live_run(tmp_path):
    run = tiny.create(tmp_path, steps=1_000_000, eval_every=200, save_every=0.05, log_every=5, patience=0)
    process = tiny.engine(run)
    reader = RunReader(run)
    wait_for(lambda: reader.refresh().step > 3)
    moments = random.Random(5)
    for _ in range(40):
        path = run.path / moments.choice([*FILES, *FOLDERS])
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)
        replace = moments.choice(("folder", "FIFO", "link", "empty", "other", "gone"))
        try:
            if replace == "folder":
                path.mkdir()
            elif replace == "FIFO":
                os.mkfifo(path)
            elif replace == "link":
                path.symlink_to(tmp_path / "text.txt")
            elif replace != "gone":
                path.write_bytes(b"" if replace == "empty" else b'[[{"op": "stop", "\xff": ' * 99)
        except FileExistsError:
            pass  # the engine was faster
        time.sleep(0.03)
        assert process.poll() is None
        reader.refresh()
        RunReader(run).refresh()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) in (143, 6)  # 6 where a file has replaced the folder of checkpoints
    assert (tmp_path / "text.txt").read_text() == tiny.text()


def test_a_burst_of_requests_is_answered_quickly_and_saved_once(tmp_path):
    run = tiny.create(tmp_path, steps=1_000_000, eval_every=100_000, save_every=1000)
    process = tiny.engine(run)
    reader = RunReader(run)
    wait_for(lambda: reader.refresh().step > 3)
    saved = len(tiny.events(run, "saved"))
    start = time.monotonic()
    sent = {requests.send_request(run, "set", key="lr", value=0.01 + k / 1e6) for k in range(300)}
    wait_for(lambda: sent <= {event["request"] for event in tiny.events(run, "answered")})
    assert time.monotonic() - start < 10
    assert len(tiny.events(run, "saved")) - saved < 100
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143


def test_a_signal_interrupts_a_long_sample(tmp_path):
    run = tiny.create(tmp_path, steps=1_000_000, eval_every=100_000)
    process = tiny.engine(run)
    reader = RunReader(run)
    wait_for(lambda: reader.refresh().step > 3)
    requests.send_request(run, "set", key="sample_length", value=1_000_000)
    requests.send_request(run, "sample")
    wait_for(lambda: tiny.events(run, "set"))
    time.sleep(0.3)
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    assert time.monotonic() - start < 2


def test_a_signal_interrupts_the_initialisation_of_4096_units(tmp_path):
    run = tiny.create(tmp_path, hidden=4096, layers=1, batch=2, bptt=2, ema=0.0)
    process = tiny.engine(run)
    reader = RunReader(run)
    wait_for(lambda: tiny.events(run, "planned") or process.poll() is not None, 120)
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    assert time.monotonic() - start < 5
    assert reader.refresh().state == "stopped"


def test_a_signal_interrupts_byte_pair_encoding_of_very_long_words(tmp_path):
    letters = random.Random(1)
    words = ("".join(letters.choices("abcdefghij", k=100_000)) for _ in range(20))
    (tmp_path / "text.txt").write_text(" ".join(words))
    run = tiny.create(tmp_path, tokens="bpe", vocabulary=2000)
    process = tiny.engine(run)
    reader = RunReader(run)
    wait_for(lambda: reader.refresh().status.get("preparing") or process.poll() is not None)
    time.sleep(0.5)  # counting pairs takes half a minute
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        ("MemoryError()", 1, "There is not enough memory"),
        ("OSError(28, 'No space left on device', '/x')", 6, "/x cannot be written (No space left on device)"),
        ("type('PanicException', (BaseException,), {})('index out of bounds')", 1, "failed unexpectedly (Panic"),
    ],
    ids=["memory", "full disk", "panic"],
)
def test_an_error_at_the_end_of_a_run_is_reported_and_everything_is_saved(tmp_path, raised, code, words):
    run = tiny.create(tmp_path, steps=5)
    program = (
        "import sys; from lstmtui.engine import __main__; from lstmtui.engine.training import trainer\n"
        f"def finish(self):\n    raise {raised}\n"
        "trainer.Trainer.finish = finish; sys.exit(__main__.main([sys.argv[1]]))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program, str(run.path)], capture_output=True, check=False)
    assert done.returncode == code
    snapshot = RunReader(run).refresh()
    assert (snapshot.state, snapshot.exit_code) == ("failed", code)
    assert words in snapshot.message
    assert tiny.events(run, "saved")[-1]["step"] == 5
