"""Token files in the cache: types, damage, full disks, and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from support.corpora import TEXT, prepare

from lstmtui.data import token_files
from lstmtui.errors import LstmtuiError, UsageError

KINDS = pytest.mark.parametrize("kind", ["bytes", "chars", "words", "bpe"])


@pytest.mark.parametrize(("count", "dtype"), [(255, np.uint8), (256, np.uint16), (300, np.uint16)])
def test_tokens_have_the_smallest_type_that_fits(count, dtype, tmp_path, cache):
    path = tmp_path / "text.txt"
    path.write_text("".join(map(chr, range(0x4E00, 0x4E00 + count))) * 2, encoding="utf-8")
    data = prepare([path], cache=cache)
    assert data.tokenizer.size == count + 1
    assert data.train.tokens.dtype == dtype
    assert token_files.id_dtype(1 << 17) == np.int32


def test_tokens_are_mapped_and_cannot_be_written(text, cache):
    tokens = prepare([text], cache=cache).train.tokens
    assert isinstance(tokens, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        tokens[0] = 1


@KINDS
def test_the_chunk_size_changes_nothing(kind, text, cache, tmp_path, monkeypatch):
    whole = prepare([text], cache=cache, tokens=kind, test_fraction=0.2)
    monkeypatch.setattr(token_files, "CHUNK", 7)
    small = prepare([text], cache=tmp_path / "other", tokens=kind, test_fraction=0.2)
    assert small.digest == whole.digest
    assert small.tokenizer.digest() == whole.tokenizer.digest()
    for role in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(small, role).tokens, getattr(whole, role).tokens)
        assert getattr(small, role).characters == getattr(whole, role).characters


def test_memory_stays_flat(tmp_path, cache):
    path = tmp_path / "big.txt"
    path.write_bytes(TEXT.encode() * 1500)
    tracemalloc.start()
    prepare([path], cache=cache)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The working set of a few 1 MiB chunks, and chars' table of counts for every code point (2 x 9 MB).
    assert path.stat().st_size > 20 << 20
    assert peak < 48 << 20


def test_the_second_call_reads_the_cache(text, cache, monkeypatch):
    first = prepare([text], cache=cache)
    monkeypatch.setattr(token_files, "_write", None)
    second = prepare([text], cache=cache)
    assert second.digest == first.digest
    np.testing.assert_array_equal(second.train.tokens, first.train.tokens)


def shorten(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


DAMAGES = {
    "shorten": shorten,
    "flip": flip,
    "remove": lambda path: path.unlink(),
    "empty": lambda path: os.truncate(path, 0),
}


@pytest.mark.parametrize("name", ["train.bin", "valid.bin", "contents.json", "tokenizer.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_entry_is_built_again(name, damage, text, cache):
    whole = prepare([text], cache=cache)
    expected = np.array(whole.train.tokens), np.array(whole.valid.tokens)
    del whole
    [found] = cache.rglob(name)
    DAMAGES[damage](found)
    again = prepare([text], cache=cache)
    np.testing.assert_array_equal(again.train.tokens, expected[0])
    np.testing.assert_array_equal(again.valid.tokens, expected[1])
    assert len(list((cache / "tokens").iterdir())) == 1


def test_token_files_that_contradict_their_list_are_built_again(text, cache):
    prepare([text], cache=cache)
    [found] = cache.rglob("contents.json")
    whole = found.read_text()
    for lie in ("[] x", whole.replace('"bytes":', '"bytes":1'), whole.split()[0]):
        found.write_text(lie)
        assert prepare([text], cache=cache).train.bytes < len(TEXT.encode())
        assert found.read_text() == whole


def test_a_refused_text_leaves_no_files(tmp_path, cache):
    path = tmp_path / "late.txt"
    path.write_bytes(TEXT.encode() + b"\xff")
    with pytest.raises(UsageError):
        prepare([path], cache=cache)
    assert list((cache / "tokens").glob("*")) == []


def test_a_full_disk_is_reported(text, cache, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_files.os, "fsync", full)
    with pytest.raises(LstmtuiError, match="No space left on device") as caught:
        prepare([text], cache=cache)
    assert "LSTMTUI_CACHE" in str(caught.value)
    assert list((cache / "tokens").iterdir()) == []


@pytest.mark.parametrize("name", ["contents.json", "tokenizer.json"])
def test_token_files_that_cannot_be_read_are_not_removed(name, text, cache, monkeypatch):
    prepare([text], cache=cache)
    [found] = cache.rglob(name)

    def refuse(path, limit):
        if path == found:
            raise OSError(5, "Input/output error")
        return read_file(path, limit)

    read_file = token_files.read_file
    monkeypatch.setattr(token_files, "read_file", refuse)
    with pytest.raises(LstmtuiError, match="Input/output error"):
        prepare([text], cache=cache)
    assert found.exists()


@pytest.mark.parametrize("kind", ["bytes", "chars"])
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("line", ["words and spaces, größer and 東 ", "onelongwordwithoutanyspace"])
def test_memory_stays_flat_for_one_endless_line(kind, exact, line, tmp_path, cache):
    path = tmp_path / "line.txt"
    path.write_bytes(line.encode() * ((24 << 20) // len(line.encode())))
    tracemalloc.start()
    data = prepare([path], cache=cache, tokens=kind, exact=exact)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert data.train.bytes + data.valid.bytes == path.stat().st_size
    # As for many lines: a few chunks, and chars' table of counts for every code point.
    assert peak < 48 << 20


@pytest.mark.parametrize("kind", ["words", "bpe"])
def test_an_endless_word_is_refused_in_a_sentence(kind, tmp_path, cache):
    path = tmp_path / "word.txt"
    path.write_bytes(b"word" * (1 << 19))
    with pytest.raises(UsageError, match="a word of more than a million"):
        prepare([path], cache=cache, tokens=kind)


def test_drafts_of_a_dead_process_are_removed_after_a_while(text, cache):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    old, new = (cache / "tokens" / f".{'0' * 32}.{name}.{dead.pid}.tmp" for name in ("old", "new"))
    for draft in (old, new):
        draft.mkdir(parents=True)
        (draft / "train.bin").write_bytes(b"half")
    for path in (old / "train.bin", old):
        os.utime(path, (0, 0))
    prepare([text], cache=cache)
    assert not old.exists()
    assert new.exists()


def test_tokens_of_an_unreadable_run_are_in_use(text, cache, tmp_path, monkeypatch):
    prepare([text], cache=cache)
    [folder] = (cache / "tokens").iterdir()
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.toml").touch()
    (folder / token_files.USERS_FILE).write_bytes(os.fsencode(run) + b"\n")
    assert token_files.is_in_use(folder)

    def refuse(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(token_files, "exists", refuse)
    assert token_files.is_in_use(folder)
