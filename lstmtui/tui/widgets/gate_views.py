"""Drawings of gates as rows of (text, style name): plain functions.

A cell has both fractions as colours: shut in its upper half, open in its lower one. Its style name is their levels in
the ramps, such as "3/31". Where a cell has one colour for both, or two units, their mixture has "3+31". Without colours
it is a dot when a gate is shut and a shade when it is open, by the larger of the two. The other style names are "b3", a
band of quantiles, and "left", "right", "none", "label", "axis" and "chosen".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstmtui.common.terminal_text import one_line
from lstmtui.config import CELLS
from lstmtui.runs.snapshot import Saturation
from lstmtui.tui import wording
from lstmtui.tui.messages import GateWindow
from lstmtui.tui.widgets import ramps

Row = list[tuple[str, str]]

LEFT = "·⠂⠒⠶⠿"
"""From never to always saturated at the low end: dots, a shut gate."""
PLAIN_LEFT = "·.:-="
"""The same for character sets without braille, whose blocks would read as open."""
RIGHT = "·░▒▓█"
"""From never to always saturated at the high end: shades, an open gate."""
HALF, LOWER_HALF = "▀", "▄"
COLOURS = ""
"""In place of the characters of shut gates: cells have colours."""
LEVELS = (0.05, 0.25, 0.5, 0.75)
MAX_WORD = 8
"""Columns of a token above the gates of a sentence."""
NUMBER_COLUMNS = 10
"""Columns of the two fractions of a row."""
LABEL_COLUMNS = 5
"""Columns of the number of a unit."""
UNIT_HEADS = ("units, from the most open to the most shut →", "units, most open first →", "units →")
SHUT, OPEN = 0.1, 0.9
"""The thresholds of most gates."""


def saturates_beyond(gates: Sequence[str], gate: int) -> tuple[float, float]:
    """Return the thresholds of a gate, taken from the cell that has these gates."""
    cell = _cell_of(gates)
    return cell.gates[gate].saturates_beyond if cell is not None and gate < len(gates) else (SHUT, OPEN)


def shut_below(gates: Sequence[str]) -> str:
    """Return below which value each gate counts as shut: 0.1, or 0.1, g -0.9 where kinds of gates differ."""
    names: dict[float, list[str]] = {}
    for gate, name in enumerate(gates):
        low = saturates_beyond(gates, gate)[0]
        if math.isfinite(low):
            names.setdefault(low, []).append(one_line(name, 1))
    first, *others = names or {SHUT: []}
    return ", ".join([f"<{first}", *(f"{' '.join(names[low])} <{low}" for low in others)])


def percent(value: Any) -> str:
    """Return a fraction as a percentage of four characters."""
    return f"{100 * float(value):3.0f}%"


def resampled(values: Sequence[float], cols: int) -> list[float]:
    """Return `cols` numbers for a row: means of equal parts, or repeated values where there are few."""
    if not values or cols < 1:
        return []
    size = len(values)
    means = []
    for i in range(cols):
        first = size * i // cols
        part = values[first : max(first + 1, size * (i + 1) // cols)]
        means.append(sum(part) / len(part))
    return means


def _level(value: float) -> int:
    return sum(value >= level for level in LEVELS)


def joined(cells: Sequence[tuple[str, str]]) -> Row:
    """Return the cells with neighbours of the same style merged."""
    row: Row = []
    for text, style in cells:
        if row and row[-1][1] == style:
            row[-1] = (row[-1][0] + text, style)
        else:
            row.append((text, style))
    return row


def saturated(left: Sequence[float], right: Sequence[float], dots: str) -> Row:
    """Return a cell for each pair of fractions: both of them in colours, or the larger of the two."""
    if dots == COLOURS:
        levels = ((ramps.level(low), ramps.level(high)) for low, high in zip(left, right, strict=True))
        return joined([(HALF, f"{low}/{high}") for low, high in levels])
    cells = []
    for low, high in zip(left, right, strict=True):
        character, style = (dots[_level(low)], "left") if low > high else (RIGHT[_level(high)], "right")
        cells.append((character, style if character != "·" else "none"))
    return joined(cells)


@dataclass(frozen=True, slots=True)
class Overview:
    """Where all layers and gates are on the rows of a panel."""

    label: int
    """Columns of the name of a gate."""
    cols: int
    """Columns of the units, or of training time."""
    numbers: bool
    """Whether a row has both fractions at its right."""
    heads: bool
    """Whether a row above the others says what the columns are."""

    @classmethod
    def of(cls, probe: Saturation, width: int, *, heads: bool) -> Overview:
        """Return the layout on so many columns."""
        shorts = (wording.short_layer(probe.layer_names, layer) for layer in range(len(probe.left)))
        # With heads, there is room for the mark of the chosen gate.
        label = min(max(map(len, shorts)) + 3 + heads, max(0, width - 6))
        numbers = width >= label + NUMBER_COLUMNS + 6
        return cls(label, max(0, width - label - (NUMBER_COLUMNS if numbers else 0)), numbers, heads)

    def unit_at(self, column: int, order: Sequence[int]) -> tuple[int, ...]:
        """Return the units whose mean a column of the overview by unit shows."""
        first = len(order) * column // self.cols
        return tuple(order[first : max(first + 1, len(order) * (column + 1) // self.cols)])


def overview(
    probes: Sequence[Saturation], layout: Overview, *, by_time: Sequence[int] | None, dots: str, chosen: int | None
) -> list[Row]:
    """Return one row for each layer and gate: by unit, from the most open to the most shut, or by training time.

    by_time  which of the probes each column shows, -1 for none; None for the overview by unit
    chosen   the layer * gates + gate that has a mark, if any
    """
    newest = probes[-1]
    layers, gates = newest.left.shape[:2]
    label, cols = layout.label, layout.cols
    rows: list[Row] = [_heads(layout, newest.left.shape[2], by_time=by_time is not None)] if layout.heads else []
    for layer in range(layers):
        short = wording.short_layer(newest.layer_names, layer)
        for gate in range(gates):
            if by_time is not None:
                known = [probes[at] for at in by_time if at >= 0]
                left, right = ([float(of[layer, gate].mean()) for of in side] for side in _sides(known))
            else:
                # Sorted: means over neighbours by number would hide every unit that differs.
                order = unit_order(newest, layer, gate)
                left = resampled(newest.left[layer, gate][order].tolist(), cols)
                right = resampled(newest.right[layer, gate][order].tolist(), cols)
            is_chosen = layout.heads and chosen == layer * gates + gate
            name = f"{'▸' if is_chosen else ''}{short}·{gate_name(newest.gates, gate)} "
            row: Row = [(name.rjust(label)[:label], "chosen" if is_chosen else "label")]
            row += saturated(left, right, dots)
            row.append((" " * (cols - len(left)), ""))
            if layout.numbers:
                shut, opened = newest.left[layer, gate].mean(), newest.right[layer, gate].mean()
                row += [(f" {percent(shut)}", "left"), (f" {percent(opened)}", "right")]
            rows.append(row)
    return rows


def _heads(layout: Overview, units: int, *, by_time: bool) -> Row:
    """Return the heads of the columns of an overview."""
    said: tuple[str, ...] = ("training time →", "time →") if by_time else UNIT_HEADS
    if not by_time and units > layout.cols:
        said = (f"{units} units, most open first →  {units / max(1, layout.cols):.1f} a cell", *UNIT_HEADS)
    text = next((text for text in said if len(text) <= layout.cols), "")
    row: Row = [(" " * layout.label + text.ljust(layout.cols), "axis")]
    return [*row, (" shut", "left"), (" open", "right")] if layout.numbers else row


def unit_order(probe: Saturation, layer: int, gate: int) -> list[int]:
    """Return the units from the most open to the most shut."""
    order: list[int] = (probe.left[layer, gate] - probe.right[layer, gate]).argsort(kind="stable").tolist()
    return order


def _sides(probes: Sequence[Saturation]) -> tuple[list[Any], list[Any]]:
    return [p.left for p in probes], [p.right for p in probes]


def gate_name(gates: Sequence[str], gate: int) -> str:
    """Return the letter of a gate."""
    return one_line(gates[gate], 1) if gate < len(gates) else "?"


def gate_label(probe: Saturation, layer: int, gate: int) -> str:
    """Return the gate of a layer in words: layer 1, input gate i."""
    if layer < len(probe.layer_names):
        return chosen_gate(probe, layer, gate)
    cell = _cell_of(probe.gates)
    label = cell.gates[gate].label if cell is not None and gate < len(cell.gates) else gate_name(probe.gates, gate)
    return f"layer {layer + 1}, {label}"


def _cell_of(gates: Sequence[str]) -> Any:
    """Return the cell that has these gates; None if none has."""
    return next((cell for cell in CELLS.values() if cell.gate_names == tuple(gates)), None)


def chosen_gate(probe: Saturation, layer: int, gate: int, *, short: bool = False) -> str:
    """Return the gate of a layer in a title: Gate 1·f, or encoder 1 forward, gate r, or enc 1 fwd·r."""
    name = gate_name(probe.gates, gate)
    if layer < len(probe.layer_names) and short:
        return f"{wording.short_layer(probe.layer_names, layer)}·{name}"
    if layer < len(probe.layer_names):
        return f"{one_line(probe.layer_names[layer], 24)}, gate {name}"
    return f"Gate {layer + 1}·{name}"


def _characters(piece: str, wide: int) -> str:
    """Return the beginning of a token, its spaces visible where there is room."""
    return (one_line(piece)[:wide] or " ").replace(" ", "␣" if wide > 1 else " ").ljust(wide)


def _word(piece: str, wide: int) -> str:
    """Return the beginning of a token without the spaces around it, and a space behind it where there is room."""
    return one_line(piece.strip())[: wide - 1 if wide > 2 else wide].ljust(wide)


def by_time_step(window: GateWindow, layer: int, gate: int, width: int, height: int, dots: str) -> list[Row]:
    """Return units by the tokens of a window, below its text; values of a gate from shut to open.

    In colours, a value in the middle is dark; one that is saturated has the end of a ramp.
    """
    text, steps = window.read(layer)
    values = window.values[layer, gate, :steps].astype("float32")  # (T, H)
    low, high = saturates_beyond(window.gates, gate)
    if not math.isfinite(high):  # a gate without bounds is drawn relative to its largest value
        high = 0.9 * max((abs(value) for value in values.ravel().tolist() if math.isfinite(value)), default=1.0)
        low = -high
    ramp = (dots or LEFT)[:0:-1] + RIGHT
    means = values.mean(axis=0)
    order = (-means).argsort(kind="stable")
    row_count = max(1, min(height - 1, len(order)))
    wide = max(1, min(MAX_WORD if window.pieces else 3, width // max(1, steps)))
    shown = min(steps, width // wide) if width >= wide else 0
    cell = _word if window.pieces else _characters
    heads = "".join(cell(piece, wide) for piece in (text[:shown] if text else [""] * shown))
    rows: list[Row] = [[(one_line(heads)[:width].ljust(width), "label")]]
    for r in range(row_count):
        units = order[len(order) * r // row_count : max(1, len(order) * (r + 1) // row_count)]
        cells = []
        for value in values[:shown, units].mean(axis=1):
            value = float(value) if value == value else (low + high) / 2
            if dots == COLOURS:
                cells.append((" " * wide, _value_style(value, low, high)))
                continue
            # The ends of the ramp are the saturated values.
            at = 0 if value < low else 8 if value > high else 1 + min(6, int((value - low) / max(1e-9, high - low) * 7))
            cells.append((ramp[at] * wide, "left" if at < 4 else "right" if at > 4 else "none"))
        rows.append(joined(cells))
    return rows


def _value_style(value: float, low: float, high: float) -> str:
    """Return the style of a value of a gate that is saturated below `low` and above `high`."""
    part = max(-1.0, min(1.0, (2 * value - low - high) / max(1e-9, high - low)))
    return f"{ramps.level(-part)}+{ramps.level(part)}"


def _sides_of(names: Sequence[str]) -> str:
    """Return which digits are layers of which part: 1-2 encoder, 3-4 decoder."""
    parts: dict[str, list[int]] = {}
    for layer, name in enumerate(names):
        parts.setdefault(one_line(name.partition(" ")[0], 12), []).append(layer + 1)
    return ", ".join(f"{min(places)}-{max(places)} {part}" for part, places in parts.items())


def scatter(probe: Saturation, gate: int, width: int, height: int) -> list[Row]:
    """Return each unit, as the digit of its layer, by its left- (upwards) and right-saturated fraction (to the right).

    After Karpathy, Johnson and Li 2015, arXiv:1506.02078, figure 2. On the diagonal a unit is always one or the
    other.
    """
    margin = 5
    cols, row_count = max(1, width - margin), max(1, height - 2)
    grid: dict[tuple[int, int], tuple[str, str]] = {}
    for column in range(cols):  # left + right = 1
        grid[round((row_count - 1) * column / max(1, cols - 1)), column] = ("·", "none")
    layers = probe.left.shape[0]
    for layer in range(layers):
        for low, high in zip(probe.left[layer, gate].tolist(), probe.right[layer, gate].tolist(), strict=True):
            if not (0 <= low <= 1 and 0 <= high <= 1):
                continue
            place = (round((1 - low) * (row_count - 1)), round(high * (cols - 1)))
            grid[place] = (str(layer + 1)[-1], ("left", "right")[layer % 2])
    rows: list[Row] = []
    for r in range(row_count):
        label = {0: "100%", (row_count - 1) // 2: " 50%", row_count - 1: "  0%"}.get(r, "    ")
        cells = [grid.get((r, column), (" ", "none")) for column in range(cols)]
        rows.append([(f"{label}│"[:width], "axis"), *joined(cells)] if width > margin else [("", "none")])
    ends = f"    └0%{'─' * max(0, cols - 6)}100%"
    low, high = saturates_beyond(probe.gates, gate)
    digits = "layers" if not probe.layer_names else _sides_of(probe.layer_names)
    legend = f"     right of {high} →   ↑ left of {low}   digits: {digits}"
    return [*rows, [(ends[:width].ljust(width), "axis")], [(legend[:width].ljust(width), "axis")]]
