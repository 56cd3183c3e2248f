"""Pictures of gates as rows of (text, look), each of which can be read without colour.

A cell is a dot when a gate is shut and a shade when it is open; the looks are "left", "right", "none", "label", "axis".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lstmtui.common.terminal_text import one_line
from lstmtui.config import CELLS
from lstmtui.runs.snapshot import Saturation
from lstmtui.tui import wording
from lstmtui.tui.messages import GateWindow

Row = list[tuple[str, str]]

LEFT = "·⠂⠒⠶⠿"
"""From nothing to always saturated at the low end: dots, since the gate is shut."""
PLAIN_LEFT = "·.:-="
"""The same without braille, which as blocks would look open."""
RIGHT = "·░▒▓█"
"""From nothing to always saturated at the high end: shades, since the gate is open."""
LEVELS = (0.05, 0.25, 0.5, 0.75)
NUMBERS = 10
"""Columns that the two fractions of a row take."""
SHUT, OPEN = 0.1, 0.9
"""Where most gates are saturated."""


def saturates_beyond(gates: Sequence[str], gate: int) -> tuple[float, float]:
    """Return the values below and above which a gate is saturated, by the cell that has such gates."""
    cell = next((cell for cell in CELLS.values() if cell.gate_names == tuple(gates)), None)
    return cell.gates[gate].saturates_beyond if cell is not None and gate < len(gates) else (SHUT, OPEN)


def percent(value: Any) -> str:
    return f"{100 * float(value):3.0f}%"


def shares(values: Sequence[float], cols: int) -> list[float]:
    """Return `cols` numbers for a row: the mean of each share, or each value stretched where there are few."""
    if not values or cols < 1:
        return []
    size = len(values)
    found = []
    for i in range(cols):
        first = size * i // cols
        share = values[first : max(first + 1, size * (i + 1) // cols)]
        found.append(sum(share) / len(share))
    return found


def _level(value: float) -> int:
    return sum(value >= level for level in LEVELS)


def _joined(cells: Sequence[tuple[str, str]]) -> Row:
    """Return cells with neighbours of one look put together."""
    row: Row = []
    for text, look in cells:
        if row and row[-1][1] == look:
            row[-1] = (row[-1][0] + text, look)
        else:
            row.append((text, look))
    return row


def saturated(left: Sequence[float], right: Sequence[float], dots: str) -> Row:
    """Return a cell for each pair of fractions, the larger of the two shown."""
    cells = []
    for low, high in zip(left, right, strict=True):
        character, look = (dots[_level(low)], "left") if low > high else (RIGHT[_level(high)], "right")
        cells.append((character, look if character != "·" else "none"))
    return _joined(cells)


def overview(probes: Sequence[Saturation], width: int, *, by_time: bool, dots: str) -> list[Row]:
    """Return one row for each layer and gate: by unit, from the most open to the most shut, or by training time."""
    import numpy as np  # loaded already, by whoever read the probes

    newest = probes[-1]
    layers, gates = newest.left.shape[:2]
    label = len(str(layers)) + 3
    numbers = width >= label + NUMBERS + 6
    cols = max(0, width - label - (NUMBERS if numbers else 0))
    same = [p for p in probes if p.left.shape == newest.left.shape] if by_time else [newest]
    lefts, rights = (np.stack([values.mean(axis=2) for values in part]) for part in _sides(same))
    rows = []
    for layer in range(layers):
        for gate in range(gates):
            if by_time:
                left = shares(lefts[:, layer, gate].tolist(), cols)
                right = shares(rights[:, layer, gate].tolist(), cols)
            else:
                # Like beside like: the mean over neighbours by number would hide every unit that stands out.
                order = _order(newest, layer, gate)
                left = shares(newest.left[layer, gate][order].tolist(), cols)
                right = shares(newest.right[layer, gate][order].tolist(), cols)
            row: Row = [(f"{layer + 1}·{gate_name(newest.gates, gate)} ".rjust(label), "label")]
            row += saturated(left, right, dots)
            if numbers:
                shut, opened = newest.left[layer, gate].mean(), newest.right[layer, gate].mean()
                row += [(f" {percent(shut)}", "left"), (f" {percent(opened)}", "right")]
            rows.append(row)
    return rows


def _sides(probes: Sequence[Saturation]) -> tuple[list[Any], list[Any]]:
    return [p.left for p in probes], [p.right for p in probes]


def gate_name(gates: Sequence[str], gate: int) -> str:
    return one_line(gates[gate], 1) if gate < len(gates) else "?"


def _order(probe: Saturation, layer: int, gate: int) -> Any:
    """Return the units from the most open to the most shut."""
    return (probe.left[layer, gate] - probe.right[layer, gate]).argsort(kind="stable")


def by_training_time(
    probes: Sequence[Saturation], layer: int, gate: int, width: int, height: int, dots: str
) -> list[Row]:
    """Return units, in their order of today, by training time, with each row's share of today at its right."""
    newest = probes[-1]
    same = [p for p in probes if p.left.shape == newest.left.shape]
    order = _order(newest, layer, gate)
    rows_wanted = max(1, min(height - 1, len(order)))
    numbers = width >= NUMBERS + 12
    cols = width - (NUMBERS if numbers else 0)
    edges = [len(order) * r // rows_wanted for r in range(rows_wanted)]
    lefts = _row_means([p.left[layer, gate] for p in same], order, edges)
    rights = _row_means([p.right[layer, gate] for p in same], order, edges)
    rows: list[Row] = []
    for left, right in zip(lefts, rights, strict=True):
        row = saturated(shares(left, cols), shares(right, cols), dots)
        if numbers:
            row += [(f" {percent(left[-1])}", "left"), (f" {percent(right[-1])}", "right")]
        rows.append(row)
    first, last = f"step {wording.count(same[0].step)}", wording.count(newest.step)
    axis = f"{first}{'─' * max(1, cols - len(first) - len(last))}{last}"[: max(0, cols)]
    return [*rows, [(axis.ljust(width)[:width], "axis")]]


def _row_means(values: Sequence[Any], order: Any, edges: Sequence[int]) -> list[list[float]]:
    """Return for each row of units, which begin at `edges` of `order`, their mean in each of `values` (H,)."""
    import numpy as np

    sorted_values = np.stack(values)[:, order]
    sizes = np.diff([*edges, len(order)])
    means: list[list[float]] = (np.add.reduceat(sorted_values, edges, axis=1) / sizes).T.tolist()
    return means


def by_time_step(seen: GateWindow, layer: int, gate: int, width: int, height: int, dots: str) -> list[Row]:
    """Return units by the steps of one window, the text above them; a gate's value from shut to open."""
    values = seen.values[layer, gate].astype("float32")  # (T, H)
    low, high = saturates_beyond(seen.gates, gate)
    if not math.isfinite(high):  # a gate without bounds is drawn by its largest value
        high = 0.9 * max((abs(value) for value in values.ravel().tolist() if math.isfinite(value)), default=1.0)
        low = -high
    ramp = dots[:0:-1] + RIGHT
    means = values.mean(axis=0)
    order = (-means).argsort(kind="stable")
    rows_wanted = max(1, min(height - 1, len(order)))
    steps = values.shape[0]
    wide = max(1, min(3, width // max(1, steps)))
    shown = min(steps, width // wide) if width >= wide else 0
    text = "".join(
        (one_line(piece, 1) or " ").replace(" ", "␣" if wide > 1 else " ").ljust(wide)[:wide]
        for piece in (seen.text[:shown] if seen.text else [""] * shown)
    )
    rows: list[Row] = [[(one_line(text)[:width].ljust(width), "label")]]
    for r in range(rows_wanted):
        units = order[len(order) * r // rows_wanted : max(1, len(order) * (r + 1) // rows_wanted)]
        cells = []
        for value in values[:shown, units].mean(axis=1):
            value = float(value) if value == value else (low + high) / 2
            # The ends of the ramp are what is saturated.
            at = 0 if value < low else 8 if value > high else 1 + min(6, int((value - low) / max(1e-9, high - low) * 7))
            cells.append((ramp[at] * wide, "left" if at < 4 else "right" if at > 4 else "none"))
        rows.append(_joined(cells))
    return rows


def scatter(probe: Saturation, gate: int, width: int, height: int) -> list[Row]:
    """Return each unit at its left- (down to up) and right-saturated fraction (left to right), told by its layer.

    After Karpathy, Johnson and Li 2015, arXiv:1506.02078, figure 2. The diagonal is where a unit is always one or the
    other.
    """
    margin = 5
    cols, rows_wanted = max(1, width - margin), max(1, height - 2)
    grid: dict[tuple[int, int], tuple[str, str]] = {}
    for column in range(cols):  # left + right = 1
        grid[round((rows_wanted - 1) * column / max(1, cols - 1)), column] = ("·", "none")
    layers = probe.left.shape[0]
    for layer in range(layers):
        for low, high in zip(probe.left[layer, gate].tolist(), probe.right[layer, gate].tolist(), strict=True):
            if not (0 <= low <= 1 and 0 <= high <= 1):
                continue
            place = (round((1 - low) * (rows_wanted - 1)), round(high * (cols - 1)))
            grid[place] = (str(layer + 1)[-1], ("left", "right")[layer % 2])
    rows: list[Row] = []
    for r in range(rows_wanted):
        label = {0: "100%", (rows_wanted - 1) // 2: " 50%", rows_wanted - 1: "  0%"}.get(r, "    ")
        cells = [grid.get((r, column), (" ", "none")) for column in range(cols)]
        rows.append([(f"{label}│"[:width], "axis"), *_joined(cells)] if width > margin else [("", "none")])
    ends = f"    └0%{'─' * max(0, cols - 6)}100%"
    low, high = saturates_beyond(probe.gates, gate)
    said = f"     right of {high} →   ↑ left of {low}   digits: layers"
    return [*rows, [(ends[:width].ljust(width), "axis")], [(said[:width].ljust(width), "axis")]]
