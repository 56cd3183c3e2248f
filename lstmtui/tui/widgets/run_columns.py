"""The columns of the list of runs: which fit into a width, and their cells.

A column is as wide as its widest cell, so that no number is cut; where not all fit, the least important are omitted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from lstmtui.common.terminal_text import one_line
from lstmtui.reports import health
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import health_words, wording
from lstmtui.tui.widgets.braille import sparkline

PADDING = 2
"""Columns that a table adds around each cell."""
SCROLLBAR = 1
MIN_NAME, MAX_NAME = 14, 40
"""Columns of the name: what other columns leave to it, and its most."""
MAX_TEXT = 24
"""Columns of a state or a text; a longer one is cut."""
LOSS = 10
"""Columns of a curve."""
MARK = "mark"

Cells = Mapping[str, str]
"""The texts of the cells of a run by column."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name and its width."""

    name: str
    width: int

    @property
    def title(self) -> str:
        """The head of the column; the marks have none."""
        return "" if self.name == MARK else self.name


class RunCells:
    """Gives the texts of the cells of runs; those of a run that has not changed are not made again."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[RunSnapshot, dict[str, str]]] = {}

    def of(self, runs: Sequence[RunSnapshot]) -> list[Cells]:
        """Return the cells of all these runs, and forget those of others."""
        known = {run.run.path: self._of(run) for run in runs}
        self._known = {run.run.path: (run, known[run.run.path]) for run in runs}
        return [{**known[run.run.path], "age": _age(run)} for run in runs]

    def _of(self, run: RunSnapshot) -> dict[str, str]:
        before = self._known.get(run.run.path)
        if before is not None and before[0] is run:
            return before[1]
        return {name: of(run) for name, of in _CELLS.items()}


def columns(width: int, cells: Sequence[Cells]) -> tuple[Column, ...]:
    """Return the most important columns that fit into `width`; the first marks runs, the name has the rest."""
    widths = {name: max(least, *(len(of[name]) for of in cells), 0) for name, least in _MIN_WIDTHS.items()}
    mark = Column(MARK, 1)
    chosen, room = [], width - mark.width - PADDING - MIN_NAME - PADDING - SCROLLBAR
    for name in ("state", "best", "health", "cell", "loss", "age", "steps", "corpus", "parameters"):
        if room >= widths[name] + PADDING:
            room -= widths[name] + PADDING
            chosen.append(name)
    first = Column("name", min(MAX_NAME, max(4, MIN_NAME + room)))
    return (mark, first, *(Column(name, widths[name]) for name in _MIN_WIDTHS if name in chosen))


def row(
    run: RunSnapshot, cells: Cells, wanted: tuple[Column, ...], colours: Mapping[str, str], *, marked: bool = False
) -> tuple[Text, ...]:
    """Return the row of `run`; `colours` are the theme's variables, which a table does not resolve."""
    styles = {
        "state": colours.get(wording.STATE_COLOURS.get(run.state, ""), ""),
        "health": colours.get(health_words.COLOURS[health.judge(run).level].removeprefix("$"), ""),
        "loss": colours.get("primary", ""),
    }
    texts = []
    for column in wanted:
        if column.name == MARK:
            texts.append(Text("●" if marked else "·", style="bold" if marked else ""))
            continue
        if column.name == "name":
            texts.append(Text(one_line(run.run.name, column.width), style="bold"))
            continue
        text = Text(cells[column.name], justify="right" if column.name in _NUMBERS else "left")
        if (colour := styles.get(column.name, "")).startswith("#"):
            text.stylize(colour)
        texts.append(text)
    return tuple(texts)


def _state(run: RunSnapshot) -> str:
    text = f"{wording.GLYPHS.get(run.state, '·')} {run.state}"
    if run.state in ("training", "evaluating", "paused", "stopped", "crashed") and run.steps:
        text = f"{text} {100 * wording.progress(run):.0f}%"
    return one_line(text, MAX_TEXT)


def _health(run: RunSnapshot) -> str:
    found = health.judge(run)
    return health_words.label(found) if found.word and found.level != health.UNKNOWN else ""


def _parameters(run: RunSnapshot) -> str:
    return wording.short(wording.parameters(run)) if wording.parameters(run) else "–"


def _steps(run: RunSnapshot) -> str:
    return f"{wording.short(run.step)}/{wording.short(run.steps)}" if run.steps else wording.short(run.step)


def _age(run: RunSnapshot) -> str:
    return "now" if not run.ended else wording.last_heartbeat(run)


def _loss(run: RunSnapshot) -> str:
    return sparkline([point.loss for point in run.train] or [point.loss for point in run.valid], LOSS)


_CELLS: dict[str, Callable[[RunSnapshot], str]] = {
    "state": _state,
    "health": _health,
    "cell": wording.network,
    "parameters": _parameters,
    "corpus": lambda run: one_line(wording.corpus(run), MAX_TEXT),
    "steps": _steps,
    "best": lambda run: wording.quality(run, run.result),
    "loss": _loss,
}
_MIN_WIDTHS = {
    "state": 15, "health": 9, "cell": 8, "parameters": 10, "corpus": 10, "steps": 11, "best": 9, "age": 6, "loss": LOSS,
}  # fmt: skip
"""In the order of the columns: what they have at least, so that they do not move while a run trains."""
_NUMBERS = ("parameters", "steps", "best", "age")
"""Columns that end at the right."""
