"""Input that cannot be used: one clear sentence each."""

from __future__ import annotations

import gzip
import os
import shlex
import socket

import pytest
from support.corpora import prepare

from lstmtui.data import folders, parts
from lstmtui.data.reading import resolve_names
from lstmtui.errors import UsageError

TEXT = ("Plain text that anyone can read.\n" * 40).encode()


def refused(tmp_path, *names, tokens="chars", **options) -> str:
    with pytest.raises(UsageError) as caught:
        prepare(train=[str(name) for name in names], tokens=tokens, cache=tmp_path / "cache", **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def written(tmp_path, data, name="corpus.txt"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_missing(tmp_path):
    assert "no file, folder or set called" in refused(tmp_path, tmp_path / "nowhere.txt")
    assert "no file, folder or set called" in refused(tmp_path, "nul\0byte")
    assert "corpora list" in refused(tmp_path)


def test_empty(tmp_path):
    assert "is empty" in refused(tmp_path, written(tmp_path, b""))


@pytest.mark.parametrize("tokens", ["bytes", "chars", "words", "bpe"])
def test_one_byte(tokens, tmp_path):
    assert "only 1 byte long" in refused(tmp_path, written(tmp_path, b"x"), tokens=tokens)


def test_one_byte_to_validate_with(tmp_path):
    train, valid = written(tmp_path, TEXT), written(tmp_path, b"x", "valid.txt")
    assert f"{valid} is only 1 byte long" in refused(tmp_path, train, valid=[str(valid)])


def test_unreadable(tmp_path, monkeypatch):
    path = written(tmp_path, TEXT)

    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    # Simulated, since root may read everything.
    monkeypatch.setattr(parts, "open", denied, raising=False)
    assert "cannot be read (Permission denied)" in refused(tmp_path, path)


def test_an_unreadable_folder(tmp_path, monkeypatch):
    written(tmp_path, TEXT)

    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(folders.os, "scandir", denied)
    with pytest.raises(UsageError, match="cannot be read"):
        resolve_names([str(tmp_path)])


@pytest.mark.parametrize("tokens", ["chars", "words", "bpe"])
@pytest.mark.parametrize("offset", [5, 20_000])
def test_binary(tokens, offset, tmp_path):
    data = bytearray(TEXT * 20)
    data[offset] = 0
    path = written(tmp_path, data)
    message = refused(tmp_path, path, tokens=tokens)
    assert "--tokens bytes" in message
    assert f"offset {offset}" in message
    assert prepare(train=[str(path)], tokens="bytes", cache=tmp_path / "cache").train.bytes > 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16(encoding, tmp_path):
    message = refused(tmp_path, written(tmp_path, TEXT.decode().encode(encoding)))
    assert "iconv -f UTF-" in message
    assert "UTF-8" in message


@pytest.mark.parametrize("tokens", ["chars", "words", "bpe"])
@pytest.mark.parametrize("chunk", [1, 3, 1 << 20])
def test_invalid_utf_8(tokens, chunk, tmp_path, monkeypatch):
    monkeypatch.setattr("lstmtui.data.token_files.CHUNK", chunk)
    for bad in (b"\xe9t\xe9", b"\x80", b"\xe6\x9d.", b"\xed\xa0\x80"):
        path = written(tmp_path, TEXT[:101] + bad + TEXT)
        message = refused(tmp_path, path, tokens=tokens)
        assert f"{path} is no valid UTF-8 at offset 101;" in message
    assert f"offset {len(TEXT)};" in refused(tmp_path, written(tmp_path, TEXT + "東".encode()[:2]), tokens=tokens)


def test_invalid_utf_8_in_the_second_file_names_that_file(tmp_path):
    first, second = written(tmp_path, TEXT), written(tmp_path, b"\xef\xbb\xbfok \xff", "second.txt")
    assert f"{second} is no valid UTF-8 at offset 6;" in refused(tmp_path, first, second)


@pytest.mark.parametrize(("tokens", "data"), [("chars", b"a" * 500), ("bytes", b"\0" * 500), ("words", b"ha " * 500)])
def test_a_vocabulary_of_one(tokens, data, tmp_path):
    assert "nothing to learn" in refused(tmp_path, written(tmp_path, data), tokens=tokens)


def test_a_byte_order_mark_is_dropped_from_text_and_kept_in_bytes(tmp_path):
    path = written(tmp_path, b"\xef\xbb\xbf" + TEXT)
    cache = tmp_path / "cache"
    chars = prepare(train=[str(path)], cache=cache)
    raw = prepare(train=[str(path)], tokens="bytes", cache=cache)
    assert chars.tokenizer.decode(chars.train.tokens[:5]) == b"Plain"
    assert bytes(raw.train.tokens[:3]) == b"\xef\xbb\xbf"


def test_crlf_is_kept_by_bytes_and_exact_chars_and_is_a_line_end_to_words(tmp_path):
    path = written(tmp_path, TEXT.replace(b"\n", b"\r\n"))
    made = {
        tokens: prepare(train=[str(path)], tokens=tokens, valid_fraction=0, exact=True, cache=tmp_path / "cache")
        for tokens in ("bytes", "chars", "words")
    }
    for tokens in ("bytes", "chars"):
        assert made[tokens].tokenizer.decode(made[tokens].train.tokens) == path.read_bytes()
    assert made["words"].tokenizer.decode(made["words"].train.tokens) == TEXT


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "a pipe" in refused(tmp_path, tmp_path / "pipe")
    assert "a device" in refused(tmp_path, "/dev/zero")


def test_a_folder_gives_its_text_files_in_order(tmp_path):
    folder = tmp_path / "texts"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name, data in {
        "b.txt": b"bee\n",
        "a.txt": b"ay",
        "sub/c.md": b"sea\n",
        ".secret": b"no\n",
        ".hidden/d.txt": b"no\n",
        "picture.png": b"\x89PNG\0\0",
        "empty.txt": b"",
        "noise": bytes(range(1, 32)) * 4,
    }.items():
        (folder / name).write_bytes(data)
    os.mkfifo(folder / "pipe")
    source = resolve_names([str(folder)])
    assert b"".join(source.chunks()) == b"ay\nbee\nsea\n"


def test_a_folder_without_text(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    assert "holds no text files" in refused(tmp_path, folder)
    (folder / "x.bin").write_bytes(b"\0\1\2")
    (folder / "gone").symlink_to(folder / "nowhere")
    with socket.socket(socket.AF_UNIX) as door:
        here = os.getcwd()
        os.chdir(folder)
        try:
            door.bind("door")
        finally:
            os.chdir(here)
        assert "holds no text files" in refused(tmp_path, folder)


def test_a_loop_of_folders_is_walked_once(tmp_path):
    folder = tmp_path / "loop"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"once\n")
    (folder / "inner" / "up").symlink_to(folder)
    assert b"".join(resolve_names([str(folder)]).chunks()) == b"once\n"


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    path = written(tmp_path, TEXT)
    source = resolve_names([str(path)])
    path.write_bytes(b"short")
    with pytest.raises(UsageError, match="became shorter"):
        list(source.chunks())


def test_bytes_take_anything_at_the_first_look(tmp_path):
    source = resolve_names([str(written(tmp_path, b"\0\xff" * 100))])
    source.check("bytes")
    with pytest.raises(UsageError):
        source.check("chars")


def test_a_link_out_of_a_folder_is_not_followed_and_one_within_is_read_once(tmp_path):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    for where in (folder / "sub", outside):
        where.mkdir(parents=True)
    (outside / "secret.txt").write_bytes(b"secret\n")
    (folder / "sub" / "b.txt").write_bytes(b"bee\n")
    (folder / "a.txt").symlink_to(folder / "sub" / "b.txt")
    (folder / "key.txt").symlink_to(outside / "secret.txt")
    (folder / "away").symlink_to(outside)
    source = resolve_names([str(folder)])
    assert b"".join(source.chunks()) == b"bee\n"
    assert {one.name: one.reason for one in source.skipped} == {
        "key.txt": "is a link that leads outside the folder",
        "away": "is a link that leads outside the folder",
    }


@pytest.mark.parametrize(
    ("data", "what", "step"),
    [
        (gzip.compress(TEXT, mtime=0), "is gzip-compressed", "`gunzip -c "),
        (b"PK\x03\x04\x14\0\0\0", "is a ZIP archive", "`unzip "),
        (b"PK\x03\x04\x14\0\x06\0word/document.xml", "is a Word document (docx)", "`pandoc -f docx"),
        (b"%PDF-1.7\n" + TEXT, "is a PDF document", "`pdftotext "),
        (b"{\\rtf1\\ansi " + TEXT, "is an RTF document", "`pandoc -f rtf"),
    ],
    ids=["gzip", "zip", "docx", "pdf", "rtf"],
)
def test_formats_that_hold_text_get_their_next_step(data, what, step, tmp_path):
    path = written(tmp_path, data, "it's a text")
    message = refused(tmp_path, path)
    assert what in message
    assert f"{step}" in message
    assert shlex.quote(str(path)) in message


def test_a_text_in_another_encoding_gets_a_whole_command(tmp_path):
    path = written(tmp_path, "“Déjà vu”, l’été à côté…\n".encode("cp1252") * 20, "my text.txt")
    message = refused(tmp_path, path)
    assert "it looks like windows-1252: `--encoding windows-1252` reads it" in message
    assert f"`iconv -f windows-1252 -t UTF-8 {shlex.quote(str(path))} > utf8.txt`" in message


def test_a_damaged_place_in_utf_8_is_not_taken_for_another_encoding(tmp_path):
    path = written(tmp_path, "größer\n".encode() * 20 + "東".encode()[:2] + b"\nmore\n")
    assert "it is UTF-8 until there" in refused(tmp_path, path)
