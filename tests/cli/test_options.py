"""Runs are given by name, by path or as `latest`, and completed by the shell."""

from __future__ import annotations

import pytest

from lstmtui.cli import options
from lstmtui.runs.folder import RunFolder


@pytest.mark.parametrize("command", ["show", "resume", "stop", "sample", "rm"])
@pytest.mark.parametrize("name", ["nope", "../x", "a\x1b[2Jb", "a/b", "..", "", "x" * 300])
def test_an_unknown_run_raises(lstmtui, command, name):
    said = lstmtui(command, "--", name)
    assert said.code == 2
    assert said.err.startswith("lstmtui: ")
    assert said.err.count("\n") == 1
    assert "\x1b" not in said.err
    assert len(said.err) < 400


def test_a_similar_name_is_suggested(lstmtui, make_run):
    make_run("diary")
    assert "did you mean 'diary'?" in lstmtui("show", "dairy").err


def test_run_names_are_completed(make_run, monkeypatch):
    make_run("diary")
    make_run("novel")

    class Context:
        params: dict[str, str] = {}  # noqa: RUF012

    assert options.run_names(Context(), "d") == ["diary"]
    assert set(options.run_names(Context(), "")) == {"diary", "novel", "latest", "base"}


def test_the_shell_completes_run_names(start_process, make_run, monkeypatch):
    make_run("diary")
    monkeypatch.setenv("_LSTMTUI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "lstmtui show di")
    monkeypatch.setenv("COMP_CWORD", "2")
    out, _ = start_process().communicate(timeout=20)
    assert out.split() == ["diary"]


def test_a_run_is_found_by_name_or_by_path(make_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert options.run_argument(make_run("diary")) == "diary"
    assert options.run_argument(RunFolder(tmp_path / "other")) == "./other"
