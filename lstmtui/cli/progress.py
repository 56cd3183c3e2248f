"""What a person sees while a run trains: a bar on a terminal, plain lines elsewhere, the same news in both."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from lstmtui.cli.output import notify, unknown
from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.reports import overfitting
from lstmtui.runs.snapshot import RunSnapshot, ValidPoint

PLAIN_EVERY = 10.0
"""Seconds between lines of figures where there is no terminal."""

_STATES = {
    "preparing": ("Reading the text.", 0.5),
    "compiling": ("Compiling the mathematics for this machine (first run only).", 2.0),
    "measuring": ("Measuring the speed, to turn the time into steps.", 0.0),
    "paused": ("Paused; 'lstmtui continue {name}' goes on.", 0.0),
}
"""What is said of a state, and the seconds it must last before it is worth saying: compiled code is mostly there."""

_EVENTS = {
    "noted": "{message}",
    "diverged": "step {step}: the loss is not finite any more.",
    "rolled back": "step {step}: back to the last good checkpoint, with the learning rate times {lr_scale}.",
    "save failed": "step {step}: saving failed ({reason}); training goes on.",
    "set": "step {step}: {key} is now {value} (it was {before}).",
    "warm-up shortened": "The warm-up takes {warmup} steps, a tenth of all {steps}, not {asked} (--warmup).",
    "extended": "Goes on from step {step} to step {steps}, where it was to end at {before}. Learning rate as in a run "
    "planned so long: {lr:.2g} at the next step (it was {lr_before:.2g} at the last), {lr_end:.2g} at the end.",
}
"""Events that a person following wants to read; the rest stands in events.jsonl."""


@contextlib.contextmanager
def progress(before: RunSnapshot | None) -> Iterator[Progress]:
    """Show a run's progress on stderr while inside; what stands in `before` is no news."""
    bar = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    shown = Bar(before) if bar else Progress(before)
    try:
        yield shown
    finally:
        shown.close()


class Progress:
    """News as they come, and a line of figures every PLAIN_EVERY seconds."""

    def __init__(self, before: RunSnapshot | None) -> None:
        self._state, self._since, self._told_state = "", 0.0, False
        self._validated = max((p.step for p in before.valid), default=0) if before else 0
        self._heard = max((_at(event) for event in before.events), default=0.0) if before else 0.0
        self._told_at = time.monotonic()
        self._began = False

    def update(self, snapshot: RunSnapshot) -> None:
        """Tell what is new since the last snapshot."""
        if not self._began and snapshot.state == "training":
            self._began = True  # a resume went back to its checkpoint, and evaluates again what came after
            self._validated = min(self._validated, snapshot.step)
        for line in self._news(snapshot):
            self.note(line)
        self.show(snapshot)

    def _news(self, snapshot: RunSnapshot) -> Iterator[str]:
        if snapshot.state != self._state:
            self._state, self._since, self._told_state = snapshot.state, time.monotonic(), False
        words, after = _STATES.get(self._state, ("", 0.0))
        if words and not self._told_state and time.monotonic() - self._since >= after:
            self._told_state = True
            yield words.format(name=snapshot.run.name)
        for point in snapshot.valid:
            if point.step > self._validated:
                self._validated = point.step
                yield f"step {point.step}: validation {valid_figures(point)}{', best' if point.best else ''}"
        for event in snapshot.events:
            if _at(event) <= self._heard:
                continue
            self._heard = _at(event)
            if event.get("event") == "prepared" and (few := overfitting.small_validation_warning(event.get("valid"))):
                yield few
            if event.get("event") == "compiled" and event.get("kernels"):
                yield f"Compiled {event['kernels']} kernels in {event.get('seconds')} s; the next start will find them."
            if telling := _EVENTS.get(str(event.get("event"))):
                yield telling.format_map(defaultdict(lambda: "?", event))

    def note(self, line: str) -> None:
        """Tell one line that stays."""
        notify(line)

    def show(self, snapshot: RunSnapshot) -> None:
        """Show where the run is."""
        if snapshot.state == "training" and time.monotonic() - self._told_at >= PLAIN_EVERY:
            self._told_at = time.monotonic()
            steps = f"step {snapshot.step}/{snapshot.steps}" if snapshot.steps else f"step {snapshot.step}"
            self.note("  ".join([steps, *train_figures(snapshot)]))

    def close(self) -> None:
        """Leave the terminal as it was."""


class Bar(Progress):
    """The same on a terminal, with a bar below the news."""

    def __init__(self, before: RunSnapshot | None) -> None:
        super().__init__(before)
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        # Refreshed by hand: a closed terminal then raises here, where it can be caught, and not in Rich's thread.
        self._rich: Any = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%", markup=False),
            TextColumn("{task.fields[figures]}", markup=False),
            console=Console(stderr=True, highlight=False, markup=False, emoji=False),
            auto_refresh=False,
            transient=True,
            expand=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._rich.add_task("starting", total=None, figures="")
        self._guarded(self._rich.start)

    def note(self, line: str) -> None:
        from rich.text import Text

        self._guarded(self._rich.console.print, Text(one_line(line)))

    def show(self, snapshot: RunSnapshot) -> None:
        figures, total, completed = (
            [format_duration(time.monotonic() - self._since)],
            float(snapshot.steps),
            float(snapshot.step),
        )
        if snapshot.state in ("training", "evaluating", "paused"):
            figures = [f"{snapshot.step}/{snapshot.steps}", *train_figures(snapshot)]
        elif snapshot.state in ("preparing", "compiling"):
            what, done = (snapshot.status.get(name) for name in (snapshot.state, f"{snapshot.state}_done"))
            if isinstance(done, int | float):
                total, completed = 1.0, float(done)
                figures.append(one_line(str(what), 30))
        self._rich.update(
            self._task,
            description=one_line(snapshot.state, 12),
            total=total or None,
            completed=completed,
            figures="  ".join(figures),
        )
        self._guarded(self._rich.refresh)

    def close(self) -> None:
        self._guarded(self._rich.stop)

    def _guarded(self, act: Any, *given: Any) -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal is gone; the run is not
            act(*given)


def _at(event: dict[str, Any]) -> float:
    at = event.get("at")
    return float(at) if isinstance(at, int | float) else 0.0


def train_figures(snapshot: RunSnapshot) -> list[str]:
    """Return loss, speed and time left, as far as they are known."""
    parts = []
    if snapshot.train:
        parts.append(f"loss {snapshot.train[-1].loss:.3f}")
    speed = snapshot.status.get("tokens_per_second")
    if isinstance(speed, int | float) and speed:
        parts.append(f"{speed / 1000:.1f}k tok/s" if speed >= 1000 else f"{speed:.0f} tok/s")
    if snapshot.seconds_left is not None:
        parts.append(f"{format_duration(snapshot.seconds_left)} left")
    return parts


def valid_figures(point: ValidPoint) -> str:
    """Return one evaluation in few words: a line of 80 characters holds it with its step."""
    bits = f", {point.bits_per_char:.3f} bits/char" if point.bits_per_char is not None else ""
    return (
        f"{point.nll:.3f} nats/token, perplexity {point.perplexity:.2f}{bits}{unknown(point.unknown) if bits else ''}"
    )
