"""Text that is piped in, and `-`."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support import fake_model

from lstmtui import config
from lstmtui.cli import piped
from lstmtui.common.paths import runs_root
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.listing import find_run, list_runs

TEXT = "the cat sat on the mat and looked at the moon\n" * 400


@pytest.fixture
def pipe(monkeypatch):
    """Put bytes into standard input: a pipe whose other end is closed."""

    def put(data: bytes, *, ends: bool = True):
        reading, writing = os.pipe()
        os.write(writing, data)
        if ends:
            os.close(writing)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(open(reading, "rb")))  # noqa: SIM115

    return put


def test_train_stores_standard_input_in_the_run(lstmtui, pipe):
    pipe(TEXT.encode())
    assert lstmtui("train", "-", "--steps", "10", "--name", "x").code == 0
    run = RunFolder(runs_root() / "x")
    assert run.text.read_text() == TEXT
    assert config.load(run.config).data.corpus == (str(run.text),)
    assert [path.name for path in runs_root().iterdir()] == ["x"]  # nothing else is left
    assert lstmtui("mv", "x", "y").code == 0
    assert config.load(find_run("y").config).data.corpus == (str(find_run("y").text),)
    assert lstmtui("rm", "y", "--yes").err == "Removed 'y'.\n"
    assert list(runs_root().iterdir()) == []


def test_train_reads_standard_input_without_a_file(lstmtui, pipe, text_file):
    pipe(TEXT.encode())
    assert lstmtui("train", "--steps", "10", "--name", "x").code == 0
    assert config.load(find_run("x").config).data.corpus == (str(find_run("x").text),)
    pipe(b"")  # as in a service: nothing is piped
    assert lstmtui("train", "--steps", "10", "--name", "y").code == 0
    assert config.load(find_run("y").config).data.corpus == ("default",)
    pipe(TEXT.encode())
    assert lstmtui("train", text_file, "--steps", "10", "--name", "z").code == 0
    assert config.load(find_run("z").config).data.corpus == (str(text_file),)


def test_an_idle_pipe_is_not_waited_for(lstmtui, pipe):
    pipe(b"", ends=False)
    assert lstmtui("train", "--steps", "10", "--name", "y").code == 0
    assert config.load(find_run("y").config).data.corpus == ("default",)


@pytest.mark.parametrize("data", [b"", b"x", b"\0\1\2" * 100])
def test_an_unusable_text_leaves_nothing_behind(lstmtui, pipe, data):
    pipe(data)
    said = lstmtui("train", "-", "--steps", "10", "--name", "x")
    if data != b"x":  # the engine would refuse that
        assert said.code == 2
        assert not list_runs()
        assert list(runs_root().iterdir()) == []
    assert said.err


def test_the_stored_text_is_private_and_named_standard_input(lstmtui, pipe):
    pipe(TEXT.encode())
    assert lstmtui("train", "-", "--steps", "10", "--name", "x").code == 0
    assert find_run("x").text.stat().st_mode & 0o777 == 0o600
    pipe(("un café noir\n" * 500).encode("latin-1"))
    said = lstmtui("train", "-", "--steps", "10", "--name", "y")
    assert said.code == 2
    assert "The file - is no valid UTF-8" in said.err
    assert "iconv" in said.err
    assert str(runs_root()) not in said.err


@pytest.mark.parametrize("arguments", [["-"], []])
def test_complete_and_sample_continue_standard_input(lstmtui, pipe, make_run, arguments):
    make_run("diary")
    pipe("Dear Zoë ".encode() + b"\n")
    assert lstmtui("complete", "diary", *arguments).code == 0
    pipe(b"Once upon\r\n")
    assert lstmtui("sample", "diary", *arguments, "-n", "1").out == "Once uponab\x1b\n"
    assert [question.get("text", question.get("prompt")) for question in fake_model.asked] == ["Dear Zoë ", "Once upon"]


def test_an_argument_precedes_standard_input(lstmtui, pipe, make_run):
    make_run("diary")
    pipe(b"not this")
    lstmtui("complete", "diary", "The ")
    lstmtui("sample", "diary", "A ", "-n", "1")
    lstmtui("sample", "diary", "--prompt", "B ", "-n", "1")
    assert [question.get("text", question.get("prompt")) for question in fake_model.asked] == ["The ", "A ", "B "]


@pytest.mark.parametrize("arguments", [["-"], []])
@pytest.mark.parametrize("command", ["evaluate", "adapt"])
def test_evaluate_and_adapt_read_standard_input(lstmtui, pipe, make_run, arguments, command, monkeypatch):
    make_run("diary")
    read = []
    ask = fake_model.FakeModel.ask

    def reading(self, op, **details):
        read.append(Path(details["files"][0]).read_text())
        return ask(self, op, **details)

    monkeypatch.setattr(fake_model.FakeModel, "ask", reading)
    pipe(b"unseen text")
    answer = json.loads(lstmtui(command, "diary", *arguments, "--json").out)
    assert answer.get("files", ["-"]) == ["-"]
    assert read == ["unseen text"]
    assert not Path(fake_model.asked[0]["files"][0]).exists()


def test_evaluate_without_a_text_is_one_sentence(lstmtui, make_run):
    make_run("diary")
    said = lstmtui("evaluate", "diary")
    assert (said.code, said.err) == (2, "lstmtui: No text is given: name a FILE, or pipe a text in.\n")


def test_standard_input_named_twice_raises(pipe):
    pipe(b"x")
    with pytest.raises(UsageError, match="once"), piped.files(["-", "-"]):
        pass


@pytest.mark.parametrize(("data", "words"), [(b"caf\xe9", "not UTF-8"), (b"x" * (piped.MAX_TEXT + 1), "exceeds")])
def test_an_unusable_beginning_is_one_sentence(lstmtui, pipe, make_run, data, words):
    make_run("diary")
    if len(data) > 9:
        raised = pytest.raises(UsageError, match=words)
        with raised, pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
            piped.text("-")
        return
    pipe(data)
    said = lstmtui("complete", "diary", "-")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert words in said.err


def test_a_socket_is_a_pipe_too(monkeypatch):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        monkeypatch.setattr("sys.stdin", theirs.makefile("r"))
        assert not piped.holds_text()
        ours.sendall("Dear Zoë\n".encode())
        ours.shutdown(socket.SHUT_WR)
        assert piped.holds_text()
        assert piped.text(None) == "Dear Zoë"


def test_a_closed_standard_input_is_no_pipe():
    code = "import sys\nfrom lstmtui.cli import piped\nprint(piped.is_piped(), piped.holds_text(), piped.text(None))"
    done = subprocess.run(["sh", "-c", f"{sys.executable} -c '{code}' <&-"], capture_output=True, text=True, check=True)
    assert done.stdout == "False False None\n"
