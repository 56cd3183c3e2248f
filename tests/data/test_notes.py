"""Notes on a corpus before a run trains on it."""

from __future__ import annotations

import base64
import dataclasses

import numpy as np
import pytest
from support.corpora import TEXT, folder_with, prepare

from lstmtui.config import DataSettings, Settings
from lstmtui.data import corpus
from lstmtui.data.corpus import open_corpus
from lstmtui.data.notes import corpus_notes
from lstmtui.errors import UsageError


def test_unreadable_files_of_a_folder_are_skipped_and_named(tmp_path, cache):
    files = {
        "a.txt": TEXT,
        "late.txt": b"plain\n" * 9000 + b"caf\xe9",
        "zip.txt": b"PK\x03\x04",
        "nul.txt": TEXT + "\0",
    }
    folder = folder_with(tmp_path, **files)
    (folder / "empty.txt").touch()
    (folder / "gone.txt").symlink_to("nowhere")
    texts = open_corpus(DataSettings.of(Settings(corpus=(str(folder),))), cache=cache)
    assert [part.path.name for part in texts.ranges["train"].source.parts] == ["a.txt"]
    [note] = corpus_notes(texts, cache=cache)
    assert note.startswith(f"Of {folder}, 1 file is read and 5 left out: ")
    for reason in (
        "late.txt (is no valid UTF-8 at offset 54003; it looks like windows-1252",
        "zip.txt (is a damaged or encrypted archive",
        "empty.txt (is empty)",
        "gone.txt (is a link that leads nowhere)",
        f"nul.txt (is no text (a NUL byte at offset {len(TEXT.encode())})",
    ):
        assert reason in note


def test_long_runs_are_left_out_and_noted_unless_everything_is_kept(tmp_path, cache):
    blob = base64.b64encode(np.random.default_rng(1).bytes(3000))
    path = tmp_path / "mail.txt"
    path.write_bytes(TEXT.encode() + blob + b"\n" + TEXT.encode())
    s = DataSettings.of(Settings(corpus=(str(path),)))
    data = corpus.tokenise_corpus(s, cache=cache)
    assert data.train.bytes + data.valid.bytes == 2 * len(TEXT.encode()) + 1
    [note] = corpus_notes(open_corpus(s, cache=cache), cache=cache)
    assert "4.0 kB of base64 and hexadecimal" in note
    whole = corpus.tokenise_corpus(dataclasses.replace(s, keep_everything=True), cache=cache)
    assert whole.train.bytes + whole.valid.bytes == 2 * len(TEXT.encode()) + 1 + len(blob)
    assert whole.digest != data.digest
    path.write_bytes(blob)
    with pytest.raises(UsageError, match="nothing but base64"):
        prepare([path], cache=cache)


def test_validation_text_unlike_the_training_text_or_the_same_is_noted(tmp_path, cache, text):
    (tmp_path / "music.abc").write_text("|: G2 ^B>d e/f/g | z4 [CEG] a2' :|\n" * 60)
    (tmp_path / "greek.txt").write_text("Η γρήγορη καφέ αλεπού\n" * 60)
    (tmp_path / "copy.txt").write_bytes(text.read_bytes())
    (tmp_path / "like.txt").write_text(TEXT[:3000].replace("größer", "größten"))
    notes = {
        name: " ".join(
            corpus_notes(
                open_corpus(DataSettings.of(Settings(corpus=(str(text),), valid=(str(tmp_path / name),))), cache=cache)
            )
        )
        for name in ("music.abc", "greek.txt", "copy.txt", "like.txt")
    }
    assert "characters that the training text does not have" in notes["greek.txt"]
    assert "characters that the training text does not have" in notes["music.abc"]
    assert "is part of the training text" in notes["copy.txt"]
    assert notes["like.txt"] == ""
