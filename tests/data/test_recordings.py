"""Recordings with their texts: folders, manifests, and what is left out of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.recordings import speech_folder, tone, wav_bytes, write_manifest, write_wav

from lstmtui.data.recordings import Row, open_rows, read_rows, rows_to_test
from lstmtui.errors import UsageError


def opened(*names):
    rows, left_out = read_rows([str(name) for name in names])
    return open_rows(rows, left_out), left_out


def test_a_folder_pairs_sounds_with_the_texts_beside_them(tmp_path):
    folder = speech_folder(tmp_path / "a", ["one", "  two \n three\t"], seconds=0.25)
    write_wav(folder / "deeper" / "x.WAV", tone()).with_suffix(".txt").write_text("four")
    write_wav(folder / ".hidden.wav", tone())
    (folder / "notes.txt").write_text("no recording has this name")
    found, left_out = opened(folder)
    assert found.texts == ("one", "two three", "four")
    assert [file.name for file in found.files] == ["000.wav", "001.wav", "x.WAV"]
    assert found.seconds == (0.25, 0.25, 0.5)
    assert set(found.speakers) == {""}
    assert left_out.notes() == []


@pytest.mark.parametrize("inside", [True, False])
def test_a_manifest_names_files_from_its_own_folder(tmp_path, inside):
    write_wav(tmp_path / "wav" / "a.wav", tone())
    rows = [
        ("split", "voice", "File", "transcript", "text"),
        ("train", "ann", "wav/a.wav", "hello  there", "Hello there!"),
        ("dev", "bob", str(tmp_path / "wav" / "a.wav"), "again"),
        ("", ""),
    ]
    manifest = write_manifest(tmp_path / "all.tsv", rows)
    found, _ = read_rows([str(tmp_path if inside else manifest)])
    path = tmp_path / "wav" / "a.wav"
    assert found == [Row(path, "hello there", "ann", "train"), Row(path, "again", "bob", "valid")]


def test_several_names_are_joined(tmp_path):
    found, _ = opened(speech_folder(tmp_path / "a", ["one"]), speech_folder(tmp_path / "b", ["two"]))
    assert found.texts == ("one", "two")
    assert found.select(np.array([False, True])).texts == ("two",)


def test_what_is_left_out_is_counted_and_told(tmp_path):
    folder = speech_folder(tmp_path / "a", ["one", "", "three", "four", "five", "six"])
    (folder / "002.txt").unlink()
    (folder / "003.wav").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(90))
    (folder / "004.wav").write_bytes(wav_bytes(tone()[:0]))
    found, left_out = opened(folder)
    assert found.texts == ("one", "six")
    (note,) = left_out.notes()
    assert note.startswith("Of 6 recordings, 4 are left out: 1 without a text beside it, 1 with an empty text, 2 that ")
    assert note.endswith(f"The recording {folder / '003.wav'} is a PNG picture.")


def test_long_recordings_are_left_out_where_there_is_a_bound(tmp_path):
    folder = speech_folder(tmp_path / "a", ["one", "two"], seconds=0.5)
    write_wav(folder / "001.wav", tone(0.7))
    rows, left_out = read_rows([str(folder)])
    assert len(open_rows(rows, left_out)) == 2
    assert open_rows(rows, left_out, 0.6).texts == ("one",)
    assert left_out.notes() == ["Of 2 recordings, 1 is left out: 1 longer than 60 s (cut them at pauses)."]


def test_a_missing_file_of_a_manifest_is_left_out(tmp_path):
    write_wav(tmp_path / "a.wav", tone())
    manifest = write_manifest(tmp_path / "m.tsv", [("file", "text"), ("a.wav", "yes"), ("b.wav", "no")])
    found, left_out = opened(manifest)
    assert found.texts == ("yes",)
    assert left_out.notes()[0].endswith("b.wav is missing.")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path / "nothing", "There is no folder or manifest"),
        (lambda path: path, "has no recording with a .txt file of the same name, and no manifest"),
        (lambda path: write_wav(path / "a.wav", tone()), "is one recording"),
        (lambda path: write_wav(path / "a.wav", tone()).parent, "has 1 recording in it, but no .txt"),
        (lambda path: write_manifest(path / "m.tsv", [("a.wav", "hello")]), "must name its columns"),
        (lambda path: write_manifest(path / "m.tsv", [("text", "file"), ("hello",)]), "Line 2 of .* names no file"),
        (lambda path: write_manifest(path / "m.tsv", [("file",), ("a.wav",)]), "must name its columns"),
    ],
)
def test_what_is_neither_folder_nor_manifest_is_refused_in_a_sentence(tmp_path, make, words):
    with pytest.raises(UsageError, match=words):
        read_rows([str(make(tmp_path))])


def test_texts_in_another_encoding_are_read_where_it_is_named(tmp_path):
    folder = speech_folder(tmp_path / "a", ["one"])
    (folder / "000.txt").write_bytes("größe".encode("latin-1"))
    with pytest.raises(UsageError, match=r"000\.txt"):
        read_rows([str(folder)])
    rows, _ = read_rows([str(folder)], "windows-1252")
    assert rows[0].text == "größe"


def test_the_rows_for_the_test_are_evaluated_where_a_manifest_names_some():
    rows = [Row(Path(f"{n}.wav"), "yes", part=part) for n, part in enumerate(("train", "test", "", "test"))]
    chosen, sentence = rows_to_test(rows)
    assert [row.file.name for row in chosen] == ["1.wav", "3.wav"]
    assert sentence == "Of 4 recordings, the 2 for the test are evaluated (column split)."
    assert rows_to_test(rows[:1]) == (rows[:1], "")
    assert rows_to_test(rows[1:2]) == (rows[1:2], "")
