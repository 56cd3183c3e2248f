"""Digests of files, stored for large ones."""

from __future__ import annotations

import os

from support.corpora import TEXT

from lstmtui.data import parts
from lstmtui.data.reading import resolve_names


def test_a_large_file_is_digested_once(tmp_path, cache, monkeypatch):
    from lstmtui.data import digests

    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    os.utime(path, (1, 1))
    monkeypatch.setattr(digests, "MIN_REMEMBERED_BYTES", 1)
    first = resolve_names([str(path)]).digest(cache)
    monkeypatch.setattr(parts.Part, "read", lambda *args: [b"not what the file holds"])
    assert resolve_names([str(path)]).digest(cache) == first
    monkeypatch.undo()
    monkeypatch.setattr(digests, "MIN_REMEMBERED_BYTES", 1)
    path.write_bytes(TEXT.encode().replace(b"line", b"LINE"))
    assert resolve_names([str(path)]).digest(cache) != first
