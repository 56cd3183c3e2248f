"""The profile: each text is learnt once, can be listed and forgotten, and is never lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from lstmtui.common.npz import pack, unpack
from lstmtui.engine.autocomplete import profile, store
from lstmtui.engine.autocomplete.ngram_index import NgramIndex
from lstmtui.engine.autocomplete.profile import TYPED, Profile
from lstmtui.errors import CorruptError, LstmtuiError
from lstmtui.runs.folder import RunFolder


@pytest.fixture
def run(tmp_path):
    run = RunFolder(tmp_path / "diary")
    run.path.mkdir()
    return run


def stored_lines(run):
    return Profile(run).load().text().decode().strip().split("\n")


def test_a_text_learnt_twice_is_counted_once(run):
    mine = Profile(run)
    assert mine.learn({"a.txt": b"one two\nthree, four!\none two\n"}).added == 6
    assert mine.learn({"a.txt": b"one two\nthree, four!\none two\n"}).added == 0
    assert mine.learn({"b.txt": b"one  two\nfive"}).added == 1  # only what no other text has
    assert mine.learn({"a.txt": b"one two\nthree, four!\none two\nsix"}).words == 8
    assert sorted(stored_lines(run)) == ["five", "one two", "one two", "six", "three four"]


def test_a_new_version_replaces_a_file_and_typed_text_grows(run):
    mine = Profile(run)
    mine.learn({"a.txt": b"old words"})
    assert mine.learn({"a.txt": b"new"}).words == 1
    mine.learn({TYPED: b"Dear zebu"})
    assert mine.learn({TYPED: b"Dear zebulon, how are\nYes"}).added == 3
    assert mine.learn({TYPED: b"Another day"}).added == 2
    assert stored_lines(run) == ["new", "Dear zebulon how are", "Yes", "Another day"]


def test_forgotten_words_and_texts_stay_forgotten(run):
    mine = Profile(run)
    mine.learn({"a.txt": b"teh cat\nthe dog", TYPED: b"teh end\nteh"})
    change = mine.forget({"teh"})
    assert (change.words, change.added) == (4, -3)
    mine.learn({"a.txt": b"teh cat\nthe dog", TYPED: b"teh end"})
    assert stored_lines(run) == ["cat", "the dog", "end"]
    assert mine.learn({"a.txt": b"teh cat\nthe dog\nteh tail"}).added == 2  # somewhere else it is a new word
    assert mine.forget({"nothing", "/here/nothing"}) is None
    assert mine.forget({"a.txt", "/here/a.txt"}).words == 1
    assert [text.name for text in mine.texts()] == [TYPED]
    assert mine.reset()
    assert mine.texts() == []
    assert not mine.reset()


def test_a_profile_without_named_texts_is_read(run):
    run.autocomplete.mkdir()
    (run.autocomplete / "profile.npz").write_bytes(NgramIndex.from_chunks([b"dear zebulon\nyes"]).dump())
    mine = Profile(run)
    assert [(text.name, text.lines) for text in mine.texts()] == [("earlier", ["dear zebulon", "yes"])]
    assert mine.learn({TYPED: b"yes\nno"}).words == 4


@pytest.mark.parametrize("at", [0, 30, 90, -30])
def test_a_damaged_profile_is_renamed(run, at):
    mine, path = Profile(run), run.autocomplete / "profile.npz"
    mine.learn({"a.txt": b"dear zebulon " * 50})
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)
    change = mine.learn({"b.txt": b"new words"})
    assert change.aside is not None
    assert change.aside.read_bytes() == bytes(data)
    assert change.words == 2
    path.write_bytes(b"nonsense")
    assert mine.load() is None
    for read in (mine.texts, lambda: mine.forget({"a"})):
        with pytest.raises(CorruptError, match="damaged"):
            read()
    assert mine.learn({"b.txt": b"new words"}).aside != change.aside
    assert len(list(run.autocomplete.glob("*.damaged-*"))) == 2


@pytest.mark.parametrize("texts", [{}, [{"name": "a"}], [{"name": "a", "lines": ["x"], "digests": []}], [[]]])
def test_malformed_texts_raise(run, texts):
    run.autocomplete.mkdir()
    arrays = unpack(NgramIndex.from_chunks([b"dear zebulon"]).dump())
    body = profile.np.frombuffer(profile.to_json(texts or 3).encode(), profile.np.uint8)
    (run.autocomplete / "profile.npz").write_bytes(pack({**arrays, "texts": body}))
    with pytest.raises(CorruptError, match="damaged"):
        Profile(run).texts()


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EMFILE])
def test_a_profile_that_cannot_be_read_is_not_replaced(run, monkeypatch, number):
    Profile(run).learn({"a.txt": b"dear zebulon"})
    before = (run.autocomplete / "profile.npz").read_bytes()

    def refuse(path, limit):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(profile, "read_file", refuse)
    with pytest.raises(LstmtuiError, match="nothing was changed"):
        Profile(run).learn({"b.txt": b"new"})
    monkeypatch.undo()
    assert (run.autocomplete / "profile.npz").read_bytes() == before


def test_texts_learnt_concurrently_are_all_stored(run):
    program = "import sys; from pathlib import Path; from lstmtui.engine.autocomplete.profile import Profile\n"
    program += "from lstmtui.runs.folder import RunFolder; mine = Profile(RunFolder(Path(sys.argv[1])))\n"
    program += "for n in range(20): mine.learn({f'{sys.argv[2]}-{n}': f'word{sys.argv[2]}{n}'.encode()})"
    both = [subprocess.Popen([sys.executable, "-c", program, str(run.path), name]) for name in "ab"]
    assert [one.wait(60) for one in both] == [0, 0]
    assert len(Profile(run).texts()) == 40
    assert len(stored_lines(run)) == 40


def test_a_lock_held_by_another_process_raises(run, monkeypatch):
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.1)
    with store.profile_lock(run), pytest.raises(LstmtuiError, match="Another process"):
        Profile(run).learn({"a": b"b"})


def test_an_oversized_profile_raises(run, monkeypatch):
    monkeypatch.setattr(profile, "MAX_BYTES", 1000)
    with pytest.raises(LstmtuiError, match="at most"):
        Profile(run).learn({"a": b"word " * 300})
