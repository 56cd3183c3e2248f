from __future__ import annotations

import subprocess
import sys

import pytest

from lstmtui.cli import ls, main

COMMANDS = (
    *("train", "resume", "pause", "continue", "stop", "save", "set", "ls", "show", "rm"),
    *("type", "complete", "sample", "evaluate", "bench", "info", "corpora", "cache", "mv", "pack", "help"),
)


def test_help_names_every_command(lstmtui):
    said = lstmtui("--help")
    assert said.code == 0
    assert said.err == ""
    for command in COMMANDS:
        assert f" {command} " in said.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_page(lstmtui, command):
    said = lstmtui(command, "--help")
    assert said.code == 0
    assert f"lstmtui {command}" in said.out


def test_help_is_a_command_too(lstmtui):
    assert lstmtui("help", "train").out == lstmtui("train", "--help").out
    assert lstmtui("help", "corpora", "fetch").out == lstmtui("corpora", "fetch", "--help").out
    assert lstmtui("help").out == lstmtui("--help").out
    said = lstmtui("help", "tran")
    assert said.code == 2
    assert "Did you mean 'train'" in said.err


def test_version(lstmtui):
    from lstmtui import __version__

    assert lstmtui("--version").out == f"lstmtui {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shwo"], "Did you mean 'show'"),
        (["train", "--hiden", "3"], "--hidden"),
        (["show", "--jsn"], "--json"),
        (["rm"], "RUN"),
        (["complete", "x", "y", "-k", "0"], "-k"),
        (["complete", "x", "y", "-k", "many"], "-k"),
        (["cache"], ""),
    ],
)
def test_an_invalid_command_line_is_one_sentence_and_exit_2(lstmtui, arguments, words):
    said = lstmtui(*arguments)
    assert said.code == 2
    if words:
        assert said.err.startswith("lstmtui: ")
        assert said.err.count("\n") == 1
        assert words in said.err


def test_without_a_command_the_screens_open(lstmtui, monkeypatch):
    from lstmtui import tui

    monkeypatch.setattr(tui, "run", lambda *given, **named: 7, raising=False)
    assert lstmtui().code == 7


def test_type_opens_the_typing_screen_on_a_run_that_exists(lstmtui, monkeypatch, make_run):
    from lstmtui import tui

    opened = []
    monkeypatch.setattr(tui, "run", lambda *given, **named: opened.append((given, named)) or 0, raising=False)
    make_run("diary")
    assert lstmtui("type", "diary").code == 0
    assert opened == [(("diary",), {"screen": "type", "theme": None, "charset": None})]
    assert lstmtui("type", "dairy").code == 2
    assert len(opened) == 1


def test_an_internal_error_is_one_sentence_and_debug_shows_the_traceback(lstmtui, monkeypatch):
    def explode(*given):
        raise RuntimeError("boom \x1b[2J")

    monkeypatch.setattr(ls, "list_runs", explode)
    said = lstmtui("ls")
    assert said.code == 1
    assert said.err.count("\n") == 1
    assert "boom" in said.err
    assert "\x1b" not in said.err
    assert "Traceback" in lstmtui("ls", "--debug").err
    monkeypatch.setenv("LSTMTUI_DEBUG", "1")
    assert "Traceback" in lstmtui("ls").err


def test_debug_after_dashes_is_text(lstmtui, make_run):
    make_run("diary")
    assert lstmtui("complete", "diary", "--", "--debug").code == 0


def test_a_system_error_names_the_file(lstmtui, monkeypatch):
    def refuse(*given):
        raise PermissionError(13, "Permission denied", "/some/where")

    monkeypatch.setattr(ls, "list_runs", refuse)
    said = lstmtui("ls")
    assert (said.code, said.err) == (1, "lstmtui: /some/where: Permission denied.\n")


def test_an_interrupt_is_130(lstmtui, monkeypatch):
    def interrupt(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(ls, "list_runs", interrupt)
    said = lstmtui("ls")
    assert (said.code, said.err) == (130, "")


def test_output_closed_early_is_quiet(start_process, make_run):
    make_run("diary")
    command = start_process("sample", "diary", "-n", "200000")
    assert command.stdout is not None
    assert command.stdout.read(3) == "ab\x1b"
    command.stdout.close()
    assert command.stderr is not None
    assert command.stderr.read() == ""
    assert command.wait(20) == 141


def test_characters_outside_the_encoding_are_replaced(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "lstmtui.cli", "show", "n\u00e4h\u20ac"],
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C", "LSTMTUI_RUNS": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_main_returns_for_any_exit(lstmtui):
    assert main(["--version"]) == 0


@pytest.mark.parametrize(
    "command", [["train"], ["plan"], ["compare"], ["evaluate", "diary"], ["adapt", "diary"]], ids=lambda c: c[0]
)
def test_every_command_refuses_an_unreadable_text_alike(lstmtui, make_run, tmp_path, command):
    make_run()
    (tmp_path / "old.txt").write_bytes("“Déjà vu”, l’été à côté…\n".encode("cp1252") * 20)
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    for name, said in (
        ("", "n empty text names no file"),
        (tmp_path / "old.txt", "it looks like windows-1252: `--encoding windows-1252` reads it"),
        (tmp_path / "a.zip", "a.zip is a damaged or encrypted archive"),
    ):
        done = lstmtui(*command, name)
        assert done.code == 2
        assert said in done.err
    if command == ["train"]:
        assert lstmtui("train", tmp_path / "old.txt", "--encoding", "windows-1252", "--name", "old").code == 0
    if command[0] == "evaluate":
        assert lstmtui(*command, tmp_path / "old.txt", "--encoding", "windows-1252").code == 0


@pytest.mark.parametrize("option", ["--valid", "--test"])
def test_an_empty_name_of_other_text_is_refused(lstmtui, text_file, option):
    assert "an empty text names no file" in lstmtui("train", text_file, option, "").err


@pytest.mark.parametrize("command", [["ls"], ["train", "x.txt"], ["show", "x"], ["info"], ["complete", "x", "a"], []])
def test_every_command_reports_an_unknown_variable_alike(lstmtui, monkeypatch, command):
    monkeypatch.setenv("LSTMTUI_RUN", "/elsewhere")
    said = lstmtui(*command)
    sentence = "there is no such variable (did you mean LSTMTUI_RUNS?); correct its name, or unset it."
    assert (said.code, said.err) == (2, f"lstmtui: environment variable LSTMTUI_RUN: {sentence}\n")
    for asked in (["--help"], ["--version"], ["help", "train"], ["train", "--help"]):
        assert lstmtui(*asked).code == 0
