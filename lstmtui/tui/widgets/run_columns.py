"""The columns of the list of runs: which ones a width has room for, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.text import Text

from lstmtui.common.terminal_text import one_line
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording
from lstmtui.tui.widgets.braille import sparkline

PADDING = 2
"""Columns that a table puts around each cell."""
SCROLLBAR = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column, how wide it is, and how it is told."""

    name: str
    width: int
    format: Callable[[RunSnapshot, int], Text]


def columns(width: int) -> tuple[Column, ...]:
    """Return the columns that fit into `width`, the most wanted ones, in their order; the name takes what is left."""
    kept, room = [], width - 14 - PADDING - SCROLLBAR
    for name in ("state", "best", "loss", "cell", "age", "steps", "corpus", "size"):
        if room < _WIDTHS[name] + PADDING:
            break
        room -= _WIDTHS[name] + PADDING
        kept.append(name)
    order = [name for name in _ORDER if name in kept]
    first = Column("name", min(40, max(4, 14 + room)), _name)
    return (first, *(Column(name, _WIDTHS[name], _TELL[name]) for name in order))


def cells(
    run: RunSnapshot, wanted: tuple[Column, ...], colours: Mapping[str, str], *, marked: bool = False
) -> tuple[Text, ...]:
    """Return what stands in the row of `run`; `colours` are the theme's variables, which a table does not know."""
    row = tuple(column.format(run, column.width) for column in wanted)
    for column, text in zip(wanted, row, strict=True):
        if column.name == "name" and marked:
            text.plain = one_line(f"● {text.plain}", column.width)
            text.stylize("bold")
        if column.name == "state" and (colour := colours.get(wording.TONES.get(run.state, ""), "")).startswith("#"):
            text.stylize(colour)
        elif column.name == "loss" and colours.get("primary", "").startswith("#"):
            text.stylize(colours["primary"])
    return row


def _name(run: RunSnapshot, width: int) -> Text:
    return Text(one_line(run.run.name, width), style="bold")


def _state(run: RunSnapshot, width: int) -> Text:
    told = f"{wording.GLYPHS.get(run.state, '·')} {run.state}"
    if run.state in ("training", "evaluating", "paused", "stopped", "crashed") and run.steps:
        told = f"{told} {100 * wording.progress(run):.0f}%"
    return Text(one_line(told, width))


def _cell(run: RunSnapshot, width: int) -> Text:
    return Text(wording.network(run)[:width])


def _size(run: RunSnapshot, width: int) -> Text:
    return Text(wording.short(wording.parameters(run)) if wording.parameters(run) else "–", justify="right")


def _corpus(run: RunSnapshot, width: int) -> Text:
    return Text(one_line(wording.corpus(run), width))


def _steps(run: RunSnapshot, width: int) -> Text:
    told = f"{wording.short(run.step)}/{wording.short(run.steps)}" if run.steps else wording.short(run.step)
    return Text(told, justify="right")


def _best(run: RunSnapshot, width: int) -> Text:
    return Text(wording.quality(run, run.best)[:width], justify="right")


def _age(run: RunSnapshot, width: int) -> Text:
    return Text("now" if not run.ended else wording.last_seen(run), justify="right")


def _loss(run: RunSnapshot, width: int) -> Text:
    return Text(sparkline([point.loss for point in run.train] or [point.value for point in run.valid], width))


_TELL: dict[str, Callable[[RunSnapshot, int], Text]] = {
    "state": _state,
    "cell": _cell,
    "size": _size,
    "corpus": _corpus,
    "steps": _steps,
    "best": _best,
    "age": _age,
    "loss": _loss,
}
_ORDER = ("state", "cell", "size", "corpus", "steps", "best", "age", "loss")
_WIDTHS = {"state": 15, "cell": 13, "size": 6, "corpus": 16, "steps": 11, "best": 9, "age": 6, "loss": 10}
