"""What a speech model finds probable at each moment of a recording: a heat map of labels by time, the blank apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.reports.alignment import name, shade
from lstmtui.runs.snapshot import Posteriors
from lstmtui.tui import wording
from lstmtui.tui.widgets.axes import x_axis

Row = list[tuple[str, str]]
"""The parts of a line, each with its style."""
Probe = Posteriors

MAX_LABEL = 10
"""Columns of the name of a label."""
MIN_PEAK = 0.2
"""The probability that a label has at some step, or it has no row."""
BLANK = "blank"
WAITING = "No recording was heard yet: one\nfollows with the first evaluation."
_NAME, _CELL, _BOLD = "$foreground 60%", "$foreground 85%", "bold $primary"


class PosteriorMap(Widget):
    """The labels that are heard in one validation recording, while a model trains."""

    DEFAULT_CSS = """
    PosteriorMap { height: 1fr; width: 1fr; text-wrap: nowrap; }
    """

    probes: reactive[tuple[Probe, ...]] = reactive((), always_update=True)
    """Oldest first."""
    at: reactive[int | None] = reactive(None)
    """The step whose probe is shown, or the newest before it; None for the newest of all."""
    step_seconds: reactive[float] = reactive(0.03)
    """The time from one step of the network to the next."""

    def shown(self) -> Probe | None:
        """Return the probe on the screen."""
        until = [probe for probe in self.probes if self.at is None or probe.step <= self.at] or self.probes[:1]
        return until[-1] if until else None

    def title(self) -> str:
        """Return what is shown."""
        probe = self.shown()
        return "Heard by time" + (f" at step {wording.count(probe.step)}" if probe is not None else "")

    def legend(self) -> Content:
        """Return the meaning of the cells."""
        probe = self.shown()
        if probe is None or self.size.width < 30:
            return Content("label by time")
        shown, of = count_rows(probe.values, self.size.height)
        some = f"{shown} of {of} labels  " if shown < of else ""
        return Content(f"{some}{'probability ' if self.size.width >= 50 else ''}░ 0.2  █ 0.8")

    def render(self) -> Content:
        probe = self.shown()
        if probe is None:
            return Content.styled(WAITING, "$foreground 60%")
        width, height = self.size
        rows = picture(probe.values, probe.labels, width, height, step_seconds=self.step_seconds)
        return Content("\n").join([Content.assemble(*row) for row in rows])


def picture(
    values: Any, labels: Sequence[str], width: int, height: int, *, step_seconds: float, margin: int = 0,
    start: float = 0.0,
) -> list[Row]:  # fmt: skip
    """Return the lines of a map of probabilities (T, V), label 0 the blank: what is heard, labels, blank, seconds.

    margin  columns of the names of labels at least
    start   seconds of the first step
    """
    import numpy as np  # already loaded by whoever has the values

    chosen = _chosen(values, height - 3)
    names = {k: label_name(labels[k]) for k in chosen}
    margin = max(margin, len(BLANK), *map(len, names.values())) + 1 if names else max(margin, len(BLANK)) + 1
    cols = max(1, width - margin)
    edges = np.arange(cols) * len(values) // cols
    sizes = np.maximum(1, np.diff([*edges, len(values)]))
    most, total = np.maximum.reduceat(values, edges, axis=0), np.add.reduceat(values, edges, axis=0)
    rows: list[Row] = [[("heard".rjust(margin - 1) + " ", _NAME), (_heard(values, labels, cols), _BOLD)]]
    for k in chosen:
        cells = "".join(map(shade, most[:, k].tolist()))
        rows.append([(names[k].rjust(margin - 1) + " ", _NAME), (cells, _CELL)])
    cells = "".join(map(shade, (total[:, 0] / sizes).clip(0, 1).tolist()))
    rows.append([(BLANK.rjust(margin - 1) + " ", _NAME), (cells, _NAME)])
    end = start + max(1e-3, len(values) * step_seconds)
    rows.append([(x_axis(margin, cols, (start, end), lambda value: f"{value:g}s"), _NAME)])
    return rows[: max(1, height)]


def label_name(label: str) -> str:
    """Return how a label is named: a space as a bracket below the line."""
    return "␣" * len(label) if label and not label.strip(" ") else name(label, MAX_LABEL)


def count_rows(values: Any, height: int) -> tuple[int, int]:
    """Return how many labels a map of this height with an axis shows, and how many there are to show."""
    return len(_chosen(values, height - 3)), len(_chosen(values, values.shape[1]))


def _chosen(values: Any, rows: int) -> list[int]:
    """Return the labels that have a row, as many as fit, in the order in which they are heard."""
    peaks = values[:, 1:].max(axis=0, initial=0.0)
    probable = [k + 1 for k in (-peaks).argsort(kind="stable").tolist() if peaks[k] >= MIN_PEAK]
    first = (values >= 0.5 * values.max(axis=0, initial=0.0)).argmax(axis=0)
    return sorted(probable[: max(0, rows)], key=lambda k: int(first[k]))


def _heard(values: Any, labels: Sequence[str], cols: int) -> str:
    """Return the words of the most probable path in a line, each in the column of its first step, or after the word
    before it."""
    line, free, steps = "", 0, len(values)
    for t, word in _words(values.argmax(axis=1).tolist(), labels):
        # The first column that has the step, whether a column has several steps or a step several columns.
        column = max(free, min(-(-t * cols // steps), ((t + 1) * cols - 1) // steps))
        line = line.ljust(column) + word
        free = len(line) + 1
    return line[:cols].ljust(cols)


def _words(path: Sequence[int], labels: Sequence[str]) -> list[tuple[int, str]]:
    """Return the words of a path, each with its first step."""
    found: list[tuple[int, str]] = []
    apart, before = True, 0
    for t, k in enumerate(path):
        if k and k != before:
            text = name(labels[k], len(labels[k]) + 1) if labels[k].strip() else ""
            apart = apart or labels[k][:1].isspace()
            if text and apart:
                found.append((t, text))
            elif text:
                found[-1] = (found[-1][0], found[-1][1] + text)
            apart = not text or labels[k][-1:].isspace()
        before = k
    return found
