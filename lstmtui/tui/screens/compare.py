"""Several runs side by side: their curves in one frame, their results, and the settings that differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.reports import comparison
from lstmtui.reports import search as searching
from lstmtui.reports.comparison import Figures
from lstmtui.reports.gradient_flow import Flow, read_flows
from lstmtui.reports.search import Search
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.messages import PollResult
from lstmtui.tui.screens.polling import PollingScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.line_chart import COLOUR_NAMES, LineChart
from lstmtui.tui.widgets.lines import Curve
from lstmtui.tui.widgets.panels import Panel
from lstmtui.tui.widgets.series import format_place
from lstmtui.tui.widgets.status_line import StatusLine
from lstmtui.tui.workers.run_polling import refresh

INTERVAL = 2.0
"""Seconds between two reads of the runs."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAX_RUNS = len(LETTERS)
MAX_RUN_COLUMNS = 4
"""With more runs, the table of settings has a row for each run and a column for each setting."""
MIN_VALUE = 7
"""Characters of a setting's value in a table that is too wide."""
SCROLL_BAR = 2
"""Columns of the bar beside a table of settings that is higher than its panel."""
AXES = {"step": "step", "tokens": "tokens read", "time": "seconds of training"}
CHARTS = {"valid": "validation loss", "train": "training loss", "flow": "norm of dL/dh by lag, top layer"}


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run and its figures."""

    letter: str
    snapshot: RunSnapshot
    figures: Figures
    flow: Flow | None


class RunsCompared(PollResult):
    """The runs were read."""

    def __init__(self, entries: tuple[ComparedRun, ...]) -> None:
        super().__init__()
        self.entries = entries


class CompareScreen(PollingScreen[None]):
    """Compare runs, each with its letter on the curves and in the tables."""

    HELP: ClassVar[str] = """\
Each run has a letter: on its curve, in the table of results and in the table of settings. ● marks the best of \
the runs that have finished, by bits per character, or perplexity for words; lower is better. Of captions the highest \
word F1 is the best. A ~ before a figure: of a part of the validation text, as evaluations during training read it. \
Runs of different texts have no best.

Saturated is the fraction of all gate values below 0.1 or above 0.9 (-0.9 and 0.9 for tanh gates). Half-life is the \
median over all units of the steps after which half of a memory is forgotten. Reach is how many steps back at least 1 \
% of the gradient arrives. A difference between single runs may be chance: use "lstmtui compare --seeds 3".
"""
    CSS_PATH = "compare.tcss"
    AUTO_FOCUS = "#results"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("axis", "axis", "Axis", "compare.axis", "By steps, tokens or time"),
        bind("log", "log", "Log", "compare.log", "Logarithmic or linear"),
        bind("view", "chart", "View", "compare.chart", "Validation, training, or gradient flow"),
        bind("next", "panel", "Settings", "compare.settings", "Results, or the settings that differ"),
        bind("back", "back", "Back", "compare.back", "Leave this screen"),
        bind("quit", "app.quit", "Quit", "compare.quit", ""),
        bind("help", "app.help", "Help", "compare.help", ""),
    ]

    entries: var[tuple[ComparedRun, ...]] = var((), always_update=True)
    """The newest figures of the runs; frozen."""
    axis: var[str] = var("step")
    chart: var[str] = var("valid")
    log_scale: var[bool] = var(True)
    panel: var[str] = var("results")
    """The table shown where only one fits: "results" or "settings"."""

    def __init__(self, paths: Sequence[Path], services: Services | None = None) -> None:
        super().__init__()
        self._readers = [RunReader(RunFolder(path), max_points=1000) for path in list(paths)[:MAX_RUNS]]
        self._omitted = max(0, len(paths) - MAX_RUNS)
        self._search: Search | None = None
        self._looked, self._begun = False, 0

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
        yield StatusLine(id="status")
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(TitleBar).title = "Compare"
        self.query_one(LineChart).empty_text = "Reading the runs …"
        self.poll_every(INTERVAL)

    def on_resize(self) -> None:
        self._update_tables()

    # --- reading --------------------------------------------------------------------------------------------------

    def read(self) -> RunsCompared:
        self._find_trials()
        runs: list[ComparedRun] = []
        for letter, reader in zip(LETTERS, self._readers, strict=False):
            before, now = reader.snapshot, refresh(reader)
            known = self.entries[len(runs)] if len(self.entries) > len(runs) else None
            if known is not None and now.ended and _same(before, now):
                runs.append(known)
            else:
                flow = next(iter(read_flows(now.run, newest=1)), None)
                runs.append(ComparedRun(letter, now, comparison.run_figures(now), flow))
        return RunsCompared(tuple(runs))

    def _find_trials(self) -> None:
        """Follow the trials of a search that have begun since, where the runs are of one."""
        if not self._looked:
            self._looked = True
            self._search = searching.search_of([reader.snapshot.run for reader in self._readers])
        if self._search is None:
            return
        known = {reader.snapshot.run.path for reader in self._readers}
        begun = comparison.group_runs(self._search.root, self._search.group)
        more = [run for run in begun if run.path not in known]
        self._readers += [RunReader(run, max_points=1000) for run in more[: MAX_RUNS - len(self._readers)]]
        self._begun, self._omitted = len(begun), len(begun) - min(len(begun), MAX_RUNS)

    def on_runs_compared(self, message: RunsCompared) -> None:
        before, now = self.entries, message.entries
        if len(before) != len(now) or any(a is not b for a, b in zip(before, now, strict=True)):
            self.entries = now

    # --- showing --------------------------------------------------------------------------------------------------

    def watch_entries(self) -> None:
        self._update_chart()
        self._update_tables()

    def watch_axis(self) -> None:
        self._update_chart()

    def watch_chart(self) -> None:
        self._update_chart()

    def watch_log_scale(self) -> None:
        self._update_chart()

    def watch_panel(self, panel: str) -> None:
        self.set_class(panel == "settings", "-settings")

    def _update_chart(self) -> None:
        if not self.is_usable or not self.entries:
            return
        chart, panel = self.query_one(LineChart), self.query_one("#chart-panel")
        chart.log_scale = self.log_scale or self.chart == "flow"
        chart.empty_text = "Nothing to draw yet." if self._readers else "No runs were chosen."
        chart.x_text = (
            short_time if self.axis == "time" and self.chart != "flow" else partial(format_place, kind="step")
        )
        chart.curves = tuple(
            Curve(entry.letter, points, COLOUR_NAMES[number % len(COLOUR_NAMES)])
            for number, entry in enumerate(self.entries)
            if (points := self._points(entry))
        )
        unit = "" if self.chart == "flow" else f", {self._unit()}"
        panel.border_title = Content(f"{CHARTS[self.chart].capitalize()}{unit}".replace("dl/dh", "dL/dh"))
        panel.border_subtitle = Content("by lag" if self.chart == "flow" else f"by {AXES[self.axis]}")
        running = sum(not entry.snapshot.ended for entry in self.entries)
        title = self.query_one(TitleBar)
        title.remark = f"{len(self.entries)} run{'s' * (len(self.entries) != 1)}" + (
            f", {running} training" if running else ""
        )

    def _unit(self) -> str:
        units = {wording.unit(entry.snapshot) for entry in self.entries}
        return f"nats per {units.pop()}" if len(units) == 1 else "nats per token (different tokens)"

    def _points(self, entry: ComparedRun) -> tuple[tuple[float, float], ...]:
        run = entry.snapshot
        if self.chart == "flow":
            return tuple((k + 1.0, float(v)) for k, v in enumerate(entry.flow.h[-1])) if entry.flow is not None else ()
        place = self._place(run)
        if self.chart == "train":
            return tuple((place(p.step), p.loss) for p in run.train)
        return tuple((place(p.step), p.loss) for p in run.valid)

    def _place(self, run: RunSnapshot) -> Callable[[int], float]:
        """Return the function from a step to its place on the axis."""
        last = run.train[-1] if run.train else None
        if self.axis == "step" or last is None or not last.step:
            return float
        rate = (last.tokens if self.axis == "tokens" else last.seconds) / last.step
        return lambda step: step * rate

    def _update_tables(self) -> None:
        if not self.is_usable or not self.entries:
            return
        # The width of a panel is unknown before the first layout; that of the screen is known.
        width = self.size.width
        both = width >= 110
        results = width * 3 // 5 if both else width
        settings = width - results if both else width
        self.query_one("#figures", Static).update(self._results(results - 4))
        self.query_one("#differences", Static).update(self._differences(settings - 4 - SCROLL_BAR))
        found = [entry.figures for entry in self.entries]
        omitted = f" Only the first {MAX_RUNS} runs are shown." if self._omitted else ""
        advice = comparison.incomparable(found)
        if self._search is not None:
            advice = searching.progress(self._search, found, self._begun)
        elif not advice and len(comparison.by_cell(found)) > 1:
            advice = f"{comparison.recommendation(found)} {comparison.left_out(found)}".strip()
        bad = [entry.snapshot for entry in self.entries if entry.snapshot.settings is None]
        problems = "".join(f" '{run.run.name}' cannot be compared: {run.message}" for run in bad)
        self.query_one(StatusLine).set_text(one_line(f"{advice}{omitted}{problems}".strip()))

    def _results(self, width: int) -> Text:
        found = [entry.figures for entry in self.entries]
        best = searching.best_trial(found) if self._search is not None else comparison.best_run(found)
        rows = [[entry.letter, *(value for _, value in self._row(entry, best))] for entry in self.entries]
        heads = ["", *(head for head, _ in self._row(self.entries[0], best))]
        names = [COLOUR_NAMES[number % len(COLOUR_NAMES)] for number in range(len(rows))]
        return table(heads, rows, width, names, self._colours())

    def _row(self, entry: ComparedRun, best: Figures | None) -> list[tuple[str, str]]:
        """Return heading and value of every column, the most important first."""
        f = entry.figures
        mark = "●" if f is best else " "
        quality = "–" if f.quality is None else f"{f.quality:.1f}" if f.words else f"{f.quality:.3f}"
        if f.quality is not None and f.compared_by in ("wer", "f1"):
            quality = wording.percent(f.quality)
        quality = f"~{quality}" if f.is_part and f.quality is not None else quality
        state = f"{wording.GLYPHS.get(f.state, '·')} {one_line(f.state, 12)}"
        if not entry.snapshot.ended and entry.snapshot.steps:
            state += f" {100 * wording.progress(entry.snapshot):.0f}%"
        units = {"perplexity": "perplexity", "bits per character": "bits/char", "word error rate": "WER",
                 "word F1": "word F1"}  # fmt: skip
        unit = units.get(comparison.unit_of(f), "nats")
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

    def _differences(self, width: int) -> Text:
        found = comparison.setting_differences([entry.snapshot for entry in self.entries])
        if not found:
            return Text("The runs have the same settings.")
        letters, names = [entry.letter for entry in self.entries], [name for name, _ in found]
        rows = [[one_line(value) for value in values] for _, values in found]
        if len(letters) > max(MAX_RUN_COLUMNS, len(names)):
            letters, names, rows = names, letters, [list(row) for row in zip(*rows, strict=True)]
        return table_in_parts(letters, names, rows, width)

    def _colours(self) -> dict[str, str]:
        names = ("primary", "warning", "success", "error", "secondary", "foreground")
        known = self.app.theme_variables
        colours = {one: known.get(name, "") for one, name in zip(COLOUR_NAMES, names, strict=True)}
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
    """Return a duration, short enough for an axis."""
    if seconds < 600:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}min" if seconds < 36_000 else f"{seconds / 3600:.0f}h"


def table(heads: list[str], rows: list[list[str]], width: int, names: list[str], colours: dict[str, str]) -> Text:
    """Return a table as text with the columns from the left that fit into `width`, and coloured letters."""
    sizes = [max(len(row[k]) for row in (heads, *rows)) for k in range(len(heads))]
    count, used = 0, 0
    while count < len(sizes) and used + sizes[count] <= width:
        used += sizes[count] + 2
        count += 1
    count = max(count, min(3, len(sizes)))
    text = Text(no_wrap=True)
    text.append("  ".join(head.ljust(size) for head, size in zip(heads[:count], sizes, strict=False)), style="bold")
    for number, row in enumerate(rows):
        cells = [cell.ljust(size) for cell, size in zip(row[:count], sizes, strict=False)]
        colour = colours.get(names[number], "") if names else ""
        text.append("\n" + cells[0], style=f"bold {colour}".strip())
        text.append("  " + "  ".join(cells[1:]))
    return text


def _same(before: RunSnapshot, now: RunSnapshot) -> bool:
    """Return whether nothing was added."""
    return (before.state, before.step, len(before.train), before.valid[-1:]) == (
        now.state,
        now.step,
        len(now.train),
        now.valid[-1:],
    )


def is_number(value: str) -> bool:
    """Return whether a value, as it is shown, is a number."""
    return value.replace(",", "").replace(".", "").lstrip("-").isdigit()


def table_in_parts(heads: list[str], names: list[str], rows: list[list[str]], width: int) -> Text:
    """Return a table whose rows have names, as text in parts one below the other, each with the columns that fit.

    Values other than numbers are cut, to MIN_VALUE characters at least, so that more columns stand side by side.
    """
    left = width - max(map(len, names))
    longest = max(MIN_VALUE, left // len(heads) - 2)
    rows = [[value if is_number(value) else one_line(value, longest) for value in row] for row in rows]
    sizes = [2 + max(len(head), *(len(row[k]) for row in rows)) for k, head in enumerate(heads)]
    parts: list[Text] = []
    first = 0
    while first < len(heads):
        last = first + 1
        while last < len(heads) and sum(sizes[first : last + 1]) <= left:
            last += 1
        part = [[name, *row[first:last]] for name, row in zip(names, rows, strict=True)]
        parts.append(table(["", *heads[first:last]], part, 10_000, [], {}))
        first = last
    return Text("\n\n", no_wrap=True).join(parts)
