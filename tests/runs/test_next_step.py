from pathlib import Path

import pytest
from support import tiny
from support.prepared_run import make_run

from lstmtui.errors import UsageError
from lstmtui.runs import requests
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.next_step import next_step, resume_command, round_to_two_digits
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("finished", "'lstmtui resume x --steps 400' trains it further"),
        ("stopped", "'lstmtui resume x' continues it"),
        ("failed", "'lstmtui resume x' continues it"),
        ("training", "'lstmtui resume x' continues it"),  # it died
        ("diverged", "'lstmtui fork x lr=...' makes a run that goes on with another learning rate"),
        (None, "'lstmtui resume x' starts it"),
    ],
)
def test_the_next_step_follows_from_the_state(tmp_path, state, words):
    run = make_run(tmp_path, "x", state=state, step=400, steps=400)
    assert next_step(RunReader(run).refresh(), "x") == words
    with pytest.raises(UsageError) as caught:
        requests.send_request(run, "pause")
    assert words in str(caught.value)


def test_a_run_with_a_length_in_minutes_is_offered_minutes():
    snapshot = RunSnapshot(run=RunFolder(Path("x")), state="finished", settings=tiny.run_settings(minutes=2.5))
    assert resume_command(snapshot, "x") == "lstmtui resume x --minutes 2"


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (0.2, 1), (9.4, 9), (123, 120), (98_765, 99_000)])
def test_example_values_have_two_significant_digits(value, expected):
    assert round_to_two_digits(value) == expected
