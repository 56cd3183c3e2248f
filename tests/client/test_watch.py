"""The process that watches, as the command sees it."""

from __future__ import annotations

import pytest

from lstmtui.client import process
from lstmtui.client.watch import Watch
from lstmtui.errors import LockedError
from lstmtui.runs.folder import RunFolder

PROGRAM = """
import json, sys
def say(**answer): print(json.dumps(answer), flush=True)
if "locked" in sys.argv[1]:
    say(error="It is watched already.", exit_code=5)
    sys.exit(5)
say(ready=True, files=2, paused=False)
say(arguments=sys.argv[2:])
"""


@pytest.fixture(autouse=True)
def program(tmp_path, monkeypatch):
    script = tmp_path / "watch.py"
    script.write_text(PROGRAM)
    command = process.command

    def fake(module, *arguments):
        assert module == "lstmtui.engine.services.watch"
        return [command(module)[0], str(script), *arguments]

    monkeypatch.setattr(process, "command", fake)


def test_events_come_until_the_process_ends(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Watch(RunFolder(tmp_path / "diary"), [tmp_path / "a", tmp_path / "b"], share=0.5, encoding="cp1252") as watch:
        assert watch.about["files"] == 2
        (event,) = watch.events()
    assert event["arguments"] == ["0.5", "cp1252", str(tmp_path / "a"), str(tmp_path / "b")]


def test_what_the_process_reports_is_raised(tmp_path):
    with pytest.raises(LockedError, match="watched already"):
        Watch(RunFolder(tmp_path / "locked"), [tmp_path])
