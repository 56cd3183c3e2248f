"""Several runs side by side: their losses in one frame, what they came to, and in which settings they differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.reactive import var
from textual.widgets import Footer, Static

from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.reports import comparison
from lstmtui.reports.comparison import Figures
from lstmtui.reports.gradient_flow import Flow, read_flows
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.messages import PollResult
from lstmtui.tui.screens.polling import PollingScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.line_chart import NAMES, LineChart
from lstmtui.tui.widgets.lines import Curve
from lstmtui.tui.widgets.panels import Panel
from lstmtui.tui.workers.run_polling import seen

INTERVAL = 2.0
"""Seconds between two looks at the runs."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST = len(LETTERS)
WIDE = 4
"""Runs above which the settings that differ stand in columns, and the runs in rows."""
AXES = {"step": "step", "tokens": "tokens read", "time": "seconds of training"}
CHARTS = {"valid": "validation loss", "train": "training loss", "flow": "norm of dL/dh by lag, top layer"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One run as it was at one moment."""

    letter: str
    snapshot: RunSnapshot
    figures: Figures
    flow: Flow | None


class RunsCompared(PollResult):
    """The runs were read again."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        super().__init__()
        self.entries = entries


class CompareScreen(PollingScreen[None]):
    """Compare runs; a letter stands for each, on the curves and in the tables."""

    HELP: ClassVar[str] = """\
A letter stands for each run: on its curve, in the table of results and in that of settings. The figure that decides \
is marked ● for the best run: bits per character, or perplexity for words; lower is better.

Saturated is the part of all gate values below 0.1 or above 0.9 (-0.9 and 0.9 for tanh gates). Half-life is the median \
over all units: after so many steps half of what they hold is forgotten. Reach is how many steps back at least 1 % of \
the gradient arrives. A difference between single runs may be chance: "lstmtui compare --seeds 3" tells.
"""
    CSS_PATH = "compare.tcss"
    AUTO_FOCUS = "#results"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("x", "axis", "Axis", "compare.axis", "Along steps, tokens or time", show=True),
        bind("y", "log", "Log", "compare.log", "Logarithmic or plain", show=True),
        bind("c", "chart", "Chart", "compare.chart", "Validation, training, or gradient flow", show=True),
        bind("s", "panel", "Settings", "compare.settings", "Results, or the settings that differ", show=True),
        bind("escape", "back", "Back", "compare.back", "Leave this screen", show=True),
        Binding("q", "app.quit", "Quit", show=False),
        Binding("question_mark", "app.help", "Help", show=False),
    ]

    entries: var[tuple[Entry, ...]] = var((), always_update=True)
    """What the reader last saw; frozen."""
    axis: var[str] = var("step")
    chart: var[str] = var("valid")
    log_scale: var[bool] = var(True)
    panel: var[str] = var("results")
    """Which table there is room for: "results" or "settings"."""

    def __init__(self, paths: Sequence[Path], services: Services | None = None) -> None:
        super().__init__()
        self._readers = [RunReader(RunFolder(path), max_points=1000) for path in list(paths)[:MOST]]
        self._left_out = max(0, len(paths) - MOST)

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Container(id="chart-panel", classes="panel"):
            yield LineChart()
        with Horizontal(id="tables"):
            with Panel(id="results", classes="panel") as results:
                results.border_title = "Results"
                yield Static(id="figures")
            with Panel(id="settings", classes="panel") as settings:
                settings.border_title = "Settings that differ"
                yield Static(id="differences")
        yield Static(id="said")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one(TitleBar).title = "Compare"
        self.query_one(LineChart).said = "Reading the runs …"
        self.poll_every(INTERVAL)

    def on_resize(self) -> None:
        self._fill()

    # --- reading --------------------------------------------------------------------------------------------------

    def read(self) -> RunsCompared:
        found: list[Entry] = []
        for letter, reader in zip(LETTERS, self._readers, strict=False):
            before, now = reader.snapshot, seen(reader)
            known = self.entries[len(found)] if len(self.entries) > len(found) else None
            if known is not None and now.ended and _same(before, now):
                found.append(known)
            else:
                flow = next(iter(read_flows(now.run, newest=1)), None)
                found.append(Entry(letter, now, comparison.run_figures(now), flow))
        return RunsCompared(tuple(found))

    def on_runs_compared(self, message: RunsCompared) -> None:
        if not self.entries or any(a is not b for a, b in zip(self.entries, message.entries, strict=True)):
            self.entries = message.entries

    # --- showing --------------------------------------------------------------------------------------------------

    def watch_entries(self) -> None:
        self._draw()
        self._fill()

    def watch_axis(self) -> None:
        self._draw()

    def watch_chart(self) -> None:
        self._draw()

    def watch_log_scale(self) -> None:
        self._draw()

    def watch_panel(self, panel: str) -> None:
        self.set_class(panel == "settings", "-settings")

    def _draw(self) -> None:
        if not self.is_usable or not self.entries:
            return
        chart, panel = self.query_one(LineChart), self.query_one("#chart-panel")
        chart.log_scale = self.log_scale or self.chart == "flow"
        chart.said = "Nothing to draw yet." if self._readers else "No runs were chosen."
        chart.x_text = short_time if self.axis == "time" and self.chart != "flow" else wording.short
        chart.curves = tuple(
            Curve(entry.letter, points, NAMES[number % len(NAMES)])
            for number, entry in enumerate(self.entries)
            if (points := self._points(entry))
        )
        unit = "" if self.chart == "flow" else f", {self._unit()}"
        panel.border_title = Content(f"{CHARTS[self.chart].capitalize()}{unit}".replace("dl/dh", "dL/dh"))
        panel.border_subtitle = Content("by lag" if self.chart == "flow" else f"by {AXES[self.axis]}")
        living = sum(not entry.snapshot.ended for entry in self.entries)
        title = self.query_one(TitleBar)
        title.remark = f"{len(self.entries)} run{'s' * (len(self.entries) != 1)}" + (
            f", {living} training" if living else ""
        )

    def _unit(self) -> str:
        units = {wording.unit(entry.snapshot) for entry in self.entries}
        return f"nats per {units.pop()}" if len(units) == 1 else "nats per token (of different kinds!)"

    def _points(self, entry: Entry) -> tuple[tuple[float, float], ...]:
        seen = entry.snapshot
        if self.chart == "flow":
            return tuple((k + 1.0, float(v)) for k, v in enumerate(entry.flow.h[-1])) if entry.flow is not None else ()
        place = self._place(seen)
        if self.chart == "train":
            return tuple((place(p.step), p.loss) for p in seen.train)
        return tuple((place(p.step), p.value) for p in seen.valid)

    def _place(self, seen: RunSnapshot) -> Callable[[int], float]:
        """Return what turns a step into a place on the axis."""
        last = seen.train[-1] if seen.train else None
        if self.axis == "step" or last is None or not last.step:
            return float
        rate = (last.tokens if self.axis == "tokens" else last.seconds) / last.step
        return lambda step: step * rate

    def _fill(self) -> None:
        """Write both tables."""
        if not self.is_usable or not self.entries:
            return
        # The panels' own width is not known before the first layout; the screen's is.
        width = self.size.width
        both = width >= 110
        results = width - 4 if not both else width * 3 // 5 - 4
        self.query_one("#figures", Static).update(self._results(results))
        self.query_one("#differences", Static).update(self._differences())
        found = [entry.figures for entry in self.entries]
        left_out = f" Only the first {MOST} runs are shown." if self._left_out else ""
        said = comparison.recommendation(found) if len(comparison.by_cell(found)) > 1 else ""
        bad = [entry.snapshot for entry in self.entries if entry.snapshot.settings is None]
        problems = "".join(f" '{run.run.name}' cannot be compared: {run.message}" for run in bad)
        self.query_one("#said", Static).update(Text(one_line(f"{said}{left_out}{problems}".strip())))

    def _results(self, width: int) -> Text:
        found = [entry.figures for entry in self.entries]
        units = {comparison.unit_of(f) for f in found}
        known = [f.quality for f in found if f.quality is not None]
        best = min(known, default=math.nan) if len(units) == 1 else math.nan  # of different kinds: none is the best
        rows = [[entry.letter, *(told for _, told in self._row(entry, best))] for entry in self.entries]
        heads = ["", *(head for head, _ in self._row(self.entries[0], best))]
        return table(heads, rows, width, [NAMES[number % len(NAMES)] for number in range(len(rows))], self._colours())

    def _row(self, entry: Entry, best: float) -> list[tuple[str, str]]:
        """Return heading and value of every column, the most wanted first."""
        f = entry.figures
        mark = "●" if f.quality is not None and f.quality == best else " "
        quality = "–" if f.quality is None else f"{f.quality:.1f}" if f.words else f"{f.quality:.3f}"
        state = f"{wording.GLYPHS.get(f.state, '·')} {one_line(f.state, 12)}"
        if not entry.snapshot.ended and entry.snapshot.steps:
            state += f" {100 * wording.progress(entry.snapshot):.0f}%"
        unit = {"perplexity": "perplexity", "bits per character": "bits/char"}.get(comparison.unit_of(f), "nats")
        if len({comparison.unit_of(entry.figures) for entry in self.entries}) > 1:
            short = {"perplexity": "ppl", "bits/char": "bits"}.get(unit, unit)
            unit, quality = "quality", quality if f.quality is None else f"{quality} {short}"
        return [
            ("run", one_line(f.run.name, 24)),
            (unit, f"{mark} {quality}"),
            ("network", wording.network(entry.snapshot)),
            ("params", wording.short(f.parameters) if f.parameters else "–"),
            ("tokens/s", wording.short(f.tokens_per_second) if f.tokens_per_second else "–"),
            ("time", format_duration(f.seconds) if f.seconds is not None else "–"),
            ("state", state),
            ("half-life", f"{f.half_life:.1f}" if f.half_life is not None else "–"),
            ("reach", str(f.reach) if f.reach is not None else "–"),
            ("saturated", f"{100 * f.saturated:.0f}%" if f.saturated is not None else "–"),
            ("memory", f"{f.memory_mb:,.0f} MB" if f.memory_mb else "–"),
        ]

    def _differences(self) -> Text:
        found = comparison.setting_differences([entry.snapshot for entry in self.entries])
        if not found:
            return Text("They have the same settings.")
        if len(self.entries) > max(WIDE, len(found)):  # a column each would not fit
            heads = ["", *(name for name, _ in found)]
            rows = [
                [entry.letter, *(one_line(values[number], 16) for _, values in found)]
                for number, entry in enumerate(self.entries)
            ]
            return table(heads, rows, 10_000, [], {})
        heads = ["", *(entry.letter for entry in self.entries)]
        rows = [[name, *(one_line(value, 16) for value in values)] for name, values in found]
        return table(heads, rows, 10_000, [], {})

    def _colours(self) -> dict[str, str]:
        names = ("primary", "warning", "success", "error", "secondary", "foreground")
        known = self.app.theme_variables
        colours = {one: known.get(name, "") for one, name in zip(NAMES, names, strict=True)}
        return {one: colour for one, colour in colours.items() if colour.startswith("#")}

    # --- keys -----------------------------------------------------------------------------------------------------

    def action_axis(self) -> None:
        names = list(AXES)
        self.axis = names[(names.index(self.axis) + 1) % len(names)]

    def action_log(self) -> None:
        self.log_scale = not self.log_scale

    def action_chart(self) -> None:
        names = list(CHARTS)
        self.chart = names[(names.index(self.chart) + 1) % len(names)]

    def action_panel(self) -> None:
        self.panel = "settings" if self.panel == "results" else "results"
        self.query_one(f"#{self.panel}").focus()

    def action_back(self) -> None:
        self.dismiss()


def short_time(seconds: float) -> str:
    """Return a time as short as an axis wants it."""
    if seconds < 600:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}min" if seconds < 36_000 else f"{seconds / 3600:.0f}h"


def table(heads: list[str], rows: list[list[str]], width: int, names: list[str], colours: dict[str, str]) -> Text:
    """Return a table as text, with as many columns from the left as `width` has room for; letters in their colours."""
    sizes = [max(len(row[k]) for row in (heads, *rows)) for k in range(len(heads))]
    kept, used = 0, 0
    while kept < len(sizes) and used + sizes[kept] <= width:
        used += sizes[kept] + 2
        kept += 1
    kept = max(kept, min(3, len(sizes)))
    said = Text(no_wrap=True)
    said.append("  ".join(head.ljust(size) for head, size in zip(heads[:kept], sizes, strict=False)), style="bold")
    for number, row in enumerate(rows):
        cells = [cell.ljust(size) for cell, size in zip(row[:kept], sizes, strict=False)]
        colour = colours.get(names[number], "") if names else ""
        said.append("\n" + cells[0], style=f"bold {colour}".strip())
        said.append("  " + "  ".join(cells[1:]))
    return said


def _same(before: RunSnapshot, seen: RunSnapshot) -> bool:
    """Return whether nothing was added."""
    return (before.state, before.step, len(before.train), before.valid[-1:]) == (
        seen.state,
        seen.step,
        len(seen.train),
        seen.valid[-1:],
    )
