"""The worker of a search over fake engines: nothing lost, nothing doubled, and hopeless trials ended early."""

from __future__ import annotations

import dataclasses
import threading
import time

import pytest
from support import fake_engine
from support.thread_engine import ThreadEngine

from lstmtui import config
from lstmtui.cli import tune_trials
from lstmtui.cli.progress import Progress
from lstmtui.cli.tune_trials import TrialWorker, costs_of_parts
from lstmtui.client import runs
from lstmtui.data.corpus import open_corpus
from lstmtui.errors import LstmtuiError
from lstmtui.recipe.search_space import Choices, Range
from lstmtui.reports import search as searching
from lstmtui.runs.claims import Claims
from lstmtui.runs.reader import RunReader
from lstmtui.runs.requests import send_request
from lstmtui.runs.search_journal import SearchJournal
from lstmtui.runs.snapshot import RunSnapshot, ValidPoint

SPACE = (Range("lr", 0.001, 0.016, logarithmic=True), Choices("cell", ("lstm", "gru")))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr(tune_trials, "LOOK", 0.05)
    monkeypatch.setattr(tune_trials, "INTERVAL", 0.02)


class Notes(Progress):
    """The lines that stay."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def note(self, line):
        self.lines.append(line)


@pytest.fixture
def engines(monkeypatch):
    """What the next engines do, in order; then they finish. And how often one was started for each run."""
    planned, started = [], []

    def start(run, device=None, *, more=None):
        started.append(run.name)
        return ThreadEngine(run, planned.pop(0) if planned else "finish")

    monkeypatch.setattr(runs, "start", start)
    return planned, started


class Office:
    """A search and its workers."""

    def __init__(self, root, text, trials):
        settings = config.Settings(corpus=(str(text),), steps=10, hidden=8, threads=1, lr=None)
        self.data = open_corpus(config.DataSettings.of(settings))
        self.search = searching.new_search(root, "s", settings, SPACE, trials=trials, size=self.data.bytes)
        assert searching.store_search(self.search)
        self.notes = Notes()

    def journal(self):
        return SearchJournal(self.search.journal, SPACE)

    def work(self, slots=1):
        with Claims(self.search.claims) as claims:
            worker = TrialWorker(
                self.search, self.journal(), claims, data=self.data, slots=slots, shown=self.notes
            )  # fmt: skip
            return worker.work()

    def states(self):
        return {run: one.state for run, one in self.journal().records().items()}


@pytest.fixture
def office(tmp_path, text_file):
    return lambda trials: Office(tmp_path / "runs", text_file, trials)


def test_every_trial_is_a_run_with_its_values_and_the_first_is_the_recipe_s(office, engines):
    o = office(3)
    assert o.work() == 0
    assert o.states() == {"s-001": "complete", "s-002": "complete", "s-003": "complete"}
    chosen = o.data.resolve(o.search.settings)
    for name, one in o.journal().records().items():
        settings = config.load(o.search.root.joinpath(name, "config.toml"))
        assert {key: settings.value(key) for key in one.values} == one.values
        assert one.cost == fake_engine.RESULT["valid"]["nll"]
    first = o.journal().records()["s-001"].values
    assert first == {"lr": chosen.optimisation.lr, "cell": "lstm"}
    assert engines[1] == ["s-001", "s-002", "s-003"]
    assert any("the best so far" in line for line in o.notes.lines)


@pytest.mark.parametrize(
    ("length", "given", "steps"),
    [
        ({"steps": 10}, None, 1),
        ({"steps": 10}, 7, 7),
        ({"minutes": 0.6}, None, 18),
        ({"minutes": 0.1}, None, 15),
        ({"epochs": 2.0}, None, 20),
    ],
)
def test_trials_are_evaluated_in_every_part_of_their_budget(office, tmp_path, length, given, steps):
    o = office(1)
    worker = TrialWorker(
        o.search, o.journal(), None, data=o.data, slots=1, shown=o.notes, speeds={"lstm": 0.2}
    )  # fmt: skip
    settings = dataclasses.replace(o.search.settings, **{"steps": None, "eval_every": given, **length})
    assert worker._every(settings) == steps


def test_two_workers_at_once_share_the_trials(office, engines):
    o = office(6)
    codes = []
    other = threading.Thread(target=lambda: codes.append(_without_signals(o)))
    other.start()
    assert o.work(slots=2) == 0
    other.join()
    assert codes == [0]
    assert sorted(engines[1]) == [f"s-00{n}" for n in range(1, 7)]
    assert set(o.states().values()) == {"complete"}


def _without_signals(o):
    """A second worker, in a thread that can handle no signals."""
    with Claims(o.search.claims) as claims:
        worker = TrialWorker(o.search, o.journal(), claims, data=o.data, slots=1, shown=Notes())
        while not worker._fill():
            for slot in list(worker._slots):
                worker._follow(slot, 0)
            time.sleep(0.02)
    return 0


def test_the_trial_of_a_dead_worker_goes_on_under_its_name(office, engines, tmp_path):
    o = office(3)
    values = {"lr": 0.003, "cell": "gru"}
    dead = o.search.claims
    dead.mkdir()
    for number in (1, 2, 3):
        (dead / f"00{number}-1").write_text('{"worker": "gone"}')
    # The first worker died before it had written the trial down, the second before the run, the third while it trained.
    journal = o.journal()
    for name in ("s-002", "s-003"):
        journal.begin(name, values)
    settings = dataclasses.replace(o.search.settings, **values)
    run = runs.create(settings, name="s-003", root=o.search.root)
    engine = ThreadEngine(run, "wait")
    while RunReader(run).refresh().state != "training":
        time.sleep(0.02)
    threading.Timer(0.2, engine.terminate).start()
    assert o.work() == 0
    assert o.states() == {"s-001": "complete", "s-002": "complete", "s-003": "complete"}
    assert config.load(o.search.root.joinpath("s-002", "config.toml")).network.cell == "gru"
    assert engines[1] == ["s-001", "s-002", "s-003"]  # the last one went on after its engine had got a signal
    assert len(o.journal().records()) == 3


def test_a_run_that_had_finished_is_only_written_down(office, engines):
    o = office(1)
    o.work()
    o.search.journal.unlink()
    assert o.work() == 0
    assert o.states() == {"s-001": "complete"}
    assert engines[1] == ["s-001"]


def test_diverged_failed_and_dead_trials_have_their_outcome(office, engines):
    o = office(4)
    engines[0].extend(["diverge", "crash", "crash", "fail", "crash"])
    assert o.work() == 0
    assert o.states() == {"s-001": "pruned", "s-002": "failed", "s-003": "failed", "s-004": "complete"}
    records = o.journal().records()
    assert records["s-001"].outcome == "diverged"
    assert "something terrible" in records["s-002"].outcome
    assert "another text" in records["s-003"].outcome
    assert engines[1] == ["s-001", "s-002", "s-002", "s-003", "s-004", "s-004"]


def test_a_worker_whose_trials_all_fail_gives_up(office, engines):
    o = office(9)
    engines[0].extend(["fail"] * 9)
    with pytest.raises(LstmtuiError, match=r"3 trials in a row have failed.*another text"):
        o.work()
    assert list(o.states().values()) == ["failed"] * 3


def test_a_hopeless_trial_is_stopped_early(office, engines, monkeypatch):
    o = office(2)
    engines[0].append("wait")
    monkeypatch.setattr(SearchJournal, "is_hopeless", lambda self, run: run == "s-001")
    monkeypatch.setattr(SearchJournal, "median", lambda self, part: 1.25)
    assert o.work() == 0
    assert o.states() == {"s-001": "pruned", "s-002": "complete"}
    assert o.journal().records()["s-001"].outcome == "ended early at 40% with 1.500, worse than the median of 1.250"
    assert RunReader(o.search.runs[0]).refresh().state == "stopped"


def test_a_run_that_someone_stops_ends_its_trial(office, engines):
    o = office(1)
    engines[0].append("wait")
    stopping = threading.Thread(target=lambda: _stop(o.search.runs[0]))
    stopping.start()
    assert o.work() == 0
    stopping.join()
    assert o.journal().records()["s-001"].outcome == "stopped by hand"


def _stop(run):
    while RunReader(run).refresh().state != "training":
        time.sleep(0.02)
    send_request(run, "stop")


def test_parts_are_compared_at_equal_shares_of_the_budget():
    def point(step, nll):
        return ValidPoint(step=step, seconds=1.0, best=True, figures={"nll": nll})

    run = RunSnapshot(
        run=None, state="training", status={"step": 62, "steps": 100},
        valid=(point(20, 3.0), point(35, 2.0), point(50, 2.5), point(60, float("nan"))),
    )  # fmt: skip
    assert costs_of_parts(run) == {2: 3.0, 3: 3.0, 4: 2.0, 5: 2.0, 6: 2.0}
    assert costs_of_parts(dataclasses.replace(run, status={"step": 5})) == {}
