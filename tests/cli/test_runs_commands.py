"""ls, show, rm and the names of runs."""

from __future__ import annotations

import json
import re

import pytest

from lstmtui.cli import options
from lstmtui.runs.folder import RunFolder


def test_ls_without_runs_says_how_to_begin(lstmtui):
    said = lstmtui("ls")
    assert (said.code, said.out) == (0, "")
    assert "lstmtui train" in said.err
    assert json.loads(lstmtui("ls", "--json").out) == []


def test_ls_shows_each_run_on_a_line(lstmtui, make_run):
    make_run("diary")
    make_run("novel", "stopped", cell="gru")
    lines = lstmtui("ls").out.splitlines()
    assert len(lines) == 3
    rows = {line.split()[0]: line for line in lines[1:]}
    assert "finished" in rows["diary"]
    assert "2.164 bits/char" in rows["diary"]
    assert "gru 2x256" in rows["novel"]
    assert "4/10" in rows["novel"]


def test_ls_shows_damaged_runs_too(lstmtui, make_run):
    make_run("diary").config.write_text("not [ toml")
    make_run("other").status.write_text("{")
    said = lstmtui("ls")
    assert said.code == 0
    assert "diary" in said.out
    assert "other" in said.out


def test_ls_json(lstmtui, make_run):
    make_run("diary")
    (record,) = json.loads(lstmtui("ls", "--json").out)
    assert record["run"] == "diary"
    assert record["nll"] == 1.5
    assert record["step"] == 4


def test_ls_long_says_how_much_room_each_takes(lstmtui, make_run):
    run = make_run("diary")
    (run.path / "engine.log").write_bytes(b"x" * 3_000_000)
    for option in ("-l", "--long"):
        out = lstmtui("ls", option).out
        assert "size" in out
        assert "3.0 MB" in out or "3.1 MB" in out
    assert "size" not in lstmtui("ls").out
    (record,) = json.loads(lstmtui("ls", "--long", "--json").out)
    assert record["bytes"] > 3_000_000


def test_a_narrow_terminal_shows_fewer_columns_and_whole_figures(lstmtui, make_run, monkeypatch):
    make_run("a-rather-long-name-of-a-run-of-mine")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for columns, long in ((80, ()), (80, ("-l",)), (60, ("-l",))):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = lstmtui("ls", *long).out.splitlines()
        assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines) <= columns
        for figure in ("4/10", "2.164 bits/char", "finished"):
            assert figure in lines[1], lines
        assert lines[1].startswith("a-rather-long-n")
        assert ("kB" in lines[1]) == bool(long)
        assert ("moon.txt" in lines[1]) == (columns > 60 and not long)
    monkeypatch.setenv("COLUMNS", "140")
    assert "a-rather-long-name-of-a-run-of-mine" in lstmtui("ls").out


def test_mv(lstmtui, make_run):
    make_run("diary")
    make_run("novel")
    said = lstmtui("mv", "diary", "memoir")
    assert (said.code, said.err) == (0, "Run 'diary' is now 'memoir'.\n")
    assert lstmtui("show", "memoir").code == 0
    assert lstmtui("show", "diary").code == 2
    taken = lstmtui("mv", "memoir", "novel")
    assert (taken.code, taken.err.count("\n")) == (2, 1)
    assert "already a run 'novel'" in taken.err


def test_after_mv_the_cache_keeps_the_tokens_for_the_new_name(lstmtui, make_run, tmp_path):
    run = make_run("diary")
    digest = "0" * 64
    run.plan.write_text(json.dumps({"steps": 10, "corpus": digest}))
    tokens = tmp_path / "cache" / "tokens" / digest[:32]
    tokens.mkdir(parents=True)
    assert lstmtui("mv", "diary", "memoir").code == 0
    assert (tokens / "users").read_text() == f"{run.path.with_name('memoir')}\n"


def test_mv_refuses_a_run_that_trains(lstmtui, live_run):
    said = lstmtui("mv", "live", "other")
    assert said.code == 5
    assert "already being trained" in said.err
    assert live_run.path.exists()


def test_show(lstmtui, make_run):
    make_run("diary")
    out = lstmtui("show", "diary").out
    for words in ("diary  finished", "4 of 10", "1,234", "1.5000 nats per token", "learning", "a sample", "hidden"):
        assert words in out or words == "learning"
    assert "lstm" in out


def test_show_takes_the_latest_and_prints_json(lstmtui, make_run):
    make_run("diary")
    record = json.loads(lstmtui("show", "--json").out)
    assert record["run"] == "diary"
    assert record["settings"]["hidden"] == 256
    assert record["sample"]["text"] == "a sample \x07of text"


@pytest.mark.parametrize("command", ["show", "resume", "stop", "sample", "rm"])
@pytest.mark.parametrize("name", ["nope", "../x", "a\x1b[2Jb", "a/b", "..", "", "x" * 300])
def test_a_run_that_is_none_is_refused(lstmtui, command, name):
    said = lstmtui(command, "--", name)
    assert said.code == 2
    assert said.err.startswith("lstmtui: ")
    assert said.err.count("\n") == 1
    assert "\x1b" not in said.err
    assert len(said.err) < 400


def test_a_near_name_is_suggested(lstmtui, make_run):
    make_run("diary")
    assert "did you mean 'diary'?" in lstmtui("show", "dairy").err


def test_rm_wants_an_answer(lstmtui, make_run, monkeypatch):
    run = make_run("diary")
    said = lstmtui("rm", "diary")
    assert said.code == 2
    assert "--yes" in said.err
    assert run.config.exists()
    assert lstmtui("rm", "diary", "--yes").code == 0
    assert not run.path.exists()


def test_rm_asks_on_a_terminal(lstmtui, make_run, monkeypatch):
    run = make_run("diary")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *given, **named: (_ for _ in ()).throw(__import__("typer").Abort()))
    said = lstmtui("rm", "diary")
    assert (said.code, said.err) == (1, "Nothing was changed.\n")
    assert run.config.exists()
    monkeypatch.setattr("typer.confirm", lambda *given, **named: True)
    assert lstmtui("rm", "diary").code == 0
    assert not run.path.exists()


def test_rm_refuses_a_run_at_work(lstmtui, live_run):
    said = lstmtui("rm", "live", "--yes")
    assert said.code == 5
    assert live_run.config.exists()


def test_rm_keeps_what_is_not_of_a_run(lstmtui, make_run):
    run = make_run("diary")
    (run.path / "notes.txt").write_text("mine")
    said = lstmtui("rm", "diary", "--yes")
    assert said.code == 0
    assert "notes.txt" in said.err
    assert [p.name for p in run.path.iterdir()] == ["notes.txt"]


def test_run_names_complete(make_run, monkeypatch):
    make_run("diary")
    make_run("novel")

    class Context:
        params: dict[str, str] = {}  # noqa: RUF012

    assert options.run_names(Context(), "d") == ["diary"]
    assert set(options.run_names(Context(), "")) == {"diary", "novel", "latest"}


def test_the_shell_gets_run_names(start_process, make_run, monkeypatch):
    make_run("diary")
    monkeypatch.setenv("_LSTMTUI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "lstmtui show di")
    monkeypatch.setenv("COMP_CWORD", "2")
    out, _ = start_process().communicate(timeout=20)
    assert out.split() == ["diary"]


def test_a_run_is_called_by_name_or_by_path(make_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert options.short(make_run("diary")) == "diary"
    assert options.short(RunFolder(tmp_path / "other")) == "./other"
