"""`serve`: what it refuses, and the command as a process over a tiny run."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lstmtui.common import paths


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_is_taken(lstmtui, make_run, taken):
    make_run("diary")
    said = lstmtui("serve", "diary", "--port", str(taken))
    assert said.code == 2
    assert f"Port {taken} of 127.0.0.1 is in use by another program" in said.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nope"], "nope"),
        (["diary", "--host", "no.such.host.invalid"], "There is no address"),
        (["diary", "--token", "short"], "A token has"),
        (["diary", "--port", "99999"], "65535"),
    ],
)
def test_what_cannot_be_served_is_refused(lstmtui, make_run, options, words):
    make_run("diary")
    said = lstmtui("serve", *options)
    assert said.code == 2
    assert words in said.err


def test_a_missing_extra_is_named(lstmtui, make_run, monkeypatch):
    make_run("diary")
    for name in [name for name in sys.modules if name.startswith("lstmtui.serving")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said = lstmtui("serve", "diary")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "pip install 'lstmtui[serve]'" in said.err


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from lstmtui.client import model
from support.fake_text_model import FakeTextModel
model.Model = FakeTextModel
from lstmtui.cli import main
sys.exit(main(sys.argv[2:]))
"""
"""The command, with a model that needs no training."""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_command_serves_until_a_signal(make_run, number, code):
    make_run("diary")
    token = "a-token-from-the-environment"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).parents[1]), "serve", "diary", "--port", "0"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "LSTMTUI_TOKEN": token},
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/v1", line)
        assert found is not None, line + process.stderr.read()
        assert token not in line
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
        body = json.dumps({"prompt": "the cat", "max_tokens": 2})
        connection.request("POST", "/v1/completions", body, {"Authorization": f"Bearer {token}"})
        assert json.loads(connection.getresponse().read())["choices"][0]["text"] == "the cat "
        process.send_signal(number)
        assert process.wait(20) == code
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_the_token_is_stored_in_the_users_state_folder():
    assert paths.token_file().name == "serve-token"
