from __future__ import annotations

import bz2
import gzip
import lzma
import sys

import pytest
from backports import zstd

from lstmtui.data.containers import compression
from lstmtui.data.containers.budget import Budget
from lstmtui.data.containers.compression import members, recognises, without_ending
from lstmtui.errors import UsageError

TEXT = b"".join(b"line %d of a text\n" % n for n in range(50_000))
KINDS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress}


def read(path):
    ((_, chunks),) = members(path, path.name, Budget(path.name, path.stat().st_size))
    return b"".join(chunks)


@pytest.mark.parametrize("kind", KINDS)
def test_one_stream_and_several_in_a_row(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    once = KINDS[kind](TEXT)
    for content, expected in (
        (once, TEXT),
        (once + KINDS[kind](b"the end"), TEXT + b"the end"),
        (KINDS[kind](b""), b""),
    ):
        path.write_bytes(content)
        assert recognises(content, path.name)
        assert read(path) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_ends_too_early_is_damaged(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(KINDS[kind](TEXT)[:-20])
    with pytest.raises(UsageError, match="is damaged"):
        read(path)


def test_xz_may_not_ask_for_much_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(compression, "MAX_MEMORY", 1 << 20)
    path = tmp_path / "a.xz"
    path.write_bytes(lzma.compress(TEXT, preset=9))
    with pytest.raises(UsageError, match="is damaged"):
        read(path)


def test_zstandard_needs_its_package(tmp_path, monkeypatch):
    path = tmp_path / "a.zst"
    path.write_bytes(zstd.compress(TEXT))
    monkeypatch.setitem(sys.modules, "backports", None)
    monkeypatch.setitem(sys.modules, "compression", None)
    with pytest.raises(UsageError, match=r"lstmtui\[documents\]"):
        read(path)


def test_names_lose_the_ending():
    assert [without_ending(name) for name in ("b/a.txt.gz", "a.TGZ", "a")] == ["a.txt", "a.tar", "a"]
