"""`rm`."""

from __future__ import annotations


def test_without_an_answer_nothing_is_removed(lstmtui, make_run, monkeypatch):
    run = make_run("diary")
    said = lstmtui("rm", "diary")
    assert said.code == 2
    assert "--yes" in said.err
    assert run.config.exists()
    assert lstmtui("rm", "diary", "--yes").code == 0
    assert not run.path.exists()


def test_a_terminal_is_asked_first(lstmtui, make_run, monkeypatch):
    run = make_run("diary")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *given, **named: (_ for _ in ()).throw(__import__("typer").Abort()))
    said = lstmtui("rm", "diary")
    assert (said.code, said.err) == (1, "Nothing was changed.\n")
    assert run.config.exists()
    monkeypatch.setattr("typer.confirm", lambda *given, **named: True)
    assert lstmtui("rm", "diary").code == 0
    assert not run.path.exists()


def test_a_run_that_trains_is_not_removed(lstmtui, live_run):
    said = lstmtui("rm", "live", "--yes")
    assert said.code == 5
    assert live_run.config.exists()


def test_foreign_files_in_the_folder_are_kept(lstmtui, make_run):
    run = make_run("diary")
    (run.path / "notes.txt").write_text("mine")
    said = lstmtui("rm", "diary", "--yes")
    assert said.code == 0
    assert "notes.txt" in said.err
    assert [p.name for p in run.path.iterdir()] == ["notes.txt"]
