"""Paths as users type, paste and complete them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstmtui.tui.file_names import RECORDINGS, Completion, complete, given_path


def offered(text: str) -> Completion:
    return complete(text, RECORDINGS)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("one.wav", "one two.FLAC", "notes.txt", ".hidden.wav", "tapes/x.ogg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (" a.wav ", "a.wav"), ("'a b.wav'", "a b.wav"), ('"a.wav"', "a.wav"), ("file:///x/a%20b.wav", "/x/a b.wav"),
        ("a\\ b.wav", "a b.wav"),
    ],
)  # fmt: skip
def test_a_path_as_terminals_paste_it(here: Path, text: str, path: str) -> None:
    assert given_path(text) == Path(path)


def test_no_path(here: Path) -> None:
    assert given_path("  ") is None
    assert given_path("~/a.wav") == Path.home() / "a.wav"
    (here / "a\\b.wav").write_text("")
    assert given_path("a\\b.wav") == Path("a\\b.wav")  # a file with this very name


def test_recordings_and_folders_are_offered(here: Path) -> None:
    assert offered("").choices == ("one two.FLAC", "one.wav", "tapes/")
    found = offered("o")
    assert (found.text, found.choices) == ("one", ("one two.FLAC", "one.wav"))
    assert offered("ta").text == "tapes/"
    assert offered("tapes/").text == "tapes/x.ogg"
    assert offered(f"{here}/ta").text == f"{here}/tapes/"


def test_other_files_are_offered_where_no_recording_fits(here: Path) -> None:
    assert offered("n").text == "notes.txt"
    assert offered(".h").text == ".hidden.wav"
    assert offered("zz") == offered("zz")
    assert offered("zz").choices == ()


def test_a_folder_that_does_not_exist_raises(here: Path) -> None:
    with pytest.raises(OSError, match="none"):
        offered("none/a")
