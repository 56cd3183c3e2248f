"""`lstmtui tune`: a search begun, joined, shown and refused."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import sys

import pytest
from support.thread_engine import ThreadEngine

from lstmtui import config
from lstmtui.cli import tune_trials
from lstmtui.client import runs
from lstmtui.reports import comparison
from lstmtui.reports.comparison import Group
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader


@pytest.fixture(autouse=True)
def _quick(monkeypatch, lstmtui):
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr(tune_trials, "LOOK", 0.05)
    monkeypatch.setattr(tune_trials, "INTERVAL", 0.02)
    monkeypatch.setattr(runs, "start", ThreadEngine)


@pytest.fixture
def line(text_file):
    return ["tune", text_file, "--steps", 10, "--hidden", 8, "--over", "lr,cell=lstm|gru", "--trials", 3, "--name", "s"]


def test_a_search_prints_its_ranges_then_trials_table_and_command(lstmtui, line, text_file):
    done = lstmtui(*line, "--layers", 1)
    assert done.code == 0, done.err
    assert "a search, 3 trials of 10 steps each" in done.err
    assert "cell  lstm, gru (recipe: lstm)" in done.err
    assert "[1/3] s-001" in done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["run", "bits", "per", "character", "lr", "cell", "time"]
    assert {one.split()[0] for one in lines[1:4]} == {"s-001", "s-002", "s-003"}
    assert lines[4] == "3 finished."
    words = shlex.split(lines[-1])
    assert words[:3] == ["lstmtui", "train", str(text_file)]
    assert words[words.index("--steps") + 1] == "100"
    assert (words[words.index("--hidden") + 1], words[words.index("--layers") + 1]) == ("8", "1")


def test_the_same_command_and_join_go_on_and_show_needs_no_text(lstmtui, line, text_file):
    assert lstmtui(*line).code == 0
    again = lstmtui(*line)
    assert again.code == 0
    assert "joined" in again.err
    assert "[1/3]" not in again.err
    assert lstmtui("tune", "--join", "s").code == 0
    assert lstmtui("tune", text_file, "--join", "s").code == 0
    text_file.unlink()
    shown = lstmtui("tune", "--show", "s", "--json")
    assert shown.code == 0
    found = json.loads(shown.out)
    assert (found["search"], len(found["trials"]), found["importance"]) == ("s", 3, {})
    assert found["best"] == found["trials"][0]["run"]
    assert found["over"][1] == {"name": "cell", "choices": ["lstm", "gru"]}


def test_the_runs_are_a_group_for_the_screens(lstmtui, line, tmp_path):
    lstmtui(*line)
    group = comparison.load_group(tmp_path / "runs", "s")
    assert group is not None
    assert [run.name for run in comparison.group_runs(tmp_path / "runs", group)] == ["s-001", "s-002", "s-003"]
    assert config.load(tmp_path / "runs" / "s-002" / "config.toml").length.steps == 10


def test_ctrl_c_saves_the_trials_and_join_finishes_them(lstmtui, line, monkeypatch, tmp_path):
    signals = []

    def start(run):
        signals.append(signal.SIGINT)
        return ThreadEngine(run, "wait")

    monkeypatch.setattr(tune_trials, "caught_signals", lambda: contextlib.nullcontext(signals))
    monkeypatch.setattr(runs, "start", start)
    done = lstmtui(*line)
    assert done.code == 130
    assert "saved at step 4" in done.err
    assert "'lstmtui tune --join s' goes on" in done.err
    assert "1 unfinished, 2 not begun" in lstmtui("tune", "--show", "s").out.lower()
    assert RunReader(RunFolder(tmp_path / "runs" / "s-001")).refresh().state == "stopped"
    signals.clear()
    monkeypatch.setattr(runs, "start", ThreadEngine)
    joined = lstmtui("tune", "--join", "s")
    assert (joined.code, "s-001: going on with it" in joined.err) == (0, True)
    assert "3 finished." in joined.out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--over", "seed"], "would find luck"),
        (["--over", "hidden,lr"], "either --hidden or hidden"),
        (["--trials", "4"], "already a search 's', 3 trials of 10 steps each"),
        (["--steps", "20"], "already a search 's', 3 trials of 10 steps each"),
        (["--over", "lr"], "already a search 's', over lr 0.001"),
        (["--layers", "3"], "already a search 's', with layers 2"),
    ],
)
def test_another_search_of_the_same_name_is_refused(lstmtui, line, more, message):
    assert lstmtui(*line, "--layers", 2).code == 0
    refused = lstmtui(*line, "--layers", 2, *more)
    assert refused.code == 2
    assert message in refused.err


def test_one_sentence_says_what_cannot_be_joined_or_shown(lstmtui, line, text_file, tmp_path):
    assert "There is no search 's'" in lstmtui("tune", "--join", "s").err
    assert "There is no search 's'" in lstmtui("tune", "--show", "s").err
    lstmtui(*line)
    other = tmp_path / "other.txt"
    other.write_text(text_file.read_text())
    assert "is of moon.txt" in lstmtui("tune", other, "--join", "s").err
    assert "--over is part of the search" in lstmtui("tune", "--join", "s", "--over", "lr").err
    assert "--for is part of the search" in lstmtui("tune", "--join", "s", "--for", "text").err
    assert "takes no FILE" in lstmtui("tune", text_file, "--show", "s").err
    assert "already a search 's', of moon.txt" in lstmtui("tune", other, *line[2:]).err
    text_file.write_text(text_file.read_text() + "more")
    assert "has changed" in lstmtui("tune", "--join", "s").err
    comparison.store_group(tmp_path / "runs", Group("cells", "b", ()))
    assert "a group of 'lstmtui compare'" in lstmtui("tune", "--join", "cells").err
    (tmp_path / "runs" / ".groups" / "s.json").write_text('{"format": 1, "runs": ["s-001"], "search": {}}')
    broken = lstmtui("tune", "--join", "s")
    assert (broken.code, "is damaged" in broken.err) == (3, True)


def test_names_of_other_runs_and_texts_without_validation_are_refused(lstmtui, line, make_run):
    make_run("s-002")
    assert "already a run 's-002'" in lstmtui(*line).err
    assert "of which there is none" in _without_validation(lstmtui, line)


def _without_validation(lstmtui, line):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMTUI_VALID_FRACTION", "0")
        return lstmtui(*line[:-1], "t").err


def test_without_optuna_a_sentence_says_what_to_install(lstmtui, line, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    refused = lstmtui(*line)
    assert (refused.code, "pip install 'lstmtui[search]'" in refused.err) == (2, True)


def test_under_a_budget_of_time_each_cell_is_compiled_before_the_first_trial(lstmtui, line, monkeypatch):
    started = []

    def start(run):
        started.append((run.name, config.load(run.config).regularisation.dropout))
        return ThreadEngine(run)

    monkeypatch.setattr(runs, "start", start)
    line[line.index("--steps")] = "--minutes"
    done = lstmtui(*line, "--over", "cell=lstm|gru,dropout=0..0.4")
    assert done.code == 0, done.err
    assert "Compiling what is new on this machine (lstm, gru)" in done.err
    assert started[:2] == [("lstm", 0.4), ("gru", 0.4)]
    assert [name for name, _ in started[2:]] == ["s-001", "s-002", "s-003"]
    assert "Compiling" not in lstmtui("tune", "--join", "s").err
