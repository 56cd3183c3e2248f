"""A search as its file has it, its results in order, and the command that trains the best longer."""

from __future__ import annotations

import shlex

import pytest
from support.prepared_run import make_run

from lstmtui import config
from lstmtui.errors import UsageError
from lstmtui.recipe.search_space import Choices, Range
from lstmtui.reports import search as searching
from lstmtui.reports.comparison import run_figures
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.runs.search_journal import Record

SPACE = (Range("lr", 0.001, 0.016, logarithmic=True), Choices("tied", (True, False)))


def new(root, **settings):
    given = config.Settings(**{"corpus": ("/texts/my diary.txt",), "minutes": 2.0, "threads": 2, **settings})
    return searching.new_search(root, "s", given, SPACE, trials=4, size=1000)


def record(run, state="complete", cost=None, parts=None, outcome=""):
    values = {"lr": 0.004, "tied": True}
    return Record(run=run, values=values, state=state, cost=cost, parts=parts or {}, outcome=outcome)


def test_a_search_is_stored_once_and_read_alike(tmp_path):
    one = new(tmp_path, valid=("/v.txt",), purpose="autocomplete", tokens="bpe")
    assert searching.load_search(tmp_path, "s") is None
    assert searching.store_search(one)
    assert not searching.store_search(new(tmp_path, minutes=None, steps=5))
    assert searching.load_search(tmp_path, "s") == one
    assert one.group.runs[0] == "s-001"
    assert one.group.budget == "a search, 4 trials of 2 minutes each"


def test_a_difference_is_named():
    one = new("/r")
    assert searching.difference(one, new("/r")) == ""
    assert searching.difference(one, new("/r", corpus=("/other.txt",))) == "of my diary.txt"
    assert searching.difference(one, new("/r", minutes=3.0)) == "4 trials of 2 minutes each"
    assert searching.difference(new("/r", clip=0.5), one) == "with clip 0.5"


def test_results_have_the_best_first_then_what_was_ended_and_what_failed(tmp_path):
    one = new(tmp_path)
    for name in one.group.runs[:3]:
        make_run(tmp_path, name, state="finished")
    records = {
        run.run: run
        for run in (
            record("s-001", cost=2.0), record("s-002", state="pruned", parts={3: 2.5}, outcome="ended early"),
            record("s-003", cost=1.5), record("s-004", state="failed", outcome="no memory"),
        )
    }  # fmt: skip
    found = searching.results(one, records)
    assert [trial.name for trial in found] == ["s-003", "s-001", "s-002", "s-004"]
    assert found[3].figures is None
    assert searching.counts(one, records) == "2 finished, 1 ended early, 1 failed"
    told = searching.as_json(one, found, {"lr": 1.0})
    assert (told["best"], told["trials"][3]["outcome"], told["trials"][3]["figures"]) == ("s-003", "no memory", None)


def test_trials_are_known_as_such_and_the_best_of_them_is_named(tmp_path):
    one = new(tmp_path)
    searching.store_search(one)
    for name, bits in (("s-001", 1.9), ("s-002", 1.7)):
        make_run(tmp_path, name, state="finished", status={"result": {"valid": {"nll": 1.2, "bits_per_char": bits}}})
    make_run(tmp_path, "s-003")
    make_run(tmp_path, "other-001")
    runs = one.runs[:3]
    assert searching.search_of(runs) == one
    assert searching.search_of([*runs, RunFolder(tmp_path / "other-001")]) is None
    assert searching.search_of([RunFolder(tmp_path / "other-001")]) is None
    figures = [run_figures(RunReader(run).refresh()) for run in runs]
    assert searching.progress(one, figures, 3) == (
        "Search s: 3 of 4 trials begun, 2 finished; s-002 is the best with 1.700 bits per character."
    )
    assert searching.progress(one, figures[2:], 1) == "Search s: 1 of 4 trials begun, 0 finished."


def test_the_command_has_what_was_given_and_what_was_found():
    words = shlex.split(searching.command(new("/r", clip=0.5, seed=3), {"lr": 0.00312, "tied": False}))
    assert words == [
        "lstmtui", "train", "/texts/my diary.txt", "--clip", "0.5", "--seed", "3", "--lr", "0.00312", "--no-tied",
        "--minutes", "20", "--name", "s-best",
    ]  # fmt: skip


def test_a_name_must_leave_room_for_its_runs(tmp_path):
    with pytest.raises(UsageError, match="cannot be a run's name"):
        searching.new_search(tmp_path, "x" * 62, config.Settings(steps=1), SPACE, trials=1, size=1)
