"""Names to text: several files, folders, encodings, generators."""

from __future__ import annotations

import gzip
import zipfile

import pytest
from support.corpora import folder_with, prepare

from lstmtui.config import DataSettings, Settings
from lstmtui.data.corpus import open_corpus
from lstmtui.data.reading import ReadOptions, open_source, resolve_names
from lstmtui.errors import UsageError


def test_several_files_are_joined_with_one_newline_where_needed(tmp_path, cache):
    for name, data in (("a", b"one"), ("b", b"two\n"), ("c", b"\xef\xbb\xbfthree")):
        (tmp_path / name).write_bytes(data)
    names = [str(tmp_path / name) for name in "abc"]
    assert b"".join(resolve_names(names, cache=cache).as_text().chunks()) == b"one\ntwo\nthree"
    assert b"".join(resolve_names(names, cache=cache).chunks(2)) == b"one\ntwo\n\xef\xbb\xbfthree"
    assert open_source(names, ReadOptions(), cache=cache).bytes == len(b"one\ntwo\nthree")
    assert open_source(names, ReadOptions(tokens="bytes"), cache=cache).bytes == len(b"one\ntwo\n\xef\xbb\xbfthree")


def test_a_generator_is_read_by_its_name(cache):
    assert open_source(["reber:lines=50,seed=3"], ReadOptions(), cache=cache).bytes > 500
    data = prepare(["brackets:lines=200"], cache=cache)
    assert data.name == "brackets:lines=200"
    assert data.tokenizer.size == 6


def test_an_empty_name_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    for settings in ({"corpus": ("",)}, {"valid": ("",)}, {"test": ("",)}):
        with pytest.raises(UsageError, match="An empty text names no file"):
            open_corpus(DataSettings.of(Settings(**{"corpus": (str(text),), **settings})))


def test_an_encoding_reads_files_that_were_skipped(tmp_path, cache):
    folder = folder_with(tmp_path, **{"a.txt": "größer\n", "b.txt": "später\n".encode("cp1252")})
    how = ReadOptions(encoding="windows-1252")
    assert b"".join(open_source([str(folder)], how, cache=cache).chunks()).decode() == "größer\nspäter\n"
    assert not open_source([str(folder)], how, cache=cache).skipped


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp1252", "iso2022_jp"])
def test_a_text_in_another_encoding_gives_the_same_tokens(encoding, tmp_path, cache):
    text = "Plain text, read in any encoding.\n" * 50
    (tmp_path / "a.txt").write_text(text, encoding=encoding)
    (tmp_path / "b.txt").write_text(text)
    a, b = (prepare([tmp_path / name], cache=cache, encoding=encoding) for name in ("a.txt", "b.txt"))
    assert a.digest == b.digest


def test_a_wrong_encoding_and_an_unknown_one_are_refused(tmp_path, cache):
    (tmp_path / "a.txt").write_bytes("später ".encode("cp1252") * 50)
    with pytest.raises(UsageError, match="is not in euc_jp"):
        prepare([tmp_path / "a.txt"], cache=cache, encoding="euc_jp")
    for name in ("nonsense", "zlib", "hex"):
        with pytest.raises(UsageError, match="There is no encoding called"):
            prepare([tmp_path / "a.txt"], cache=cache, encoding=name)


def test_texts_are_taken_out_of_archives_and_tables(cache, tmp_path):
    rows = "".join(f'{{"text": "line {n}", "id": {n}}}\n' for n in range(3))
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.txt", "one\n")
        archive.writestr("b.txt", b"gr\xfcn")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    source = open_source([str(tmp_path / "t.zip")], ReadOptions(), cache=cache)
    assert b"".join(source.chunks()) == b"one\n"
    assert [(file.name, "windows-1252" in file.reason) for file in source.skipped] == [("b.txt", True)]
    source = open_source([str(tmp_path / "t.zip")], ReadOptions(encoding="windows-1252"), cache=cache)
    assert b"".join(source.chunks()).decode() == "one\ngrün"
    source = open_source([str(tmp_path / "c.jsonl.gz")], ReadOptions(field="text"), cache=cache)
    assert b"".join(source.chunks()) == b"line 0\nline 1\nline 2\n"
    source = open_source([str(tmp_path / "c.jsonl.gz")], ReadOptions(tokens="bytes"), cache=cache)
    assert source.bytes == (tmp_path / "c.jsonl.gz").stat().st_size


def test_a_folder_may_hold_compressed_texts_and_skips_damaged_ones(cache, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("one\n")
    (folder / "b.txt.gz").write_bytes(gzip.compress(b"two\n"))
    (folder / "c.txt.gz").write_bytes(gzip.compress(b"three\n")[:-8])
    source = open_source([str(folder)], ReadOptions(), cache=cache)
    assert b"".join(source.chunks()) == b"one\ntwo\n"
    assert [file.name for file in source.skipped] == ["c.txt.gz"]


def test_a_field_of_a_corpus_without_tables_is_refused(cache, tmp_path, text):
    with pytest.raises(UsageError, match="is no table"):
        open_corpus(DataSettings.of(Settings(corpus=(str(text),), field="text")), cache=cache)
