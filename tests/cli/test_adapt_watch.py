"""`adapt --watch`, over events that are given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lstmtui.cli import adapt_watch
from lstmtui.client import watch
from lstmtui.runs import watching
from lstmtui.runs.watching import Watched, WatchLock


@pytest.fixture(autouse=True)
def run(make_run):
    return make_run("diary")


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture
def happens(monkeypatch):
    """Let given events happen while it watches; an exception is raised."""

    def install(*events, about=None):
        class Fake:
            def __init__(self, run, folders, *, share, encoding):
                self.about = about or {"files": 2, "paused": False}
                Fake.asked = (folders, share, encoding)

            def events(self):
                for event in events:
                    if isinstance(event, BaseException):
                        raise event
                    yield event

            __enter__ = lambda self: self  # noqa: E731
            __exit__ = lambda self, *error: None  # noqa: E731

        monkeypatch.setattr(watch, "Watch", Fake)
        return Fake

    return install


def test_what_it_does_is_said(lstmtui, happens, notes):
    at = str(notes)
    fake = happens(
        {"skipped": {f"{at}/pic.png": "is a PNG picture", f"{at}/x\x1b.bin": "is no text"}},
        {"learnt": [f"{at}/{n}.txt" for n in range(7)], "forgotten": [f"{at}/old.txt"], "words": 1200, "new": -12},
        {"paused": True},
        {"paused": False},
        {"away": at},
        {"back": at},
        {"put_aside": "/there"},
        KeyboardInterrupt(),
    )
    said = lstmtui("adapt", "diary", "--watch", notes, "--share", "0.25", "--encoding", "cp1252")
    assert said.code == 130
    assert said.out == ""
    assert said.err.splitlines() == [
        f"Watching {at} for 'diary', 2 files to be learnt. It takes at most 25% of one core; Ctrl-C ends it.",
        "Not learnt: pic.png (is a PNG picture), x␛.bin (is no text).",
        "Learnt 0.txt, 1.txt, 2.txt, 3.txt, 4.txt, and 2 more. Forgot old.txt. "
        "The profile of 'diary' has 1,200 words (-12).",
        "Paused.",
        "Continued.",
        f"{at} cannot be reached; nothing of it is forgotten.",
        f"{at} is back.",
        "The old profile is unreadable and was renamed to /there; the profile starts empty.",
        "The watch has ended; what was learnt stays ('lstmtui adapt diary --show').",
    ]
    assert fake.asked == ([notes], 0.25, "cp1252")


def test_a_watch_that_ends_by_itself_says_why(lstmtui, happens, notes):
    happens({"ended": "the profile has been removed"}, about={"files": 0, "paused": True})
    said = lstmtui("adapt", "diary", "--watch", notes)
    assert said.code == 0
    assert "nothing new so far" in said.err
    assert "It is paused; 'lstmtui adapt diary --resume' continues it." in said.err
    assert said.err.endswith("The watch ends: the profile has been removed.\n")
    happens({"paused": True})
    said = lstmtui("adapt", "diary", "--watch", notes, "--json")
    assert json.loads(said.out) == {"run": "diary", "paused": True}


def test_a_folder_that_cannot_be_watched_is_named(lstmtui, text_file, notes, monkeypatch):
    assert "There is no folder 'nope'" in lstmtui("adapt", "diary", "--watch", "nope").err
    said = lstmtui("adapt", "diary", "--watch", text_file)
    assert said.code == 2
    assert "is a file; give a folder" in said.err
    monkeypatch.setattr(adapt_watch.os, "access", lambda *asked: False)
    assert "cannot be read; check its permissions" in lstmtui("adapt", "diary", "--watch", notes).err
    for more in (["--weights"], ["--show"], ["--pause"], [text_file]):
        assert lstmtui("adapt", "diary", "--watch", notes, *more).code == 2


def test_a_watch_is_paused_and_continued(lstmtui, run):
    assert "It is not running now." in lstmtui("adapt", "diary", "--pause").err
    assert watching.is_paused(run)
    with WatchLock(run):
        assert lstmtui("adapt", "diary", "--pause").err == (
            "The watch of 'diary' is paused; 'lstmtui adapt diary --resume' continues it.\n"
        )
        assert lstmtui("adapt", "diary", "--resume").err == "The watch of 'diary' continues.\n"
    assert not watching.is_paused(run)


def test_what_is_watched_is_shown(lstmtui, run):
    assert json.loads(lstmtui("adapt", "diary", "--show", "--json").out)["watch"] is None
    with WatchLock(run):
        watching.save(run, Watched(["/notes"], {}, {"/notes/a": 1, "/notes/b": 2, "/notes/c": 3}))
        watching.leave_out(run, "/notes/c")
        said = lstmtui("adapt", "diary", "--show").out
        assert said.endswith("2 files from /notes (watched now)\nleft out: /notes/c\n")
        watching.pause(run)
        assert "(paused)" in lstmtui("adapt", "diary", "--show").out
    assert "'lstmtui adapt diary --watch FOLDER' goes on" in lstmtui("adapt", "diary", "--show").out
    found = json.loads(lstmtui("adapt", "diary", "--show", "--json").out)["watch"]
    assert found == {
        "folders": ["/notes"], "files": ["/notes/a", "/notes/b"], "left_out": ["/notes/c"], "running": False,
        "paused": True,
    }  # fmt: skip


def test_names_are_those_below_the_folder(run):
    (line,) = adapt_watch.said(run, {"skipped": {"/a/b/c.png": "is no text", "/z.png": "is no text"}}, [Path("/a")])
    assert line == "Not learnt: b/c.png (is no text), /z.png (is no text)."
