"""Files that are not UTF-8 text are refused with the remedy."""

from __future__ import annotations

import shlex

import pytest
from support.corpora import prepare, refusal, write_file

TEXT = ("Plain text that anyone can read.\n" * 40).encode()


@pytest.mark.parametrize("tokens", ["chars", "words", "bpe"])
@pytest.mark.parametrize("offset", [5, 20_000])
def test_a_nul_byte_is_refused_with_its_offset(tokens, offset, tmp_path):
    data = bytearray(TEXT * 20)
    data[offset] = 0
    path = write_file(tmp_path, data)
    message = refusal(tmp_path, path, tokens=tokens)
    assert "--tokens bytes" in message
    assert f"offset {offset}" in message
    assert prepare(train=[str(path)], tokens="bytes", cache=tmp_path / "cache").train.bytes > 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_and_utf_32_are_refused_with_the_command_that_converts_them(encoding, tmp_path):
    message = refusal(tmp_path, write_file(tmp_path, TEXT.decode().encode(encoding)))
    assert "iconv -f UTF-" in message
    assert "UTF-8" in message


@pytest.mark.parametrize("tokens", ["chars", "words", "bpe"])
@pytest.mark.parametrize("chunk", [1, 3, 1 << 20])
def test_invalid_utf_8_is_refused_with_its_offset(tokens, chunk, tmp_path, monkeypatch):
    monkeypatch.setattr("lstmtui.data.token_files.CHUNK", chunk)
    for bad in (b"\xe9t\xe9", b"\x80", b"\xe6\x9d.", b"\xed\xa0\x80"):
        path = write_file(tmp_path, TEXT[:101] + bad + TEXT)
        message = refusal(tmp_path, path, tokens=tokens)
        assert f"{path} is no valid UTF-8 at offset 101;" in message
    assert f"offset {len(TEXT)};" in refusal(tmp_path, write_file(tmp_path, TEXT + "東".encode()[:2]), tokens=tokens)


def test_invalid_utf_8_in_the_second_file_names_that_file(tmp_path):
    first, second = write_file(tmp_path, TEXT), write_file(tmp_path, b"\xef\xbb\xbfok \xff", "second.txt")
    assert f"{second} is no valid UTF-8 at offset 6;" in refusal(tmp_path, first, second)


@pytest.mark.parametrize(
    ("data", "what", "step"),
    [
        (b"7z\xbc\xaf\x27\x1c" + TEXT, "is a 7-Zip archive", "`7z x "),
        (b"PK\x03\x04\x14\0\x06\0word/document.xml", "is a Word document (docx)", "`pandoc -f docx"),
        (b"{\\rtf1\\ansi " + TEXT, "is an RTF document", "`pandoc -f rtf"),
    ],
    ids=["7z", "docx", "rtf"],
)
def test_formats_that_hold_text_are_refused_with_the_converter(data, what, step, tmp_path):
    path = write_file(tmp_path, data, "it's a text")
    message = refusal(tmp_path, path)
    assert what in message
    assert f"{step}" in message
    assert shlex.quote(str(path)) in message


def test_a_text_in_another_encoding_is_refused_with_the_command_that_converts_it(tmp_path):
    path = write_file(tmp_path, "“Déjà vu”, l’été à côté…\n".encode("cp1252") * 20, "my text.txt")
    message = refusal(tmp_path, path)
    assert "it looks like windows-1252: `--encoding windows-1252` reads it" in message
    assert f"`iconv -f windows-1252 -t UTF-8 {shlex.quote(str(path))} > utf8.txt`" in message


def test_damaged_utf_8_is_not_mistaken_for_another_encoding(tmp_path):
    path = write_file(tmp_path, "größer\n".encode() * 20 + "東".encode()[:2] + b"\nmore\n")
    assert "it is UTF-8 until there" in refusal(tmp_path, path)
