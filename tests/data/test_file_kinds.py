"""Files that are not what was asked for."""

from __future__ import annotations

import pytest

from lstmtui.data.file_kinds import SOUNDS, foreign_kind


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"<!DOCTYPE html>", "a web page or XML"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer, not the file itself"),
        (b"RIFF0000WAVE", ""),
        (b"", ""),
    ],
)
def test_the_first_bytes_say_what_a_file_is(head, words):
    assert foreign_kind(head) == words


def test_sounds_are_told_where_pictures_are_asked_for():
    assert foreign_kind(b"fLaC", SOUNDS) == "a FLAC recording"
    assert foreign_kind(b"\x89PNG", SOUNDS) == ""
