"""What is answered before the commands are loaded is what the command would answer."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading

import pytest

from lstmtui.cli import commands, warm_complete
from lstmtui.client import daemon

WORDS = ("latest", "", "5", "--warm", "--plain", "--json", "--phrase", "-k", "3", "100")
WORDS += ("101", "0", "-3", "--", "-", "-k4", "--threshold", "0.2", "--stdin", "--runs-dir", "--plian", "--warm=1")


def params(line: list[str]) -> dict[str, object] | None:
    """Return what the command's own parser makes of a line; None for one that it refuses."""
    command = next(entry for entry in commands.COMMANDS if entry.name == "complete").load()
    try:
        return dict(command.make_context("complete", line).params)
    except Exception:
        return None


def test_the_fast_path_parses_as_the_command_does():
    draw = random.Random(5)
    lines = [["diary", "The ", "--warm", *(draw.choice(WORDS) for _ in range(draw.randrange(4)))] for _ in range(300)]
    understood = 0
    for line in lines:
        draw.shuffle(line)
    for line in (["diary", "The ", "--warm"], ["--warm", "-k", "1", "--plain", "diary", "--", "--json"], *lines):
        found = warm_complete.parse(["complete", *line])
        if found is not None:
            understood += 1
            expected = params(line)
            assert expected is not None, line
            defaults = params(["a", "b"])
            assert defaults is not None
            assert {**defaults, **found} == expected, line
    assert understood > 10


@pytest.mark.parametrize(
    "line",
    [["complete", "diary", "x"], ["sample", "diary", "x", "--warm"], ["complete", "diary", "--warm"], ["--warm"], []],
    ids=" ".join,
)
def test_other_lines_are_left_to_the_commands(line):
    assert warm_complete.parse(line) is None


def test_the_shells_completion_is_left_to_the_commands(monkeypatch):
    monkeypatch.setenv("_LSTMTUI_COMPLETE", "complete_bash")
    assert warm_complete.parse(["complete", "diary", "x", "--warm"]) is None


def test_with_a_daemon_no_command_is_loaded(make_run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    place = daemon.socket_path(make_run("diary"))
    asked = []
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(place))
        door.listen()

        def answer() -> None:
            line, _ = door.accept()
            with line, line.makefile("rwb") as talk:
                asked.append(json.loads(talk.readline()))
                talk.write(b'{"candidates": [{"text": "mat", "probability": 0.5}]}\n')

        threading.Thread(target=answer, daemon=True).start()
        program = "import sys; from lstmtui.cli import main; code = main(sys.argv[1:]); "
        program += "sys.exit(7 if 'typer' in sys.modules else code)"
        done = subprocess.run(
            [sys.executable, "-c", program, "complete", "diary", "--warm", "--plain", "-k", "1", "--", "on the "],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "mat\n", "")
    assert asked == [{"op": "complete", "text": "on the ", "k": 1, "phrase": False}]


def test_an_error_of_the_daemon_is_reported_once(lstmtui, make_run, monkeypatch):
    from lstmtui.errors import UsageError

    def refuse(run, question):
        raise UsageError("No more of that.")

    make_run("diary")
    monkeypatch.setattr(daemon, "ask", refuse)
    said = lstmtui("complete", "diary", "The ", "--warm")
    assert (said.code, said.out, said.err) == (2, "", "lstmtui: No more of that.\n")


def test_plain_candidates_are_unchanged(capsys):
    texts = ["می\u200cخواهم ", "क्\u200dष", "👨\u200d👩\u200d👧", "Donau\u00addampf", "one\nmore"]
    answer = {"candidates": [{"text": text, "probability": 0.2} for text in texts]}
    assert warm_complete.print_candidates(answer, json=False, plain=True) == 0
    assert capsys.readouterr().out == "".join(text.partition("\n")[0] + "\n" for text in texts)


def test_a_correction_is_marked_and_not_a_plain_candidate(capsys):
    answer = {"candidates": [{"text": "the", "probability": 0.9, "replaces": 3}, {"text": "ran", "probability": 0.1}]}
    assert warm_complete.print_candidates(dict(answer), json=False, plain=False, text="of teh") == 0
    assert capsys.readouterr().out == " 90.0%  teh → the\n 10.0%  ran\n"
    assert warm_complete.print_candidates(dict(answer), json=False, plain=True, text="of teh") == 0
    assert capsys.readouterr().out == "ran\n"
    assert warm_complete.print_candidates(dict(answer), json=True, plain=True, text="of teh") == 0
    assert '"replaces": 3' in capsys.readouterr().out
