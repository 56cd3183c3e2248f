"""A model that stays loaded between commands."""

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from support import tiny

from lstmtui.client import daemon
from lstmtui.engine import answering
from lstmtui.engine.services import daemon as engine
from lstmtui.errors import UsageError


@pytest.fixture
def own_folder(monkeypatch):
    # Short, since the address of a socket holds about 100 bytes.
    with tempfile.TemporaryDirectory(prefix="lstmtui-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_the_socket_lies_where_only_this_user_comes(own_folder):
    run = tiny.create(own_folder)
    place = daemon.socket_path(run)
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert len(str(place.name)) < 40
    place.parent.chmod(0o755)
    assert daemon.socket_path(run) is None  # anyone might listen there
    assert daemon.ask(run, {"op": "complete", "text": "a"}) is None


def test_where_the_path_would_be_too_long_for_a_socket_another_folder_serves(own_folder, tmp_path, monkeypatch):
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    place = daemon.socket_path(tiny.create(own_folder))
    assert place.is_relative_to(own_folder)


def test_answers_until_the_run_is_gone(own_folder):
    run = tiny.create(own_folder)
    assert tiny.train(run) == 0
    place = daemon.socket_path(run)
    assert daemon.ask(run, {"op": "complete", "text": "the "}) is None
    program = "import sys, lstmtui.engine.services.daemon as s; s.CHECK_SECONDS = 0.2; from pathlib import Path; "
    program += "from lstmtui.runs.folder import RunFolder; s.listen(RunFolder(Path(sys.argv[1])), Path(sys.argv[2]))"
    process = subprocess.Popen([sys.executable, "-c", program, str(run.path), str(place)], env=dict(os.environ))
    try:
        deadline = time.monotonic() + 60
        while (answer := daemon.ask(run, {"op": "complete", "text": "the ", "k": 2})) is None:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        assert 0 < len(answer["candidates"]) <= 2
        with pytest.raises(UsageError, match="k from 1"):
            daemon.ask(run, {"op": "complete", "text": "the ", "k": 0})
        assert daemon.ask(run, {"op": "complete", "text": "the ", "k": 2})["candidates"] == answer["candidates"]
        run.config.unlink()
        assert process.wait(20) == 0
        assert not place.exists()
    finally:
        process.kill()
        process.wait()


# --- many clients -----------------------------------------------------------------------------------------------------


@pytest.fixture
def served(own_folder):
    """Answer at a socket, in a thread, with the request itself; return the path."""
    place, leaving = own_folder / "socket", threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen(engine.MAX_QUEUE)
        clients = engine.Clients(
            listener, lambda line: answering.answer_request(lambda request: iter([{"echo": request}]), line)
        )

        def serve():
            while not leaving.is_set():
                clients.serve(0.05)

        thread = threading.Thread(target=serve)
        thread.start()
        yield place
        leaving.set()
        thread.join()
        clients.close()


def connected(place):
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(20)
    daemon._connect(line, place)
    return line


def ask(line, request=b'{"text": "a"}\n'):
    if request:
        line.sendall(request)
    with line, line.makefile("rb") as answers:
        return json.loads(answers.readline())


def test_slow_clients_delay_no_others(served, monkeypatch):
    monkeypatch.setattr(engine, "CLIENT_SECONDS", 1.0)
    silent, dribbling, deaf = (connected(served) for _ in range(3))
    deaf.sendall(b'{"text": "' + b"a" * 8_000_000 + b'"}\n')
    start = time.monotonic()
    for letter in b'{"text": "and so on and on and on':
        with contextlib.suppress(OSError):
            dribbling.send(bytes((letter,)))
        assert ask(connected(served)) == {"echo": {"text": "a"}}
        time.sleep(0.05)
    assert time.monotonic() - start < 10
    for line in (silent, dribbling):
        with line, contextlib.suppress(ConnectionResetError):
            assert line.recv(1) == b""  # timed out
    with deaf, contextlib.suppress(ConnectionResetError):
        assert sum(len(data) for data in iter(lambda: deaf.recv(1 << 20), b"")) < 8_000_000


def test_a_thousand_clients_at_once_are_all_answered(served):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        lines = [connected(served) for _ in range(1000)]
        for number, line in enumerate(lines):
            line.sendall(b'{"text": "%d"}\n' % number)
        assert [ask(line, b"") for line in lines] == [{"echo": {"text": str(n)}} for n in range(1000)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_overlong_and_unterminated_requests_are_answered(served, monkeypatch):
    monkeypatch.setattr(engine, "MAX_REQUEST_BYTES", 1 << 16)
    monkeypatch.setattr(answering, "MAX_REQUEST_BYTES", 1 << 16)
    assert "this one has more" in ask(connected(served), b"[" * (1 << 17))["error"]
    line = connected(served)
    line.sendall(b"{}")
    line.shutdown(socket.SHUT_WR)
    assert ask(line, b"") == {"echo": {}}
    line = connected(served)
    line.shutdown(socket.SHUT_WR)
    assert line.recv(1) == b""
    line.close()


def test_it_completions_onlys():
    answers = engine._completions_only(None)
    with pytest.raises(UsageError, match="only completes"):
        answers({"op": "evaluate", "files": ["a"]})


# --- one process a run ------------------------------------------------------------------------------------------------


def test_only_one_process_is_started_and_the_others_wait_for_it(own_folder, monkeypatch):
    run = tiny.create(own_folder)
    started = []
    start = subprocess.Popen

    def fake(command, **options):
        started.append(start([sys.executable, "-c", "import time; time.sleep(1.5)"], **options))

    monkeypatch.setattr(subprocess, "Popen", fake)
    for _ in range(10):
        daemon.start(run)
    assert len(started) == 1
    answers = iter([None, None, {"candidates": []}])
    with monkeypatch.context() as patched:
        patched.setattr(daemon, "ask", lambda run, question: next(answers))
        assert daemon.ask_when_ready(run, {}) == {"candidates": []}
    assert daemon.ask_when_ready(run, {}) is None  # it has ended
    assert started[0].wait() == 0
    daemon.start(run)
    assert len(started) == 2
    started[1].kill()
    started[1].wait()
