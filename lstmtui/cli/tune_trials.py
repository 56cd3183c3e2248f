"""The work of one `lstmtui tune`: claim trials, train their runs, end hopeless ones, take over from dead workers."""

from __future__ import annotations

import dataclasses
import math
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lstmtui import config
from lstmtui.cli.follow import INTERVAL, SIGNALS, Stopper, caught_signals
from lstmtui.cli.progress import Progress
from lstmtui.common.units import format_duration
from lstmtui.errors import LockedError, LstmtuiError, UsageError
from lstmtui.recipe.search_space import format_value, recipe_values
from lstmtui.reports import comparison
from lstmtui.reports.search import Search
from lstmtui.runs.claims import Claims
from lstmtui.runs.folder import ENDED, RunFolder, is_run
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.reader import RunReader
from lstmtui.runs.search_journal import PARTS, SearchJournal
from lstmtui.runs.snapshot import RunSnapshot

if TYPE_CHECKING:
    import subprocess

    from lstmtui.data.open import Data

LOOK = 3.0
"""Seconds between two looks for a trial to work on, and for a claim that another worker has taken."""
MAX_SILENCE = 30.0
"""Seconds without a status after which an engine on another machine counts as dead; it writes one every second."""
MIN_STEPS = 15
"""Steps between two evaluations under a budget of time: an evaluation takes as long as about two."""
MAX_STARTS = 2
"""Starts of an engine that dies without a reason, before its trial has failed."""
MAX_FAILURES = 3
"""Trials in a row that fail before a worker gives up: the next ones would, too."""


@dataclass(slots=True)
class _Slot:
    """A trial that this worker trains."""

    number: int
    run: RunFolder
    reader: RunReader
    stopper: Stopper
    process: subprocess.Popen[bytes] | None
    """The engine; None where the process of a dead worker started it."""
    parts: set[int]
    """Those that the journal has."""
    starts: int = 1
    ending: str = ""
    """Why it was asked to stop: "pruned", or "left" where the whole worker stops."""
    outcome: str = ""
    looked: float = field(default_factory=time.monotonic)


class TrialWorker:
    """Works on the trials of a search, several at a time."""

    def __init__(
        self,
        search: Search,
        journal: SearchJournal,
        claims: Claims,
        *,
        data: Data,
        slots: int,
        shown: Progress,
        speeds: Mapping[str, float] | None = None,
    ) -> None:
        """Begin no trial yet.

        data      the text of the search
        slots     how many trials it trains side by side
        speeds    of each cell the seconds of a step with the recipe's sizes, for a budget of time
        """
        self._speeds = speeds or {}
        self._search, self._journal, self._claims = search, journal, claims
        self._data, self._size, self._shown = data, slots, shown
        self._slots: list[_Slot] = []
        self._looked = -math.inf
        self._counted, self._ended = -math.inf, 0
        self._waits = False
        self._best = math.inf
        self._failures = 0
        self._stops = 0

    def work(self) -> int:
        """Work until every trial has ended, and return 0, or the exit code of the signal after which it has left.

        Raises LstmtuiError where no trial can be trained here.
        """
        with caught_signals() as caught:
            while True:
                for slot in list(self._slots):
                    self._follow(slot, len(caught))
                if caught:
                    if not self._slots:
                        return SIGNALS[caught[0]]
                    self._note_stop(len(caught))
                elif self._fill():
                    return 0
                self._show()
                time.sleep(INTERVAL)

    # --- finding work -------------------------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Begin trials while there is room for them; return whether all of the search have ended."""
        if len(self._slots) >= self._size or time.monotonic() - self._looked < LOOK:
            return False
        while len(self._slots) < self._size:
            number, remaining = self._next()
            if number is None:
                self._looked = time.monotonic()
                if remaining and not self._slots and not self._waits:
                    self._waits = True
                    self._shown.note(f"The last {remaining} trials are with other workers; waiting for them.")
                return not remaining and not self._slots
            self._begin(number)
        return False

    def _next(self) -> tuple[int | None, int]:
        """Return a trial that is now this worker's, and how many have not ended; None where others have them all."""
        own, remaining = {slot.number for slot in self._slots}, 0
        records = self._journal.records()
        for number, run in enumerate(self._search.runs, 1):
            if (known := records.get(run.name)) is not None and known.ended:
                self._note_best(known.cost if known.state == "complete" else None)
                continue
            remaining += 1
            if number in own or not self._claims.claim(number):
                continue
            now = self._journal.records().get(run.name)  # its former worker may just have ended it
            if now is None or not now.ended:
                return number, remaining
        return None, remaining

    def _begin(self, number: int) -> None:
        run = self._search.runs[number - 1]
        known = self._journal.records().get(run.name)
        if known is not None:
            values = dict(known.values)
        elif is_run(run.path):  # its worker died before it wrote the trial down
            settings = config.load(run.config)
            values = {one.name: settings.value(one.name) for one in self._search.space}
        else:
            chosen = self._data.resolve(self._search.settings)
            first = recipe_values(self._search.space, chosen) if number == 1 else None
            values = first or self._journal.propose(number)
        if not self._claims.owns(number):  # while this process slept, another has taken it
            return
        if known is None:
            self._journal.begin(run.name, values)
        try:
            self._train(number, run, values, set(known.parts) if known is not None else set())
        except (UsageError, LockedError) as error:
            self._fail(number, run, str(error))

    def _train(self, number: int, run: RunFolder, values: dict[str, object], parts: set[int]) -> None:
        """Create the run of a trial unless it exists, and start its engine unless that is at work."""
        from lstmtui.client import runs

        if not is_run(run.path):
            settings = dataclasses.replace(self._search.settings, **values)  # type: ignore[arg-type]  # converted
            settings = dataclasses.replace(settings, eval_every=self._every(settings))
            config.check_together(settings)
            runs.create(settings, name=run.name, root=self._search.root, data=self._data)
            about = ", ".join(f"{name} {format_value(value)}" for name, value in values.items())
            self._shown.note(f"{self._head(number)}: {about}.")
        else:
            self._shown.note(f"{self._head(number)}: going on with it.")
        reader = RunReader(run)
        before = reader.refresh()
        over = before.state in ("finished", "failed", "diverged")
        process = None if over or self._engine_lives(before) else runs.start(run)
        slot = _Slot(number, run, reader, Stopper(run, process, _Silent()), process, parts)
        self._slots.append(slot)
        if over:
            self._end(slot, before)

    def _every(self, settings: config.Settings) -> int | None:
        """Return the steps between evaluations: one for each part of the budget where the recipe's were too few."""
        usual = self._data.resolve(settings).run.eval_every
        if settings.eval_every is not None:
            return usual
        if settings.steps is not None:
            return max(1, min(usual, settings.steps // PARTS))
        seconds = self._speeds.get(settings.cell)
        if settings.minutes is None or seconds is None:
            return usual
        return min(usual, max(MIN_STEPS, int(60 * settings.minutes / seconds) // PARTS))

    def _engine_lives(self, snapshot: RunSnapshot) -> bool:
        """Return whether an engine works on a run: on this machine, or on another one that writes its status."""
        if engine_alive(snapshot.run):
            return True
        elsewhere = snapshot.status.get("host") != platform.node() and snapshot.status.get("state") not in ENDED
        return elsewhere and self._claims.silence(snapshot.run.status) < MAX_SILENCE

    # --- following a trial --------------------------------------------------------------------------------------------

    def _follow(self, slot: _Slot, signals: int) -> None:
        if slot.process is not None:
            ended = slot.process.poll() is not None  # before the refresh, which then reads everything that was written
            snapshot = slot.reader.refresh()
        else:
            snapshot = slot.reader.refresh()
            ended = not self._engine_lives(snapshot)
            snapshot = slot.reader.refresh() if ended else snapshot
        if signals and not slot.ending:
            slot.ending = "left"
        if ended:
            self._end(slot, snapshot)
            return
        if time.monotonic() - slot.looked > LOOK:
            slot.looked = time.monotonic()
            if not self._claims.owns(slot.number):
                self._shown.note(f"{self._head(slot.number)}: another worker has taken it over.")
                self._drop(slot)
                return
        if slot.process is None or snapshot.status.get("pid") == slot.process.pid:  # else of an earlier engine
            self._report(slot, snapshot)
        if slot.ending:
            slot.stopper.ask(max(1, signals), snapshot.state)

    def _report(self, slot: _Slot, snapshot: RunSnapshot) -> None:
        """Write the parts of the budget down that are over, and mark a hopeless trial to be stopped."""
        for part, cost in costs_of_parts(snapshot).items():
            if part in slot.parts:
                continue
            slot.parts.add(part)
            self._journal.report(slot.run.name, part, cost)
            if not slot.ending and self._journal.is_hopeless(slot.run.name):
                slot.ending = "pruned"
                median = self._journal.median(part)
                than = f", worse than the median of {median:.3f}" if median is not None else ""
                slot.outcome = f"ended early at {part / PARTS:.0%} with {cost:.3f}{than}"

    def _end(self, slot: _Slot, snapshot: RunSnapshot) -> None:
        """Write down how a trial has ended, or start its engine again where it has not."""
        state, name = snapshot.state, slot.run.name
        if state == "finished":
            self._drop(slot)
            self._complete(slot, snapshot)
        elif slot.ending == "left":
            self._drop(slot)
            self._shown.note(f"{self._head(slot.number)}: saved at step {snapshot.step:,}.")
        elif slot.ending == "pruned" or state == "diverged" or (state == "stopped" and snapshot.exit_code == 0):
            self._drop(slot)
            outcome = slot.outcome or ("diverged" if state == "diverged" else "stopped by hand")
            self._journal.finish(name, "pruned", outcome=outcome)
            self._shown.note(f"{self._head(slot.number)}: {outcome}.")
        elif state == "failed":
            self._drop(slot)
            self._fail(slot.number, slot.run, snapshot.message)
        elif slot.starts < MAX_STARTS:  # it crashed, or a signal ended it that this worker did not get
            self._start_again(slot)
        else:
            self._drop(slot)
            self._fail(slot.number, slot.run, snapshot.message or "the engine died")

    def _drop(self, slot: _Slot) -> None:
        """Forget a trial, and look for another at once."""
        self._slots.remove(slot)
        self._looked = self._counted = -math.inf

    def _complete(self, slot: _Slot, snapshot: RunSnapshot) -> None:
        result = snapshot.result
        if result is None or not math.isfinite(result.cost):
            self._fail(slot.number, slot.run, "it has no figures of validation text")
            return
        self._failures = 0
        for part, cost in costs_of_parts(snapshot).items():
            if part not in slot.parts:
                self._journal.report(slot.run.name, part, cost)
        self._journal.finish(slot.run.name, "complete", cost=result.cost)
        figures = comparison.run_figures(snapshot)
        best = ", the best so far" if self._note_best(result.cost) else ""
        took = f" after {format_duration(figures.seconds)}" if figures.seconds is not None else ""
        self._shown.note(
            f"{self._head(slot.number)}: {figures.quality or 0.0:.4g} {comparison.unit_of(figures)}{took}{best}."
        )

    def _note_best(self, cost: float | None) -> bool:
        """Return whether a finished trial is the best so far."""
        if cost is None or cost >= self._best:
            return False
        self._best = cost
        return True

    def _start_again(self, slot: _Slot) -> None:
        from lstmtui.client import runs

        slot.starts += 1
        if not engine_alive(slot.run):  # of two engines that were started at once, the other one has the lock
            slot.process = runs.start(slot.run)
            slot.stopper = Stopper(slot.run, slot.process, _Silent())
        else:
            slot.process = None

    def _fail(self, number: int, run: RunFolder, message: str) -> None:
        self._journal.finish(run.name, "failed", outcome=message)
        self._shown.note(f"{self._head(number)}: failed. {message}")
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            raise LstmtuiError(f"{MAX_FAILURES} trials in a row have failed, the last one so: {message}")

    # --- showing ------------------------------------------------------------------------------------------------------

    def _head(self, number: int) -> str:
        return f"[{number}/{len(self._search.group.runs)}] {self._search.group.runs[number - 1]}"

    def _show(self) -> None:
        figures, share = [], 0.0
        for slot in self._slots:
            run = slot.reader.snapshot
            done = run.step / run.steps if run.steps else 0.0
            share += done
            best = f" {run.best.loss:.3f}" if run.best is not None else ""
            doing = f"{done:.0%}" if run.state in ("training", "evaluating") else run.state
            figures.append(f"{slot.run.name[-3:]} {doing}{best}")
        total = len(self._search.group.runs)
        if time.monotonic() - self._counted > LOOK:
            self._counted = time.monotonic()
            self._ended = sum(one.ended for one in self._journal.records().values())
        self._shown.show(f"{self._search.name} {self._ended}/{total}", (self._ended + share) / total, figures)

    def _note_stop(self, times: int) -> None:
        if times != self._stops:
            trials = "the trial" if len(self._slots) == 1 else f"{len(self._slots)} trials"
            self._shown.note(
                f"Stopping: waiting until {trials} can be continued." if not self._stops else "Saving yet."
            )
            self._stops = times


class _Silent:
    """What a `Stopper` tells: nothing, since the worker tells it of all trials at once."""

    def note(self, line: str) -> None:
        """Nothing."""

    def update(self, snapshot: RunSnapshot) -> None:
        """Nothing."""


def costs_of_parts(snapshot: RunSnapshot) -> dict[int, float]:
    """Return the lowest cost by the end of each part of the budget that is over, without the last part.

    A part is a share of the run's own schedule. Under a budget of time that is equal seconds, since each run plans as
    many steps as it can take; under one of steps or passes it is equal steps. The schedule of the learning rate is then
    at the same place, too, so that runs are alike in all but their settings.
    """
    found: dict[int, float] = {}
    for part in range(1, PARTS):
        until = snapshot.steps * part / PARTS
        if not snapshot.steps or snapshot.step < until:
            break
        known = [point.cost for point in snapshot.valid if point.step <= until and math.isfinite(point.cost)]
        if known:
            found[part] = min(known)
    return found
