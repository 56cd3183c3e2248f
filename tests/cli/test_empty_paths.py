"""An empty text as a path or a name is refused everywhere: it would be the current folder."""

from __future__ import annotations

import pytest

from lstmtui.cli.commands import COMMANDS

PATHS = ("FILE", "FOLDER", "RUN", "OLD", "NEW", "NAME", "ARCHIVE")
OTHER_NAMES = {"theme", "encoding", "field"}
"""Parameters that show NAME and are no names of runs or files."""


def parameters():
    """Yield command, parameter and the arguments before it, of everything that takes a path or a name."""
    for entry in COMMANDS:
        command = entry.load()
        for sub, one in getattr(command, "commands", {"": command}).items():
            for parameter in one.params:
                metavar = (parameter.metavar or ("NAME" if parameter.name == "name" else "")).rstrip(".")
                if metavar in PATHS and parameter.name not in OTHER_NAMES:
                    yield " ".join(filter(None, (entry.name, sub))), parameter, one


FOUND = list(parameters())


def line(command, parameter, whole, text_file):
    """Return a command line that is right but for the empty parameter."""
    words = command.split()
    for other in whole.params:
        if other.param_type_name == "argument" and (other.required or other is parameter):
            wanted = {"RUN": "diary", "OLD": "diary", "NEW": "novel", "FILE": str(text_file)}
            words.append("" if other is parameter else wanted.get((other.metavar or "").rstrip("."), "hidden=3"))
    if parameter.param_type_name != "argument":
        words += [parameter.opts[0], ""]
    return words


def test_commands_with_path_parameters_are_found():
    found = {f"{command} {parameter.name}" for command, parameter, _ in FOUND}
    assert {"train corpus", "train valid", "train config", "train name", "evaluate files", "mv new", "plot to"} <= found
    assert {"ls runs_dir", "rm runs", "show run", "fork name", "compare name", "corpora show name"} <= found


@pytest.mark.parametrize(
    ("command", "parameter", "whole"), FOUND, ids=[f"{command}-{parameter.name}" for command, parameter, _ in FOUND]
)
def test_an_empty_path_is_one_sentence_and_exit_2(lstmtui, make_run, text_file, monkeypatch, command, parameter, whole):
    make_run("diary")
    monkeypatch.chdir(text_file.parent)  # a folder with texts in it
    said = lstmtui(*line(command, parameter, whole, text_file))
    assert (said.code, said.err.count("\n")) == (2, 1), said
    assert said.out == ""
