from __future__ import annotations

import tarfile
import zipfile

import pytest

from lstmtui.data.containers.archives import members, recognises
from lstmtui.data.containers.budget import Budget
from lstmtui.errors import UsageError


def read(path):
    found = members(path, path.name, Budget(path.name, path.stat().st_size))
    return {name: b"".join(chunks) for name, chunks in found}


def test_regular_files_alone_are_read(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / ".b").write_text("b")
    path = tmp_path / "t.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(tmp_path / "a.txt", "x/a.txt")
        archive.add(tmp_path / ".b", "x/.b")
        fifo = tarfile.TarInfo("pipe")
        fifo.type = tarfile.FIFOTYPE
        archive.addfile(fifo)
    assert recognises(path.read_bytes()[:8192], "t.tar")
    assert read(path) == {"x/a.txt": b"a"}


def test_names_that_lead_elsewhere_are_only_names(tmp_path):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.txt", "a")
        archive.writestr("/etc/evil.txt", "b")
    assert sorted(read(path).values()) in ([b"b"], [b"a", b"b"])
    assert {one.name for one in tmp_path.iterdir()} == {"t.zip"}


def test_an_archive_of_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("lstmtui.data.containers.budget.MAX_MEMBERS", 3)
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(4):
            archive.writestr(f"{n}.txt", "a")
    with pytest.raises(UsageError, match="over 3 files"):
        read(path)


def test_a_word_document_is_no_archive(tmp_path):
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    assert not recognises(path.read_bytes(), "a.docx")
