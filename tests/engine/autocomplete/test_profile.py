"""The profile: each text is learnt once, can be looked at and forgotten, and is never lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from lstmtui.common.npz import pack, unpack
from lstmtui.engine.autocomplete import profile, store
from lstmtui.engine.autocomplete.ngram_index import Concordance
from lstmtui.engine.autocomplete.profile import TYPED, Profile
from lstmtui.errors import CorruptError, LstmtuiError
from lstmtui.runs.folder import RunFolder


@pytest.fixture
def run(tmp_path):
    run = RunFolder(tmp_path / "diary")
    run.path.mkdir()
    return run


def kept(run):
    return Profile(run).load().text().decode().strip().split("\n")


def test_what_is_learnt_again_is_not_counted_again(run):
    mine = Profile(run)
    assert mine.learn({"a.txt": b"one two\nthree, four!\none two\n"}).by == 6
    assert mine.learn({"a.txt": b"one two\nthree, four!\none two\n"}).by == 0
    assert mine.learn({"b.txt": b"one  two\nfive"}).by == 1  # only what no other text has
    assert mine.learn({"a.txt": b"one two\nthree, four!\none two\nsix"}).words == 8
    assert sorted(kept(run)) == ["five", "one two", "one two", "six", "three four"]


def test_a_file_takes_its_own_place_and_what_is_typed_grows(run):
    mine = Profile(run)
    mine.learn({"a.txt": b"old words"})
    assert mine.learn({"a.txt": b"new"}).words == 1
    mine.learn({TYPED: b"Dear zebu"})
    assert mine.learn({TYPED: b"Dear zebulon, how are\nYes"}).by == 3
    assert mine.learn({TYPED: b"Another day"}).by == 2
    assert kept(run) == ["new", "Dear zebulon how are", "Yes", "Another day"]


def test_a_word_and_a_text_can_be_forgotten_for_good(run):
    mine = Profile(run)
    mine.learn({"a.txt": b"teh cat\nthe dog", TYPED: b"teh end\nteh"})
    change = mine.forget({"teh"})
    assert (change.words, change.by) == (4, -3)
    mine.learn({"a.txt": b"teh cat\nthe dog", TYPED: b"teh end"})
    assert kept(run) == ["cat", "the dog", "end"]
    assert mine.learn({"a.txt": b"teh cat\nthe dog\nteh tail"}).by == 2  # somewhere else it is a new word
    assert mine.forget({"nothing", "/here/nothing"}) is None
    assert mine.forget({"a.txt", "/here/a.txt"}).words == 1
    assert [text.name for text in mine.texts()] == [TYPED]
    assert mine.reset()
    assert mine.texts() == []
    assert not mine.reset()


def test_a_profile_from_before_it_knew_texts_stays(run):
    run.autocomplete.mkdir()
    (run.autocomplete / "profile.npz").write_bytes(Concordance.of([b"dear zebulon\nyes"]).dump())
    mine = Profile(run)
    assert [(text.name, text.lines) for text in mine.texts()] == [("earlier", ["dear zebulon", "yes"])]
    assert mine.learn({TYPED: b"yes\nno"}).words == 4


@pytest.mark.parametrize("at", [0, 30, 90, -30])
def test_a_damaged_profile_is_put_aside_and_stays(run, at):
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
    for look in (mine.texts, lambda: mine.forget({"a"})):
        with pytest.raises(CorruptError, match="damaged"):
            look()
    assert mine.learn({"b.txt": b"new words"}).aside != change.aside
    assert len(list(run.autocomplete.glob("*.damaged-*"))) == 2


@pytest.mark.parametrize("texts", [{}, [{"name": "a"}], [{"name": "a", "lines": ["x"], "digests": []}], [[]]])
def test_texts_of_another_form_are_damage(run, texts):
    run.autocomplete.mkdir()
    held = unpack(Concordance.of([b"dear zebulon"]).dump())
    body = profile.np.frombuffer(profile.to_json(texts or 3).encode(), profile.np.uint8)
    (run.autocomplete / "profile.npz").write_bytes(pack({**held, "texts": body}))
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


def test_texts_learnt_at_once_are_all_kept(run):
    program = "import sys; from pathlib import Path; from lstmtui.engine.autocomplete.profile import Profile\n"
    program += "from lstmtui.runs.folder import RunFolder; mine = Profile(RunFolder(Path(sys.argv[1])))\n"
    program += "for n in range(20): mine.learn({f'{sys.argv[2]}-{n}': f'word{sys.argv[2]}{n}'.encode()})"
    both = [subprocess.Popen([sys.executable, "-c", program, str(run.path), name]) for name in "ab"]
    assert [one.wait(60) for one in both] == [0, 0]
    assert len(Profile(run).texts()) == 40
    assert len(kept(run)) == 40


def test_a_change_that_takes_long_elsewhere_is_told(run, monkeypatch):
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    with store.changing(run), pytest.raises(LstmtuiError, match="Another process"):
        Profile(run).learn({"a": b"b"})


def test_a_profile_has_a_largest_size(run, monkeypatch):
    monkeypatch.setattr(profile, "MAX_BYTES", 1000)
    with pytest.raises(LstmtuiError, match="at most"):
        Profile(run).learn({"a": b"word " * 300})
