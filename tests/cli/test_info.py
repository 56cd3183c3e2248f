"""`info`."""

from __future__ import annotations

import json

import pytest

from lstmtui.common.paths import cache_root
from lstmtui.errors import LstmtuiError


def test_info_has_what_a_bug_report_needs(lstmtui, monkeypatch):
    facts = {"numba": "1", "threads": 2, "cuda": False}
    monkeypatch.setattr("lstmtui.client.info.engine_facts", lambda: facts)
    found = json.loads(lstmtui("info", "--json").out)
    assert found["compute"] == {"threads": 2, "cuda": False}
    assert found["versions"]["numpy"]
    assert found["machine"]["processors"] >= 1
    out = lstmtui("info").out
    assert "cuda            no" in out
    assert str(cache_root()) in out


@pytest.mark.parametrize("error", [LstmtuiError("The engine ended unexpectedly (no LLVM)."), OSError("no memory")])
def test_info_reports_an_engine_that_does_not_answer(lstmtui, monkeypatch, error):
    def engine_facts():
        raise error

    monkeypatch.setattr("lstmtui.client.info.engine_facts", engine_facts)
    said = lstmtui("info")
    assert said.code == 0
    assert f"engine          {error}" in said.out
