"""The bar, in a terminal of the test's own."""

from __future__ import annotations

import dataclasses
import os
import pty
import re
import signal
import time
from typing import BinaryIO

import pytest
from support.prepared_run import make_run
from support.speech_figures import as_captions, as_speech

from lstmtui.cli.progress import Progress
from lstmtui.cli.training_progress import TrainingProgress, valid_figures
from lstmtui.common.paths import runs_root
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import ValidPoint


@pytest.fixture
def terminal(start_process, text_file, monkeypatch):
    """Start `train` over a waiting engine with stderr in a terminal; give the process and the terminal's other end."""
    monkeypatch.setenv("FAKE_ENGINE", "wait")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    ours, theirs = pty.openpty()
    command = start_process("train", str(text_file), "--hidden", "8", "--steps", "10", "--name", "x", stderr=theirs)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as screen:
        yield command, screen


def read_until(screen: BinaryIO, words: str) -> str:
    seen, deadline = "", time.monotonic() + 20
    while words not in seen:
        assert time.monotonic() < deadline, seen
        try:
            seen += screen.read(65536).decode(errors="replace")
        except OSError:  # the other end is closed
            break
    assert words in seen, seen
    return seen


def test_the_bar_shows_where_the_run_is(terminal):
    command, screen = terminal
    seen = read_until(screen, "loss 2.600")
    command.send_signal(signal.SIGINT)
    seen += read_until(screen, "Stopped and saved at step 4")
    assert command.wait(20) == 130
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    lines = [line.strip() for line in re.split(r"[\r\n]", plain) if "loss 2.600" in line and "training" in line]
    assert max(map(len, lines)) <= 80
    # The first, since the time that is left becomes less where the signal takes its time to arrive.
    for words in ("training", "40%", "4/10", "loss 2.600", "2.0k tok/s", "3 s left"):
        assert words in lines[0], lines
    assert "step 4: validation 1.500 nats/token" in plain
    assert seen.count("\x1b[?25h") >= seen.count("\x1b[?25l")  # the cursor is back


def test_a_closed_terminal_does_not_stop_training(terminal):
    command, screen = terminal
    read_until(screen, "loss 2.600")
    screen.close()
    time.sleep(0.8)
    assert command.poll() is None
    command.send_signal(signal.SIGHUP)
    assert command.wait(20) == 129
    assert '"stop"' in RunFolder(runs_root() / "x").requests.read_text()


def test_an_evaluation_of_speech_is_told_by_its_error_rates():
    figures = {"nll": 0.125, "wer": 0.0312, "cer": 0.0119}
    point = ValidPoint(step=1, seconds=1.0, best=True, figures=figures)
    assert valid_figures(point) == "WER 3.1%, CER 1.2%, 0.125 nats/token"


def test_an_evaluation_of_captions_is_told_by_its_word_f1():
    figures = {"nll": 1.25, "perplexity": 3.5, "exact": 0.25, "f1": 0.5821, "concept_f1": 0.3, "cider": 3.0}
    point = ValidPoint(step=1, seconds=1.0, best=True, figures=figures)
    assert valid_figures(point) == "F1 58.2%, exact 25.0%, 1.250 nats/token"


@pytest.mark.parametrize(("purpose", "corpus"), [(as_speech, "recordings"), (as_captions, "pictures")])
def test_what_is_read_is_named(tmp_path, purpose, corpus):
    lines = []

    class Lines(Progress):
        def note(self, line):
            lines.append(line)

    seen = dataclasses.replace(RunReader(purpose(make_run(tmp_path, "x"))).refresh(), state="preparing")
    shown = TrainingProgress(Lines(), None)
    shown.update(seen)
    shown._since -= 1
    shown.update(seen)
    assert f"Reading the {corpus}." in lines


def test_a_sick_run_is_told_once(tmp_path):
    lines = []

    class Lines(Progress):
        def note(self, line):
            lines.append(line)

    seen = RunReader(make_run(tmp_path, "x", status={"vocabulary": 64})).refresh()
    train = tuple(dataclasses.replace(point, loss=30.0) for point in seen.train)
    seen = dataclasses.replace(seen, state="training", train=train, valid=())
    shown = TrainingProgress(Lines(), None)
    shown.update(seen)
    shown.update(seen)
    assert sum("It does not learn" in line for line in lines) == 1
