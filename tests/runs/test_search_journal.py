"""The journal of a search: trials with their values in one line, shared by workers, judged and ended once."""

from __future__ import annotations

import logging
import sys

import pytest

from lstmtui.errors import CorruptError, UsageError
from lstmtui.recipe.search_space import Choices, Range
from lstmtui.runs.search_journal import FIRST_PART, MIN_FOR_IMPORTANCE, SearchJournal

SPACE = (
    Range("lr", 0.001, 0.016, logarithmic=True),
    Range("hidden", 64, 512, step=64),
    Range("dropout", 0.0, 0.5),
    Choices("cell", ("lstm", "gru")),
)
VALUES = {"lr": 0.004, "hidden": 256, "dropout": 0.0, "cell": "lstm"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "s.journal"


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch):
    """Every line of a journal is synced, which takes most of the time."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def finished(journal, count):
    """Trials whose cost depends on the learning rate."""
    for number in range(1, count + 1):
        run = f"s-{number:03d}"
        values = {"lr": 0.001 * (1 + 7 * number % 15), "hidden": 64 * (1 + number % 8), "dropout": 0.1, "cell": "gru"}
        journal.begin(run, values)
        for part in (FIRST_PART, 5):
            journal.report(run, part, 3.0 - 0.1 * part + 0.01 * number)
        journal.finish(run, "complete", cost=1 + 100 * values["lr"])


def test_what_one_worker_writes_another_reads(path):
    one, other = SearchJournal(path, SPACE), SearchJournal(path, SPACE)
    one.begin("s-001", VALUES)
    one.report("s-001", 3, 2.5)
    known = other.records()["s-001"]
    assert (known.state, known.values, known.parts, known.cost) == ("running", VALUES, {3: 2.5}, None)
    other.finish("s-001", "complete", cost=1.5)
    assert one.records()["s-001"].cost == 1.5
    one.finish("s-001", "failed", outcome="too late")
    assert (one.records()["s-001"].state, one.records()["s-001"].outcome) == ("complete", "")


def test_a_second_trial_of_the_same_run_does_not_count(path):
    journal = SearchJournal(path, SPACE)
    journal.begin("s-001", VALUES)
    journal.begin("s-001", {**VALUES, "hidden": 64})
    assert journal.records()["s-001"].values["hidden"] == 256
    assert len(journal.records()) == 1


def test_values_are_drawn_within_the_space_and_alike_for_the_same_trials(path):
    journal = SearchJournal(path, SPACE, trials=8)
    finished(journal, 8)
    for number in (9, 10):
        values = journal.propose(number)
        assert all(one.holds(values[one.name]) for one in SPACE)
        assert values == journal.propose(number)
    assert len(journal.records()) == 8


def test_a_trial_is_hopeless_only_behind_the_median_of_enough_at_the_same_part(path):
    journal = SearchJournal(path, SPACE)
    finished(journal, 3)
    journal.begin("bad", VALUES)
    journal.report("bad", FIRST_PART, 9.0)
    assert not journal.is_hopeless("bad")
    assert journal.median(5) is None
    finished_more = SearchJournal(path, SPACE)
    for number in (4, 5):
        finished_more.begin(f"s-{number:03d}", VALUES)
        for part in (FIRST_PART, 5):
            finished_more.report(f"s-{number:03d}", part, 2.9)
        finished_more.finish(f"s-{number:03d}", "complete", cost=1.5)
    assert journal.is_hopeless("bad")
    assert journal.median(5) == pytest.approx(2.53)
    journal.begin("early", VALUES)
    journal.report("early", FIRST_PART - 1, 9.0)
    assert not journal.is_hopeless("early")
    journal.begin("good", VALUES)
    journal.report("good", 5, 1.0)
    assert not journal.is_hopeless("good")
    journal.finish("bad", "pruned", outcome="ended early")
    assert (journal.records()["bad"].state, journal.records()["bad"].outcome) == ("pruned", "ended early")


def test_importance_is_told_of_enough_trials_and_finds_what_matters(path):
    journal = SearchJournal(path, SPACE)
    finished(journal, MIN_FOR_IMPORTANCE - 1)
    assert journal.importance() == {}
    finished(SearchJournal(path.with_name("t.journal"), SPACE), 24)
    importance = SearchJournal(path.with_name("t.journal"), SPACE).importance()
    assert max(importance, key=importance.__getitem__) == "lr"
    assert sum(importance.values()) == pytest.approx(1)


def test_a_damaged_journal_is_named(path):
    SearchJournal(path, SPACE)
    with path.open("a") as file:
        file.write("{broken\n{}\n")
    with pytest.raises(CorruptError, match=r"s\.journal is damaged"):
        SearchJournal(path, SPACE)


def test_optuna_prints_nothing(path, capfd):
    finished(SearchJournal(path, SPACE), 3)
    SearchJournal(path, SPACE).propose(4)
    assert capfd.readouterr() == ("", "")
    assert not any(type(one) is logging.StreamHandler for one in logging.getLogger("optuna").handlers)


def test_without_optuna_a_sentence_says_what_to_install(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"lstmtui\[search\]"):
        SearchJournal(path, SPACE)
