"""One gate by training time: its units as a heat map, and the distribution of its values. Plain functions and layouts.

The columns of both are steps. They reach as far as the run is planned, or to a half, a quarter, ... of it: a map that
fills from the left keeps what it has drawn, and is drawn anew each time the run has doubled its steps.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lstmtui.runs.snapshot import Saturation
from lstmtui.tui import wording
from lstmtui.tui.widgets import ramps
from lstmtui.tui.widgets.axes import x_axis
from lstmtui.tui.widgets.gate_views import (
    COLOURS,
    HALF,
    LABEL_COLUMNS,
    LOWER_HALF,
    NUMBER_COLUMNS,
    Row,
    chosen_gate,
    joined,
    percent,
    saturated,
    saturates_beyond,
)  # fmt: skip

MIN_COLUMNS = 12
"""Columns of steps from which on a row also has its numbers, or its label."""
BANDS = ((0, 8), (1, 7), (2, 6), (3, 5))
"""The quantiles between which each band is, the widest first."""
PLAIN_BANDS = " ·░▒▓█"
"""From outside of all bands to the median, without colours."""


def axis_end(newest: int, planned: int, *, ended: bool) -> int:
    """Return the last step of the axis: that of the newest probe of a run that has ended, else what it is planned to
    take, or a half, a quarter, ... of that as long as the newest probe is within."""
    if ended or planned < newest:
        return max(1, newest)
    end = float(planned)
    while end / 2 >= max(1, newest):
        end /= 2
    return math.ceil(end)


def columns_of(steps: Sequence[int], end: int, cols: int) -> list[int]:
    """Return which of the probes at these steps each of `cols` columns shows; -1 for a column after the newest.

    Each shows the first probe at its last step or later, as a step before the first probe is most like that one.
    """
    found = []
    for column in range(cols):
        at = bisect_left(steps, end * (column + 1) / cols)
        is_ahead = at == len(steps) and (not steps or steps[-1] <= end * column / cols)
        found.append(-1 if is_ahead else min(at, len(steps) - 1))
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """What is under a cell of a map."""

    layer: int
    gate: int
    units: tuple[int, ...]
    """The unit, or those whose mean is drawn."""
    probe: Saturation


def _edges(units: int, height: int, dots: str) -> tuple[bool, list[int]]:
    """Return whether a row has two slots for units, and where the slots begin and end in the order of units."""
    rows = max(1, height - 1)
    halves = dots == COLOURS and units > rows
    slots = max(1, min(rows * (1 + halves), units))
    return halves, [units * n // slots for n in range(slots + 1)]


def averaged(units: int, height: int, dots: str) -> str:
    """Return in words of how many units a cell of so many rows is the mean; empty where each unit has its own."""
    sizes = {end - start for start, end in pairwise(_edges(units, height, dots)[1])}
    low, high = min(sizes), max(sizes)
    return "" if high == 1 else f"means of {high} units" if low == high else f"means of {low} or {high} units"


class UnitsByTime:
    """Where the units of a gate are on `width` by `height` cells, by training time, in the given order.

    A row is a unit. Two are one above the other in a row where they do not fit otherwise, and then means of some.
    """

    def __init__(
        self, probes: Sequence[Saturation], place: tuple[int, int], order: Sequence[int], end: int,
        size: tuple[int, int], dots: str,
    ) -> None:  # fmt: skip
        self._layer, self._gate = place
        self._order, self._end, self._dots = order, end, dots
        self.width = size[0]
        self._probes = [probe for probe in probes if probe.left.shape == probes[-1].left.shape]
        self.halves, edges = _edges(len(order), size[1], dots)
        self._slots = [tuple(order[start:stop]) for start, stop in pairwise(edges)]
        self._numbers = self.width >= NUMBER_COLUMNS + MIN_COLUMNS
        self._label = LABEL_COLUMNS if self.width >= NUMBER_COLUMNS + LABEL_COLUMNS + MIN_COLUMNS else 0
        self._cols = max(0, self.width - (NUMBER_COLUMNS if self._numbers else 0) - self._label)
        self._columns = columns_of([probe.step for probe in self._probes], end, self._cols)

    def rows(self, cursor: tuple[int, int] | None = None, marked: int | None = None) -> list[Row]:
        """Return the rows, and the axis of steps below them, with a mark at the column and the slot of the cursor.

        marked  a step that has a mark on the axis where there is no cursor
        """
        lefts, rights = self._means("left"), self._means("right")
        per_row = 1 + self.halves
        rows: list[Row] = []
        for first in range(0, len(self._slots), per_row):
            slots = range(first, min(first + per_row, len(self._slots)))
            is_chosen = cursor is not None and cursor[1] in slots
            row: Row = [(self._label_of(slots, cursor), "chosen" if is_chosen else "label")] if self._label else []
            row += self._cells([lefts[n] for n in slots], [rights[n] for n in slots])
            if self._numbers:
                means = (sum(part[n][-1] for n in slots) / len(slots) for part in (lefts, rights))
                row += [(f" {percent(value)}", side) for value, side in zip(means, ("left", "right"), strict=True)]
            rows.append(row)
        axis = self._axis()
        column = cursor[0] if cursor is not None else None if marked is None else self._column_of(marked)
        if column is None or not axis:
            return [*rows, [(axis, "axis")]]
        at = self._label + column
        return [*rows, [(axis[:at], "axis"), ("▲", "chosen"), (axis[at + 1 :], "axis")]]

    def _column_of(self, step: int) -> int | None:
        """Return the column of a step; None where it is beyond the axis."""
        return None if step > self._end or self._cols < 1 else min(self._cols - 1, step * self._cols // self._end)

    def slot_at(self, x: int, y: int) -> tuple[int, int] | None:
        """Return the column and the slot under a cell, the upper one where a row has two; None beside the map."""
        slot, column = y * (1 + self.halves), x - self._label
        is_inside = 0 <= slot < len(self._slots) and 0 <= column < self._cols and self._columns[column] >= 0
        return (column, slot) if is_inside else None

    def at(self, column: int, slot: int) -> Place | None:
        """Return what is at a column and a slot; None where there is nothing."""
        if not (slot < len(self._slots) and column < self._cols) or self._columns[column] < 0:
            return None
        return Place(self._layer, self._gate, self._slots[slot], self._probes[self._columns[column]])

    def extent(self) -> tuple[int, int]:
        """Return the last column that shows a probe, and the number of slots."""
        return max(0, sum(column >= 0 for column in self._columns) - 1), len(self._slots)

    def _means(self, side: str) -> list[list[float]]:
        """Return the mean of each slot (N) at each probe."""
        import numpy as np  # already loaded by the reader of the probes

        values = np.stack([getattr(probe, side)[self._layer, self._gate] for probe in self._probes])
        starts = np.cumsum([0, *(len(units) for units in self._slots[:-1])])
        sizes = np.array([len(units) for units in self._slots])
        means: list[list[float]] = (np.add.reduceat(values[:, self._order], starts, axis=1) / sizes).T.tolist()
        return means

    def _label_of(self, slots: Sequence[int], cursor: tuple[int, int] | None) -> str:
        units = self._slots[slots[0]]
        if cursor is not None and cursor[1] in slots:
            units = self._slots[cursor[1]]
            text = str(units[0]) if len(units) == 1 else f"×{len(units)}"
            return f"{'▸' + text:>{self._label - 1}} "[: self._label]
        text = str(units[0]) if len(units) == 1 else f"×{len(units) * len(slots)}"
        return f"{text:>{self._label - 1}} "[: self._label]

    def _cells(self, lefts: list[list[float]], rights: list[list[float]]) -> Row:
        known = [column for column in self._columns if column >= 0]
        ahead = (" " * (self._cols - len(known)), "")
        if self._dots != COLOURS:
            return [*saturated([lefts[0][n] for n in known], [rights[0][n] for n in known], self._dots), ahead]
        levels = [
            [f"{ramps.level(left[n])}+{ramps.level(right[n])}" for n in known]
            for left, right in zip(lefts, rights, strict=True)
        ]
        if len(levels) == 1:
            return [*joined([(HALF if self.halves else " ", name) for name in levels[0]]), ahead]
        pairs = zip(*levels, strict=True)
        return [*joined([(HALF, f"{upper}/{lower}") for upper, lower in pairs]), ahead]

    def _axis(self) -> str:
        if self._cols < 2:
            return ""
        head = "unit"[: max(0, self._label - 1)]
        line = _steps(self._label or 1, self._cols - (not self._label), self._end)
        return (head.rjust(max(0, self._label - 1)) + line[max(0, self._label - 1) :]).ljust(self.width)[: self.width]


def _steps(margin: int, cols: int, end: int) -> str:
    """Return the axis of steps, which has its last one where there is room."""
    line, text = x_axis(margin, cols, (0.0, float(end)), wording.short), wording.short(end)
    free = line[-len(text) - 1 :]
    return f"{line[: -len(text)]}{text}" if free == "─" * (len(text) + 1) else line


def reading(place: Place, *, short: bool) -> str:
    """Return in words what a cell shows: the gate, the unit, the step and both fractions."""
    probe, layer, gate, units = place.probe, place.layer, place.gate, list(place.units)
    left, right = probe.left[layer, gate], probe.right[layer, gate]
    shut, opened = (float((part[units] if units else part).mean()) for part in (left, right))
    whose = f"unit {units[0]}" if len(units) == 1 else f"{len(units)} units" if units else "all units"
    name = chosen_gate(probe, layer, gate, short=True).removeprefix("Gate ")
    if short:
        return f"{name} {whose} @{wording.short(probe.step)} {100 * shut:.0f}% shut {100 * opened:.0f}% open"
    at = f"step {wording.count(probe.step)}"
    return f"{name}, {whose}, {at}: {100 * shut:.0f} % shut, {100 * opened:.0f} % open"


def distribution(
    probes: Sequence[Saturation], place: tuple[int, int], end: int, size: tuple[int, int], dots: str
) -> list[Row]:
    """Return quantiles of the values of a gate by training time: bands around the median, the middle ones stronger.

    The lines of dots are the values beyond which the gate counts as saturated. Probes without quantiles are left out;
    no rows where none has them.
    """
    (width, height), (layer, gate) = size, place
    known = [probe for probe in probes if probe.quantiles is not None and layer < len(probe.quantiles)]
    if not known:
        return []
    gates = known[-1].gates
    quantiles = [probe.quantiles[layer, gate].tolist() for probe in known]
    low, high = value_range(gates, gate, quantiles)
    rows = max(1, height - 1)
    labels = _value_labels(gates, gate, (low, high), rows)
    margin = max(len(text) for text, _ in labels.values()) + 1 if width >= 2 * MIN_COLUMNS else 0
    cols = max(1, width - margin)
    columns = columns_of([probe.step for probe in known], end, cols)
    per_row = 1 + (dots == COLOURS)
    levels = [
        _band_levels(quantiles[column], low, high, rows * per_row) if column >= 0 else [0] * (rows * per_row)
        for column in columns
    ]
    guides = _guide_rows(gates, gate, (low, high), rows)
    drawn: list[Row] = []
    for r in range(rows):
        text, style = labels.get(r, ("", "axis"))
        row: Row = [(f"{text:>{margin - 1}}", style), ("│", "axis")] if margin else []
        cells = []
        for of_column in levels:
            here = of_column[r * per_row : (r + 1) * per_row]
            if not any(here):
                cells.append(("·", guides[r]) if r in guides else (" ", ""))
            elif per_row == 1:
                cells.append((PLAIN_BANDS[here[0]], "label"))
            elif all(here):
                cells.append((HALF, f"b{here[0]}/b{here[1]}"))
            else:
                cells.append((HALF, f"b{here[0]}") if here[0] else (LOWER_HALF, f"b{here[1]}"))
        drawn.append([*row, *joined(cells)])
    axis = _steps(margin or 1, cols - (not margin), end) if cols > 1 else ""
    return [*drawn, [(axis.ljust(width)[:width], "axis")]]


def value_range(gates: Sequence[str], gate: int, quantiles: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return the lowest and the highest value to draw: the bounds of the gate, or those of its values."""
    below = saturates_beyond(gates, gate)[0]
    if math.isfinite(below):
        return (-1.0 if below < 0 else 0.0), 1.0
    lowest, highest = min(min(of) for of in quantiles), max(max(of) for of in quantiles)
    return (lowest, highest) if highest > lowest else (lowest - 0.5, highest + 0.5)


def _band_levels(quantiles: Sequence[float], low: float, high: float, slots: int) -> list[int]:
    """Return the level of the band at each of `slots` heights, the highest value first."""

    def slot(value: float) -> int:
        return min(slots - 1, max(0, round((high - value) / (high - low) * (slots - 1))))

    levels = [0] * slots
    for level, (lower, upper) in enumerate(BANDS, 1):
        for at in range(slot(quantiles[upper]), slot(quantiles[lower]) + 1):
            levels[at] = level
    levels[slot(quantiles[4])] = 5
    return levels


def _value_labels(
    gates: Sequence[str], gate: int, bounds: tuple[float, float], rows: int
) -> dict[int, tuple[str, str]]:
    """Return labels by row, with their styles: ends, middle, and the thresholds in the colours of their sides."""
    (below, above), (low, high) = saturates_beyond(gates, gate), bounds
    digits = 1 if math.isfinite(below) else 2 if high - low < 4 else 0
    wanted = [(low, "axis"), (high, "axis"), ((low + high) / 2, "axis")]
    wanted += [(below, "left"), (above, "right")] if math.isfinite(below) else []
    return {
        round((high - value) / (high - low) * (rows - 1)): (f"{value:.{digits}f}", style) for value, style in wanted
    }


def _guide_rows(gates: Sequence[str], gate: int, bounds: tuple[float, float], rows: int) -> dict[int, str]:
    """Return the row and the style of each threshold."""
    (below, above), (low, high) = saturates_beyond(gates, gate), bounds
    if not math.isfinite(below):
        return {}
    return {round((high - at) / (high - low) * (rows - 1)): side for at, side in ((below, "left"), (above, "right"))}
