"""A model that stands by between commands."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import tiny

from lstmtui import standby
from lstmtui.errors import UsageError


@pytest.fixture
def own_folder(monkeypatch):
    # Short, since the address of a socket holds some 100 bytes.
    with tempfile.TemporaryDirectory(prefix="lstmtui-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_the_socket_lies_where_only_this_user_comes(own_folder):
    run = tiny.create(own_folder)
    place = standby.address(run)
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert len(str(place.name)) < 40
    place.parent.chmod(0o755)
    assert standby.address(run) is None  # anyone might listen there
    assert standby.ask(run, {"op": "complete", "text": "a"}) is None


def test_where_the_path_would_be_too_long_for_a_socket_another_folder_serves(own_folder, tmp_path, monkeypatch):
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    place = standby.address(tiny.create(own_folder))
    assert place.is_relative_to(own_folder)


def test_answers_until_the_run_is_gone(own_folder):
    run = tiny.create(own_folder)
    assert tiny.train(run) == 0
    place = standby.address(run)
    assert standby.ask(run, {"op": "complete", "text": "the "}) is None
    program = "import sys, lstmtui.engine.standby as s; s.LOOK = 0.2; from pathlib import Path; "
    program += "from lstmtui.runs.folder import RunFolder; s.listen(RunFolder(Path(sys.argv[1])), Path(sys.argv[2]))"
    process = subprocess.Popen([sys.executable, "-c", program, str(run.path), str(place)], env=dict(os.environ))
    try:
        deadline = time.monotonic() + 60
        while (answer := standby.ask(run, {"op": "complete", "text": "the ", "k": 2})) is None:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        assert 0 < len(answer["candidates"]) <= 2
        with pytest.raises(UsageError, match="k from 1"):
            standby.ask(run, {"op": "complete", "text": "the ", "k": 0})
        assert standby.ask(run, {"op": "complete", "text": "the ", "k": 2})["candidates"] == answer["candidates"]
        run.config.unlink()
        assert process.wait(20) == 0
        assert not place.exists()
    finally:
        process.kill()
        process.wait()
