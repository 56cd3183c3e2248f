"""Where runs and the cache lie."""

from __future__ import annotations

from lstmtui.common import paths


def test_folders_of_runs_and_cache_follow_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMTUI_RUNS", "~/r")
    monkeypatch.setenv("LSTMTUI_CACHE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.runs_root() == tmp_path / "r"
    assert paths.cache_root() == tmp_path
    monkeypatch.delenv("LSTMTUI_RUNS")
    monkeypatch.delenv("LSTMTUI_CACHE")
    assert "lstmtui" in str(paths.runs_root())
    assert "lstmtui" in str(paths.cache_root())
