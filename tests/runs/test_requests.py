from __future__ import annotations

import threading
import time

import pytest

from lstmtui import config
from lstmtui.common.files import append_json_line, read_json_lines
from lstmtui.errors import UsageError
from lstmtui.runs import requests
from lstmtui.runs.lock import EngineLock


@pytest.fixture
def lock(run):
    lock = EngineLock(run)
    yield lock
    lock.release()


@pytest.mark.parametrize("op", ["pause", "continue", "save", "stop", "sample"])
def test_a_request_is_one_line_with_an_id(run, lock, op):
    identity = requests.send_request(run, op)
    (record,) = read_json_lines(run.requests)[0]
    assert (record["id"], record["op"]) == (identity, op)


def test_a_run_without_an_engine_refuses_requests(run):
    with pytest.raises(UsageError, match="'lstmtui resume diary'"):
        requests.send_request(run, "pause")
    assert not run.requests.exists()


@pytest.mark.parametrize("key", config.LIVE)
def test_live_settings_can_be_set(run, lock, key):
    value = "1" if config.base_type(key)[0] is int else "0.5"
    requests.send_request(run, "set", key=key, value=value)
    assert str(read_json_lines(run.requests)[0][0]["value"]) == value


def test_other_settings_cannot_be_set(run, lock):
    with pytest.raises(UsageError, match="cannot be changed"):
        requests.send_request(run, "set", key="hidden", value="3")
    with pytest.raises(UsageError, match="finite"):
        requests.send_request(run, "set", key="lr", value="nan")
    assert not run.requests.exists()


def test_an_answer_is_found_among_other_events(run, lock):
    identity = requests.send_request(run, "pause")

    def engine():
        time.sleep(0.1)
        append_json_line(run.events, {"event": "answered", "request": "another", "ok": False})
        append_json_line(run.events, {"event": "saved"})
        append_json_line(run.events, {"event": "answered", "request": identity, "ok": True, "message": "Paused."})

    thread = threading.Thread(target=engine)
    thread.start()
    answer = requests.wait_for_answer(run, identity)
    thread.join()
    assert answer == requests.Answer(ok=True, message="Paused.")


def test_the_last_answer_of_an_ending_engine_is_found(run):
    append_json_line(run.events, {"event": "answered", "request": "abc", "ok": True, "message": "Bye."})
    assert requests.wait_for_answer(run, "abc") == requests.Answer(ok=True, message="Bye.")


def test_a_missing_answer_is_none_after_the_timeout(run, lock):
    assert requests.wait_for_answer(run, "abc", timeout=0.05) is None


def test_waiting_ends_when_the_engine_is_dead(run):
    began = time.monotonic()
    assert requests.wait_for_answer(run, "abc", timeout=30) is None
    assert time.monotonic() - began < 5
