"""What a command shows of a run that trains: state changes, evaluations and events as notices, and the progress bar."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from lstmtui import config
from lstmtui.cli.output import unknown
from lstmtui.cli.progress import Progress, progress_bar
from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration, percent
from lstmtui.reports import health, overfitting
from lstmtui.runs.snapshot import RunSnapshot, ValidPoint

STATE_NOTICES = {
    "preparing": ("Reading the {corpus}.", 0.5),
    "compiling": ("Compiling the kernels for this machine (first run only).", 2.0),
    "measuring": ("Measuring the speed to convert the time into steps.", 0.0),
    "paused": ("Paused; 'lstmtui continue {name}' goes on.", 0.0),
}
"""Notice of a state, and the seconds that the state must last first: most compiled kernels are found in the cache."""

EVENT_NOTICES = {
    "noted": "{message}",
    "diverged": "step {step}: the loss is no longer finite.",
    "rolled back": "step {step}: back to the last good checkpoint, with the learning rate times {lr_scale}.",
    "save failed": "step {step}: saving failed ({reason}); training goes on.",
    "set": "step {step}: {key} is now {value} (it was {before}).",
    "warm-up shortened": "The warm-up takes {warmup} steps, a tenth of all {steps}, not {asked} (--warmup).",
    "extended": "Continues from step {step} to step {steps}; the end was step {before}. The learning rate is that of a "
    "run of this length: {lr:.2g} at the next step (it was {lr_before:.2g} at the last), {lr_end:.2g} at the end.",
}
"""Notices of events; other events are in events.jsonl alone."""


@contextlib.contextmanager
def training_progress(before: RunSnapshot | None) -> Iterator[TrainingProgress]:
    """Show a run's progress on stderr while inside; what `before` contains already is not repeated."""
    with progress_bar() as bar:
        yield TrainingProgress(bar, before)


class TrainingProgress:
    """Compares each snapshot of a run with the one before, and shows what is new."""

    def __init__(self, bar: Progress, before: RunSnapshot | None) -> None:
        self._bar = bar
        self._state, self._since, self._state_noted = "", 0.0, False
        self._last_valid = max((p.step for p in before.valid), default=0) if before else 0
        self._last_event = max((_time_of(event) for event in before.events), default=0.0) if before else 0.0
        self._has_trained = False
        self._sick = ""

    def note(self, line: str) -> None:
        """Print a line that stays."""
        self._bar.note(line)

    def update(self, snapshot: RunSnapshot) -> None:
        """Show what is new in `snapshot`, and how far the run is."""
        if not self._has_trained and snapshot.state == "training":
            self._has_trained = True  # a resumed run repeats the evaluations after its checkpoint
            self._last_valid = min(self._last_valid, snapshot.step)
        for notice in self._notices(snapshot):
            self.note(notice)
        self._show(snapshot)

    def _notices(self, snapshot: RunSnapshot) -> Iterator[str]:
        if snapshot.state != self._state:
            self._state, self._since, self._state_noted = snapshot.state, time.monotonic(), False
        notice, delay = STATE_NOTICES.get(self._state, ("", 0.0))
        if notice and not self._state_noted and time.monotonic() - self._since >= delay:
            self._state_noted = True
            purpose = snapshot.settings.data.purpose if snapshot.settings is not None else "text"
            yield notice.format(name=snapshot.run.name, corpus=config.CORPUS_NOUNS.get(purpose, "text"))
        for point in snapshot.valid:
            if point.step > self._last_valid:
                self._last_valid = point.step
                yield f"step {point.step}: validation {valid_figures(point)}{', best' if point.best else ''}"
        judged = health.judge(snapshot) if snapshot.state == "training" else None
        if judged is not None and judged.level == health.SICK and judged.word != self._sick:
            self._sick = judged.word
            yield f"step {snapshot.step}: {' '.join(judged.sentences)}"
        for event in snapshot.events:
            if _time_of(event) > self._last_event:
                self._last_event = _time_of(event)
                yield from _event_notices(event)

    def _show(self, snapshot: RunSnapshot) -> None:
        state, steps = snapshot.state, snapshot.steps
        elapsed = format_duration(time.monotonic() - self._since)
        fraction = snapshot.step / steps if steps else None
        if state in ("training", "evaluating", "paused"):
            position = f"{snapshot.step}/{steps}"
            figures = train_figures(snapshot)
            line = "  ".join([f"step {position if steps else snapshot.step}", *figures]) if state == "training" else ""
            self._bar.show(state, fraction, [position, *figures], line=line)
            return
        figures = [elapsed]
        if state in ("preparing", "compiling"):
            what, done = (snapshot.status.get(name) for name in (state, f"{state}_done"))
            if isinstance(done, int | float):
                fraction = float(done)
                figures.append(one_line(str(what), 30))
        self._bar.show(state, fraction, figures, line="")


def _event_notices(event: dict[str, Any]) -> Iterator[str]:
    kind = str(event.get("event"))
    if kind == "prepared" and (warning := overfitting.small_validation_warning(event.get("valid"))):
        yield warning
    if kind == "compiled" and event.get("kernels"):
        yield f"Compiled {event['kernels']} kernels in {event.get('seconds')} s; the next start will find them."
    if notice := EVENT_NOTICES.get(kind):
        yield notice.format_map(defaultdict(lambda: "?", event))


def _time_of(event: dict[str, Any]) -> float:
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
    """Return the figures of an evaluation in a few words: with its step they fit a line of 80 characters."""
    if not point.is_language:
        return ", ".join(f"{name} {value:.4g}" for name, value in point.figures.items() if value is not None)
    if point.wer is not None:
        cer = "" if point.cer is None else f", CER {percent(point.cer)}"
        return f"WER {percent(point.wer)}{cer}, {point.loss:.3f} nats/token"
    if point.f1 is not None:
        exact = "" if (part := point.figures.get("exact")) is None else f", exact {percent(part)}"
        return f"F1 {percent(point.f1)}{exact}, {point.loss:.3f} nats/token"
    if point.bleu is not None:
        return f"BLEU {point.bleu:.1f}, {point.loss:.3f} nats/token, perplexity {point.perplexity:.2f}"
    bits = f", {point.bits_per_char:.3f} bits/char" if point.bits_per_char is not None else ""
    return (
        f"{point.loss:.3f} nats/token, perplexity {point.perplexity:.2f}{bits}{unknown(point.unknown) if bits else ''}"
    )
