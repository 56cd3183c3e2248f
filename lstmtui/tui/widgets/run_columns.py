"""The columns of the list of runs: which fit into a width, and their cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.text import Text

from lstmtui.common.terminal_text import one_line
from lstmtui.reports import health
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording
from lstmtui.tui.widgets.braille import sparkline

PADDING = 2
"""Columns that a table adds around each cell."""
SCROLLBAR = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its width, and the function that formats its cells."""

    name: str
    width: int
    format: Callable[[RunSnapshot, int], Text]


def columns(width: int) -> tuple[Column, ...]:
    """Return the most important columns that fit into `width`; the name takes the rest of it."""
    chosen, room = [], width - 14 - PADDING - SCROLLBAR
    for name in ("state", "best", "health", "cell", "loss", "age", "steps", "corpus", "size"):
        if room < _WIDTHS[name] + PADDING:
            break
        room -= _WIDTHS[name] + PADDING
        chosen.append(name)
    order = [name for name in _ORDER if name in chosen]
    first = Column("name", min(40, max(4, 14 + room)), _name)
    return (first, *(Column(name, _WIDTHS[name], _FORMATS[name]) for name in order))


def cells(
    run: RunSnapshot, wanted: tuple[Column, ...], colours: Mapping[str, str], *, marked: bool = False
) -> tuple[Text, ...]:
    """Return the cells of `run`; `colours` are the theme's variables, which a table does not resolve."""
    row = tuple(column.format(run, column.width) for column in wanted)
    for column, text in zip(wanted, row, strict=True):
        if column.name == "name" and marked:
            text.plain = one_line(f"● {text.plain}", column.width)
            text.stylize("bold")
        state_colour = colours.get(wording.STATE_COLOURS.get(run.state, ""), "")
        if column.name == "state" and state_colour.startswith("#"):
            text.stylize(state_colour)
        elif column.name == "loss" and colours.get("primary", "").startswith("#"):
            text.stylize(colours["primary"])
    return row


def _name(run: RunSnapshot, width: int) -> Text:
    return Text(one_line(run.run.name, width), style="bold")


def _state(run: RunSnapshot, width: int) -> Text:
    text = f"{wording.GLYPHS.get(run.state, '·')} {run.state}"
    if run.state in ("training", "evaluating", "paused", "stopped", "crashed") and run.steps:
        text = f"{text} {100 * wording.progress(run):.0f}%"
    return Text(one_line(text, width))


def _cell(run: RunSnapshot, width: int) -> Text:
    return Text(wording.network(run)[:width])


def _size(run: RunSnapshot, width: int) -> Text:
    return Text(wording.short(wording.parameters(run)) if wording.parameters(run) else "–", justify="right")


def _corpus(run: RunSnapshot, width: int) -> Text:
    return Text(one_line(wording.corpus(run), width))


def _steps(run: RunSnapshot, width: int) -> Text:
    text = f"{wording.short(run.step)}/{wording.short(run.steps)}" if run.steps else wording.short(run.step)
    return Text(text, justify="right")


def _health(run: RunSnapshot, width: int) -> Text:
    found = health.judge(run)
    return Text(one_line(wording.health(found), width) if found.word and found.level != health.UNKNOWN else "")


def _best(run: RunSnapshot, width: int) -> Text:
    return Text(wording.quality(run, run.best)[:width], justify="right")


def _age(run: RunSnapshot, width: int) -> Text:
    return Text("now" if not run.ended else wording.last_heartbeat(run), justify="right")


def _loss(run: RunSnapshot, width: int) -> Text:
    return Text(sparkline([point.loss for point in run.train] or [point.value for point in run.valid], width))


_FORMATS: dict[str, Callable[[RunSnapshot, int], Text]] = {
    "state": _state,
    "cell": _cell,
    "size": _size,
    "corpus": _corpus,
    "steps": _steps,
    "best": _best,
    "health": _health,
    "age": _age,
    "loss": _loss,
}
_ORDER = ("state", "health", "cell", "size", "corpus", "steps", "best", "age", "loss")
_WIDTHS = {"state": 15, "health": 18, "cell": 13, "size": 6, "corpus": 16, "steps": 11, "best": 9, "age": 6, "loss": 10}
