"""`adapt`, over a fake model."""

from __future__ import annotations

import json
import zipfile

import pytest
from support import fake_model


@pytest.fixture(autouse=True)
def run(make_run):
    return make_run("diary", top_k=7)


def test_adapt(lstmtui, text_file):
    said = lstmtui("adapt", "diary", text_file, "--weights")
    assert said.code == 0
    assert "1,234 words" in said.err
    assert "from 4.500 to 4.250" in said.err
    assert lstmtui("adapt", "diary", "--reset").err == "The profile is forgotten.\n"
    assert json.loads(lstmtui("adapt", "diary", text_file, "--json").out) == {"run": "diary", "words": 1234}
    assert [a["op"] for a in fake_model.asked] == ["adapt", "forget", "adapt"]


def test_a_profile_is_shown_and_entries_are_forgotten(lstmtui):
    said = lstmtui("adapt", "diary", "--show")
    assert said.code == 0
    assert "1,234 words  /home/a␛.txt" in said.out
    assert "not in the training text:\n  teh, zebulon ×12\n" in said.out
    assert "most often:\n  the ×99\n" in said.out
    assert "1,200 words" in lstmtui("adapt", "diary", "--forget", "teh").err
    assert fake_model.asked[-1] == {"op": "forget", "what": "teh"}
    said = lstmtui("adapt", "diary", "--forget", "nope")
    assert said.code == 2
    assert "no word and no file 'nope'" in said.err
    assert json.loads(lstmtui("adapt", "diary", "--show", "--json").out)["unknown"] == [["teh", 1], ["zebulon", 12]]


@pytest.mark.parametrize(
    "arguments",
    [[], ["--reset", "--weights"], ["nope.txt"], ["--show", "--reset"], ["--forget", ""], ["--show", "--weights"]],
)
def test_contradictory_options_raise(lstmtui, arguments):
    assert lstmtui("adapt", "diary", *arguments).code == 2
    assert lstmtui("adapt", "diary", "--reset", "file.txt").code == 2
    assert fake_model.asked == []


def test_no_copy_of_a_document_stays_in_the_cache(lstmtui, tmp_path):
    book = tmp_path / "letters.zip"
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("a.txt", "dear zebulon\n" * 20)
    assert lstmtui("adapt", "diary", book).code == 0
    assert not list((tmp_path / "cache").rglob("*.txt"))
