"""`lsp`: what it refuses; the language server itself is tested in tests/editor."""

from __future__ import annotations

import sys


def test_a_run_that_does_not_exist(lstmtui):
    said = lstmtui("lsp", "nope")
    assert (said.code, said.out) == (2, "")
    assert "nope" in said.err


def test_a_missing_extra_is_named(lstmtui, make_run, monkeypatch):
    make_run("diary")
    for name in [name for name in sys.modules if name.startswith("lstmtui.editor")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pygls", None)
    monkeypatch.setitem(sys.modules, "pygls.lsp.server", None)
    said = lstmtui("lsp", "diary")
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert "pip install 'lstmtui[editor]'" in said.err
