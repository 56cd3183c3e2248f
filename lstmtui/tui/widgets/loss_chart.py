"""The loss of training and validation over the steps, in braille."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.runs.reader import RunSnapshot
from lstmtui.tui import words
from lstmtui.tui.widgets.braille import curve, ticks

Point = tuple[float, float]


class LossChart(Widget):
    """Training as a thin line, validation as diamonds on a line of its own, so that both are told without colour."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"chart--train", "chart--valid", "chart--axis", "chart--words"}
    DEFAULT_CSS = """
    LossChart {
        height: 1fr;
        width: 1fr;
        & > .chart--train { color: $primary; }
        & > .chart--valid { color: $warning; text-style: bold; }
        & > .chart--axis { color: $foreground 45%; }
        & > .chart--words { color: $foreground 75%; }
    }
    """

    snapshot: reactive[RunSnapshot | None] = reactive(None, always_update=True)
    """What to draw; frozen."""
    bits: reactive[bool] = reactive(False)
    """Draw bits per character instead of nats per token, where the tokens can be told in characters."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._strips: list[Strip] = []
        self._drawn: tuple[object, ...] = ()

    def watch_snapshot(self, snapshot: RunSnapshot | None) -> None:
        self._drawn = ()

    def scale(self) -> float:
        """Return what turns nats per token into what the axis shows."""
        if not self.bits or self.snapshot is None:
            return 1.0
        ratios = [p.bits_per_char / p.nll for p in self.snapshot.valid[-1:] if p.bits_per_char and p.nll > 0]
        return ratios[0] if ratios else 1.0

    def can_show_bits(self) -> bool:
        return self.snapshot is not None and any(p.bits_per_char and p.nll > 0 for p in self.snapshot.valid[-1:])

    def unit(self) -> str:
        """Return what the axis shows, in words."""
        if self.bits and self.can_show_bits():
            return "bits per character"
        return f"nats per {words.unit(self.snapshot)}" if self.snapshot else "nats"

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        key = (width, height, self.bits, self.rich_style)
        if key != self._drawn:
            self._drawn = key
            self._strips = self._draw(width, height)
        return self._strips[y] if y < len(self._strips) else Strip.blank(width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Strip]:
        seen, factor = self.snapshot, self.scale()
        train = [(float(p.step), p.loss * factor) for p in seen.train] if seen else []
        valid = [(float(p.step), p.nll * factor) for p in seen.valid] if seen else []
        train = [p for p in train if math.isfinite(p[1])]
        valid = [p for p in valid if math.isfinite(p[1])]
        if len(train) + len(valid) == 0 or width < 12 or height < 3:
            return self._say(words.waiting(seen) if seen else "Reading the run …", width, height)
        low, high = y_range(train, valid)
        rows = height - 1
        marks = ticks(low, high, max(2, (rows + 1) // 2))
        digits = max(0, -math.floor(math.log10(marks[1] - marks[0]) + 1e-9)) if len(marks) > 1 else 2
        labels = {_row(v, low, high, rows): f"{v:.{digits}f}" for v in marks}
        margin = max((len(label) for label in labels.values()), default=0) + 1
        cols = width - margin
        last = max(p[0] for p in (*train[-1:], *valid[-1:]))
        x_range = (0.0, max(last, 1.0))
        lines = curve(train, x_range, (low, high), cols, rows)
        others = curve(valid, x_range, (low, high), cols, rows)
        diamonds = _diamonds(valid, x_range, (low, high), cols, rows)
        axis, base = self._style("axis"), self.rich_style
        strips = []
        for row in range(rows):
            label = labels.get(row, "")
            left = Segment(f"{label:>{margin - 1}}{'┤' if label else '│'}", axis)
            strips.append(Strip([left, *self._cells(lines[row], others[row], diamonds.get(row, {}), base)], width))
        strips.append(Strip([Segment(_bottom(margin, cols, x_range[1]), axis)], width))
        return strips

    def _cells(self, line: list[int], other: list[int], diamonds: dict[int, str], base: Style) -> list[Segment]:
        """Return one row of the plot: diamonds above training, training above the line that joins the diamonds."""
        train, valid = self._style("train"), self._style("valid")
        segments: list[Segment] = []
        run, style = "", base
        for column, (mask, upper) in enumerate(zip(line, other, strict=True)):
            if column in diamonds:
                character, wanted = diamonds[column], valid
            elif mask:
                character, wanted = chr(0x2800 + mask), train
            else:
                character, wanted = (chr(0x2800 + upper), valid) if upper else (" ", style)
            if wanted is not style and run:
                segments.append(Segment(run, style))
                run = ""
            style = wanted
            run += character
        segments.append(Segment(run, style))
        return segments

    def _say(self, text: str, width: int, height: int) -> list[Strip]:
        lines = text.splitlines()[: max(1, height)]
        above = max(0, (height - len(lines)) // 2)
        style = self._style("words")
        said = [Strip([Segment(line[:width].center(width), style)], width) for line in lines]
        return [Strip.blank(width, self.rich_style)] * above + said

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"chart--{name}")


def y_range(train: Sequence[Point], valid: Sequence[Point]) -> tuple[float, float]:
    """Return the lowest and highest loss to draw.

    The first descent would squeeze all that follows into a few dots, so once there are many points the highest one in
    twenty of training are drawn on the upper edge, unless validation reaches there too.
    """
    losses = sorted(v for _, v in train)
    lowest = min([*losses[:1], *(v for _, v in valid)])
    highest = losses[-1 if len(losses) < 40 else -1 - len(losses) // 20] if losses else lowest
    highest = max([highest, *(v for _, v in valid[1:] or valid)])
    room = (highest - lowest or 0.1) * 0.04
    return lowest - room, highest + room


def _row(value: float, low: float, high: float, rows: int) -> int:
    return min(rows - 1, max(0, round((high - value) / (high - low) * (4 * rows - 1)) // 4))


def _diamonds(
    points: Sequence[Point], x_range: tuple[float, float], y_range: tuple[float, float], cols: int, rows: int
) -> dict[int, dict[int, str]]:
    """Return diamonds by row and column, at least three columns apart, the newest always among them."""
    placed: dict[int, dict[int, str]] = {}
    taken = cols + 3
    for x, y in reversed(points):
        column = min(cols - 1, round((x - x_range[0]) / (x_range[1] - x_range[0]) * (cols - 1)))
        if taken - column >= 3:
            placed.setdefault(_row(y, *y_range, rows), {})[column] = "◆"
            taken = column
    return placed


def _bottom(margin: int, cols: int, last: float) -> str:
    """Return the axis of steps with its numbers written into the line."""
    line = list(" " * (margin - 1) + "└" + "─" * cols)
    free = margin
    for value in ticks(0.0, last, max(2, cols // 14)):
        text = words.short(value) if value >= 10_000 else words.count(value)
        at = margin + round(value / last * (cols - 1))
        start = min(max(margin, at - len(text) // 2), margin + cols - len(text))
        if start >= free and value > 0:
            line[start : start + len(text)] = text
            free = start + len(text) + 1
    return "".join(line[: margin + cols])
