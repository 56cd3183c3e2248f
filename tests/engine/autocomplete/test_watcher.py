"""What is saved in a folder is learnt, replaced and forgotten."""

from __future__ import annotations

import os
import shutil
import zipfile

import pytest

from lstmtui.data.reading import ReadOptions
from lstmtui.engine.autocomplete import watcher as module
from lstmtui.engine.autocomplete.profile import Profile
from lstmtui.engine.autocomplete.watcher import Watcher
from lstmtui.errors import UsageError
from lstmtui.runs import watching
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.watching import WatchLock

LATER = 4e9
"""A Unix time at which every file has long been at rest."""


@pytest.fixture
def run(tmp_path):
    run = RunFolder(tmp_path / "runs" / "diary")
    run.path.mkdir(parents=True)
    return run


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    (folder / "sub").mkdir(parents=True)
    return folder


@pytest.fixture
def lock(run):
    with WatchLock(run) as lock:
        yield lock


@pytest.fixture
def make(run, notes, lock):
    return lambda now=LATER: Watcher(run, [notes], ReadOptions(), lock, lambda: now)


def learnt(run):
    return {os.path.basename(text.name): " / ".join(text.lines) for text in Profile(run).texts()}


def look(watcher):
    return list(watcher.look())


def test_files_are_learnt_and_their_new_versions_replace_them(run, notes, make):
    (notes / "a.txt").write_text("one two\n")
    (notes / "sub" / "b.md").write_text("three")
    (notes / ".hidden.txt").write_text("never")
    watcher = make()
    assert watcher.waiting() == 2
    (event,) = look(watcher)
    assert event == {
        "learnt": [str(notes / "a.txt"), str(notes / "sub" / "b.md")], "forgotten": [], "words": 3, "new": 3,
    }  # fmt: skip
    assert look(watcher) == []
    (notes / "a.txt").write_text("one four five\n")
    assert look(watcher)[0]["new"] == 1
    assert learnt(run) == {"a.txt": "one four five", "b.md": "three"}


def test_a_deleted_file_is_forgotten_once_it_is_gone_at_two_looks(run, notes, make):
    path = notes / "a.txt"
    path.write_text("one two")
    watcher = make()
    look(watcher)
    path.rename(notes / "elsewhere~")
    (notes / "elsewhere~").unlink()
    assert look(watcher) == []
    path.write_text("one two three")  # an editor has saved it
    assert look(watcher)[0]["learnt"] == [str(path)]
    path.unlink()
    assert look(watcher) == []
    assert look(watcher)[0]["forgotten"] == [str(path)]
    assert learnt(run) == {}
    assert look(watcher) == []


def test_a_file_that_is_being_written_is_read_when_it_rests(run, notes, make):
    path = notes / "a.txt"
    path.write_text("half a sen")
    watcher = make(now=path.stat().st_mtime + 0.5)
    assert look(watcher) == []
    path.write_text("half a sentence")
    assert look(watcher) == []
    assert look(watcher)[0]["learnt"] == [str(path)]  # unchanged since the last look
    assert learnt(run) == {"a.txt": "half a sentence"}


def test_a_later_watch_reads_only_what_has_changed(run, notes, make):
    (notes / "a.txt").write_text("one")
    (notes / "gone.txt").write_text("two")
    look(make())
    (notes / "b.txt").write_text("three")
    (notes / "gone.txt").unlink()
    watcher = make()
    assert watcher.waiting() == 1
    assert look(watcher)[0]["learnt"] == [str(notes / "b.txt")]
    assert look(watcher)[0]["forgotten"] == [str(notes / "gone.txt")]
    assert learnt(run) == {"a.txt": "one", "b.txt": "three"}


def test_nothing_is_forgotten_while_the_folder_is_away(run, notes, make):
    (notes / "a.txt").write_text("one")
    watcher = make()
    look(watcher)
    away = notes.rename(notes.with_name("unmounted"))
    assert look(watcher) == [{"away": str(notes)}]
    assert look(watcher) == []
    assert look(watcher) == []
    away.rename(notes)
    assert look(watcher) == [{"back": str(notes)}]
    assert look(watcher) == []
    assert learnt(run) == {"a.txt": "one"}


def test_what_is_no_text_is_skipped_once(run, notes, make, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 1000)
    (notes / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (notes / "b.txt").write_bytes(b"long " * 300)
    (notes / "c.txt").write_bytes("plain text and then caf\xe9".encode("latin-1"))
    with zipfile.ZipFile(notes / "d.zip", "w") as archive:
        archive.writestr("inner.txt", "words of an archive")
    watcher = make()
    (event,) = look(watcher)
    reasons = {os.path.basename(name): reason for name, reason in event["skipped"].items()}
    assert reasons["b.txt"] == "has more than 4 MiB"
    assert reasons["d.zip"] == "is an archive"
    assert reasons["a.png"] == "is no text"
    assert "UTF-8" in reasons["c.txt"]
    assert look(watcher) == []
    (notes / "c.txt").write_text("now it is readable")
    assert look(watcher)[0]["words"] == 4
    (notes / "c.txt").write_bytes(b"\0\1\2\3" * 9)  # no text any more, and so what it held is forgotten
    skipped, changed = look(watcher)
    assert list(skipped["skipped"]) == changed["forgotten"] == [str(notes / "c.txt")]
    assert learnt(run) == {}


def test_the_text_of_all_files_is_bounded(run, notes, make, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 12)
    monkeypatch.setattr(module, "MAX_BATCH_BYTES", 4)
    for at, name in enumerate("abc"):
        (notes / f"{name}.txt").write_text(f"word {name}")  # 6 bytes
        os.utime(notes / f"{name}.txt", (1000 + at, 1000 + at))
    watcher = make()
    assert look(watcher)[0]["learnt"] == [str(notes / "c.txt")]  # the newest first
    assert watcher.behind
    look(watcher)
    (event,) = look(watcher)
    assert "is more than" in event["skipped"][str(notes / "a.txt")]
    assert not watcher.behind
    assert set(learnt(run)) == {"b.txt", "c.txt"}


def test_files_that_a_person_made_it_forget_are_not_learnt_again(run, notes, make):
    path = notes / "a.txt"
    path.write_text("secret words")
    watcher = make()
    look(watcher)
    Profile(run).forget([str(path)])
    watching.leave_out(run, str(path))
    path.write_text("more secret words")
    assert look(watcher) == []
    assert watcher.waiting() == 0
    watching.leave_out(run, str(path), wanted=False)
    assert look(watcher)[0]["learnt"] == [str(path)]


def test_after_a_reset_nothing_is_written(run, notes, make, lock):
    (notes / "a.txt").write_text("one")
    watcher = make()
    look(watcher)
    assert Profile(run).reset()
    (notes / "a.txt").write_text("two words")
    assert look(watcher) == []
    assert not lock.valid
    assert Profile(run).texts() == []
    assert watching.load(run) is None
    shutil.rmtree(run.autocomplete)
    assert look(watcher) == []


def test_runs_in_the_folder_are_not_read(run, notes, make):
    (notes / "diary").mkdir()
    (notes / "diary" / "config.toml").write_text("seed = 1")
    (notes / "diary" / "piped.txt").write_text("the training text")
    assert make().waiting() == 0


def test_a_damaged_profile_is_put_aside(run, notes, make):
    (notes / "a.txt").write_text("one")
    watcher = make()
    (run.autocomplete / "profile.npz").write_bytes(b"damaged")
    aside, event = look(watcher)
    assert aside["put_aside"].endswith("profile.npz.damaged-1")
    assert event["words"] == 1


def test_a_folder_that_cannot_be_read_raises(run, tmp_path, lock):
    with pytest.raises(UsageError, match="cannot be read"):
        Watcher(run, [tmp_path / "nowhere"], ReadOptions(), lock)
