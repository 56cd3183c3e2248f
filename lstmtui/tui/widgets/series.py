"""The data of a loss chart: points by step, tokens or time, smoothed, and marks. Plain functions over a snapshot."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.runs.snapshot import RunSnapshot, TrainPoint
from lstmtui.tui import wording

Point = tuple[float, float]

X_AXES = ("step", "tokens", "time")
SMOOTHINGS = (0.0, 0.6, 0.9, 0.97)
"""Weights of the past in the moving average; 0 draws the points as they are."""
MIN_RATIO = 2.0


@dataclass(frozen=True, slots=True)
class Mark:
    """An event at a place of the curve."""

    x: float
    label: str
    """Short: lr 0.001."""
    is_line: bool
    """Whether it is drawn as a line through the plot, and not as a tick on the axis."""


class Axis:
    """Maps steps to places on the x axis, linear between two points."""

    def __init__(self, snapshot: RunSnapshot, kind: str) -> None:
        self.kind = kind
        train = snapshot.train
        self._steps = [0.0, *(float(p.step) for p in train)]
        self._places = [0.0, *(self.place(p) for p in train)]

    def place(self, point: TrainPoint) -> float:
        """Return the place of a point of training."""
        return float({"step": point.step, "tokens": point.tokens, "time": point.seconds}[self.kind])

    def of_step(self, step: float) -> float:
        """Return the place of a step without a point of its own."""
        if self.kind == "step" or len(self._steps) < 2:
            return step if self.kind == "step" else 0.0
        at = min(max(1, bisect_left(self._steps, step)), len(self._steps) - 1)
        (s0, s1), (x0, x1) = self._steps[at - 1 : at + 1], self._places[at - 1 : at + 1]
        return x0 + (x1 - x0) * (step - s0) / (s1 - s0) if s1 > s0 else x1


def format_place(value: float, kind: str) -> str:
    """Return the label of a place on the axis."""
    if kind == "time":
        return format_duration(value)
    return wording.short(value) if value >= 10_000 else wording.count(value)


def losses(snapshot: RunSnapshot, axis: Axis, factor: float) -> list[Point]:
    """Return the losses of training, times `factor`."""
    return [(axis.place(p), p.loss * factor) for p in snapshot.train]


def both_losses(snapshot: RunSnapshot, axis: Axis, factor: float) -> tuple[list[Point], list[Point]]:
    """Return the losses of training and of validation, times `factor`."""
    return losses(snapshot, axis, factor), [(axis.of_step(p.step), p.loss * factor) for p in snapshot.valid]


def error_rates(snapshot: RunSnapshot, axis: Axis, factor: float) -> tuple[list[Point], list[Point]]:
    """Return the parts of characters and of words that are wrong, in percent, in the place of losses."""
    rates = ((axis.of_step(p.step), p.cer, p.wer) for p in snapshot.valid)
    found = [(x, *(100 * (math.nan if rate is None else rate) for rate in of)) for x, *of in rates]
    return [(x, characters) for x, characters, _ in found], [(x, words) for x, _, words in found]


def drawable(points: Sequence[Point], *, log: bool) -> list[Point]:
    """Return the points that are numbers, above zero for a logarithmic axis."""
    return [p for p in points if math.isfinite(p[1]) and (p[1] > 0 or not log)]


def smoothed(points: Sequence[Point], weight: float) -> list[Point]:
    """Return the exponential moving average of `points`, without its initial bias towards 0."""
    if not weight:
        return list(points)
    averages, total, weights = [], 0.0, 0.0
    for x, y in points:
        total = weight * total + (1 - weight) * y
        weights = weight * weights + (1 - weight)
        averages.append((x, total / weights))
    return averages


def within(points: Sequence[Point], zoom: tuple[float, float] | None) -> list[Point]:
    """Return the points in the zoomed part of the axis."""
    return [p for p in points if zoom is None or zoom[0] <= p[0] <= zoom[1]]


def y_range(train: Sequence[Point], valid: Sequence[Point]) -> tuple[float, float]:
    """Return the lowest and highest loss to draw.

    The first descent would compress the rest into a few dots. With many points, the highest twentieth of the training
    losses is therefore above the range, unless validation is as high; `above` tells where.
    """
    losses = sorted(v for _, v in train)
    lowest = min([*losses[:1], *(v for _, v in valid)])
    highest = losses[-1 if len(losses) < 40 else -1 - len(losses) // 20] if losses else lowest
    highest = max([highest, *(v for _, v in valid[1:] or valid)])
    padding = (highest - lowest or 0.1) * 0.04
    return lowest - padding, highest + padding


def above(points: Sequence[Point], high: float) -> list[tuple[float, float]]:
    """Return the place and the height of the highest point of each part of a curve that is above `high`."""
    found: list[Point] = []
    was_above = False
    for point in points:
        if point[1] > high:
            if not was_above:
                found.append(point)
            elif point[1] > found[-1][1]:
                found[-1] = point
        was_above = point[1] > high
    return found


def usual_smoothing(points: int) -> float:
    """Return the one of SMOOTHINGS with which so many points are smoothed, unless another is chosen."""
    return next((weight for least, weight in ((600, 0.9), (60, 0.6)) if points >= least), 0.0)


def log_helps(points: Sequence[Point]) -> bool:
    """Return whether a logarithmic axis shows more of these losses: the highest is over MIN_RATIO times the lowest."""
    losses = [loss for _, loss in points if math.isfinite(loss)]
    return bool(losses) and min(losses) > 0 and max(losses) > MIN_RATIO * min(losses)


def log_range(train: Sequence[Point], valid: Sequence[Point]) -> tuple[float, float]:
    """Return the lowest and highest loss to draw on a logarithmic axis, which has room for all of them."""
    losses = [loss for _, loss in (*train, *valid) if loss > 0]
    lowest, highest = min(losses), max(losses)
    margin = (highest / lowest) ** 0.03 if highest > lowest else 1.05
    return lowest / margin, highest * margin


_LINE_LABELS = {"rolled back": "back", "rewound": "rewound", "forked": "forked", "diverged": "diverged"}


def marks(snapshot: RunSnapshot, axis: Axis) -> list[Mark]:
    """Return the events to mark, oldest first: changed settings, rollbacks, rewinds, forks and saves."""
    found = []
    for event in snapshot.events:
        name, step = event.get("event"), event.get("step")
        if not isinstance(step, int | float) or not math.isfinite(step):
            continue
        if name == "set":
            label = one_line(f"{event.get('key')} {_value(event.get('value'))}", 20)
            found.append(Mark(axis.of_step(step), label, True))
        elif name in _LINE_LABELS:
            found.append(Mark(axis.of_step(step), _LINE_LABELS[name], True))
        elif name == "saved":
            found.append(Mark(axis.of_step(step), "saved", False))
    return found


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def best_place(snapshot: RunSnapshot, axis: Axis) -> float | None:
    """Return the place of the best evaluation; None before there is one."""
    return None if snapshot.best is None else axis.of_step(snapshot.best.step)


def readout(snapshot: RunSnapshot, point: TrainPoint, factor: float) -> str:
    """Return the figures of a training point, in one line; `factor` scales losses."""
    parts = [f"step {wording.count(point.step)}", f"train {wording.figure(point.loss * factor)}"]
    valid = [p for p in snapshot.valid if p.step <= point.step]
    if valid:
        parts.append(f"valid {wording.figure(valid[-1].loss * factor)}")
        parts += [f"WER {wording.percent(rate)}" for rate in (valid[-1].wer,) if rate is not None]
    parts += [f"lr {point.lr:.2e}", format_duration(point.seconds), f"gradient {wording.figure(point.grad_norm, 2)}"]
    gap = abs(snapshot.train[1].step - snapshot.train[0].step) if len(snapshot.train) > 1 else 0
    near = [
        mark.label
        for mark in marks(snapshot, Axis(snapshot, "step"))
        if mark.is_line and abs(mark.x - point.step) <= max(1, gap)
    ]
    return " · ".join([*near[-1:], *parts])


def by_column(points: Sequence[Point], x_range: tuple[float, float], cols: int) -> list[float]:
    """Return the height of a line through the points in each column, NaN beside it; nothing without points."""
    if not points:
        return []
    (low, high), heights = x_range, []
    for column in range(cols):
        x = low + (high - low) * column / max(1, cols - 1)
        after = bisect_left(points, (x,))
        if x < points[0][0] or x > points[-1][0]:
            heights.append(math.nan)
            continue
        (x0, y0), (x1, y1) = points[max(0, after - 1)], points[min(after, len(points) - 1)]
        heights.append(y0 if x1 <= x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0))
    return heights
