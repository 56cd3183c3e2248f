"""Texts taken out of containers, kept in the cache, and bounded."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest

from lstmtui.data.containers import extraction
from lstmtui.data.containers.extraction import contained_texts, has_columns
from lstmtui.data.parts import open_part
from lstmtui.errors import UsageError

TEXT = "the cat sat on the mat.\n" * 20


def taken(path, tmp_path, field=""):
    """Return {name: text} and {name: reason} of a file."""
    found = contained_texts(open_part(path), field, tmp_path / "cache")
    assert found is not None
    parts, skipped = found
    texts = {part.name.removeprefix(str(path)): b"".join(part.read(0, part.length)).decode() for part in parts}
    return texts, {one.name: one.reason for one in skipped}


def tar(entries: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return made.getvalue()


def zipped(entries: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return made.getvalue()


def test_a_compressed_file_is_the_text_in_it(tmp_path):
    for ending, compress in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        path = tmp_path / f"a.txt.{ending}"
        path.write_bytes(compress(TEXT.encode()))
        assert taken(path, tmp_path) == ({"": TEXT}, {})


def test_an_archive_is_a_folder_of_its_texts(tmp_path):
    entries = {
        "b/two.txt": TEXT.encode(),
        "a.txt": b"one\n",
        ".hidden": b"x",
        "c.png": b"\x89PNG\0\0",
        "empty.txt": b"",
    }
    expected = {"c.png": "is no text", "empty.txt": "is empty"}
    for name, data in (("t.zip", zipped(entries)), ("t.tar", tar(entries)), ("t.tar.gz", gzip.compress(tar(entries)))):
        path = tmp_path / name
        path.write_bytes(data)
        texts, skipped = taken(path, tmp_path)
        assert {member[-7:]: text for member, text in texts.items()} == {"two.txt": TEXT, "/a.txt": "one\n"}
        assert skipped == expected


def test_a_table_in_an_archive_has_its_field(tmp_path):
    rows = "".join(json.dumps({"text": f"line {n}", "id": n}) + "\n" for n in range(3))
    path = tmp_path / "t.zip"
    path.write_bytes(zipped({"a.jsonl.gz": gzip.compress(rows.encode())}))
    assert taken(path, tmp_path, "text") == ({"/a.jsonl.gz": "line 0\nline 1\nline 2\n"}, {})


def test_what_was_taken_out_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    first = taken(path, tmp_path)
    monkeypatch.setattr(extraction, "_extract", None)
    assert taken(path, tmp_path) == first
    assert not [one for one in (tmp_path / "cache" / "texts").iterdir() if one.name.startswith(".")]


def test_a_bomb_stops_before_it_fills_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("lstmtui.data.containers.budget.FREE_BYTES", 1 << 20)
    bomb = gzip.compress(b"\0" * (32 << 20))
    for name, data in (("a.gz", bomb), ("a.zip", zipped({"a": b"a" * (32 << 20)})), ("b.zip", zipped({"a.gz": bomb}))):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(UsageError, match="far more than a text of its size"):
            taken(path, tmp_path)
    assert not list((tmp_path / "cache" / "texts").iterdir())


def test_containers_in_too_many_containers_are_left(tmp_path):
    data = TEXT.encode()
    for _ in range(5):
        data = zipped({"a.zip": data})
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="too many others"):
        taken(path, tmp_path)


@pytest.mark.parametrize("name", ["a.gz", "a.xz", "a.bz2", "a.zip", "a.tar"])
def test_a_damaged_file_is_one_sentence(tmp_path, name):
    make = {
        "a.gz": gzip.compress, "a.xz": lzma.compress, "a.bz2": bz2.compress, "a.zip": lambda d: zipped({"a": d}),
        "a.tar": lambda d: tar({"a": d}),
    }[name]  # fmt: skip
    whole = make(bytes(range(256)) * 40)
    for content in (whole[: len(whole) // 2], whole[:20] + bytes(20) + whole[40:]):
        path = tmp_path / name
        path.write_bytes(content)
        found = None
        try:
            found = contained_texts(open_part(path), "", tmp_path / "cache")
        except UsageError as error:
            assert "\n" not in str(error)  # noqa: PT017  a tar archive may lose its mark, and is then no container
        assert found is None


def test_a_field_concerns_tables_alone(tmp_path):
    for name, content in (("a.txt", TEXT.encode()), ("b.txt.gz", gzip.compress(TEXT.encode()))):
        (tmp_path / name).write_bytes(content)
    assert contained_texts(open_part(tmp_path / "a.txt"), "text", tmp_path) is None
    assert taken(tmp_path / "b.txt.gz", tmp_path, "text") == ({"": TEXT}, {})
    assert [has_columns(name) for name in ("a.csv", "a.csv.gz", "t.zip/a.jsonl", "a.txt.gz")] == [
        True,
        True,
        True,
        False,
    ]
