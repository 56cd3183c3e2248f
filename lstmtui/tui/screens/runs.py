"""The list of runs: the network, the progress and the best result of each."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import ClassVar, cast

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.reactive import var
from textual.widgets import DataTable, Footer, Input, Static

from lstmtui.common.terminal_text import one_line, safe
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.removal import remove_run
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.messages import RunsPolled
from lstmtui.tui.screens.confirm import ConfirmScreen
from lstmtui.tui.screens.polling import PollingScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.fields import LineInput
from lstmtui.tui.widgets.figures import Figures
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.run_columns import RunCells, columns, row
from lstmtui.tui.workers.run_polling import RunsPoller

INTERVAL = 1.0
"""Seconds between two reads of the folder of runs."""
NO_RUNS = """\
There are no runs yet.

Press n for a new one: a text of yours, or the one
that comes with Python, about two minutes on two cores.

Or in a shell:
lstmtui train FILE"""
MIN_PREVIEW_ROWS = 20
"""Rows of a screen from which on a curve is shown below the list."""
ORDERS = ("newest", "name", "best", "steps", "size")
"""Orders of the list; the first one begins with the runs whose engine is running."""


class RunsScreen(PollingScreen[None]):
    """The list of runs; it refreshes itself."""

    HELP: ClassVar[str] = """\
One line for each run: those with a running engine first, then the newest. The curve is the loss, from the start of \
the run to now; bpc is bits per character, ppl is perplexity; lower is better in both. A ~ before them: evaluations \
during training read a part of the validation text; a run that has finished has read all of it.

An engine is a separate process: it continues when you leave.

/ filters by a regular expression over name, state, cell, tokens and text; o sorts, and so does a click on a column. c \
compares the runs marked with m, or all listed runs when none is marked.
"""
    CSS_PATH = "runs.tcss"
    AUTO_FOCUS = "#runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "open", "Open", "runs.open", "Watch this run live", show=True, priority=True),
        bind("n", "new", "New", "runs.new", "A new run: choose a text and a network", show=True),
        bind("t", "type", "Type", "runs.type", "Type with this run's model", show=True),
        bind("t", "translate", "Translate", "runs.translate", "Translate with this run's model", show=True),
        bind("t", "transcribe", "Transcribe", "runs.transcribe", "Transcribe recordings with this run", show=True),
        bind("t", "caption", "Caption", "runs.caption", "Describe pictures with this run", show=True),
        bind(
            "r", "resume", "Resume", "runs.resume", "Start the engine again, exactly where the run stopped", show=True
        ),
        bind("slash", "filter", "Filter", "runs.filter", "Show only runs that match a regular expression", show=True),
        bind("m", "mark", "Mark", "runs.mark", "Mark this run, to compare it"),
        bind("c", "compare", "Compare", "runs.compare", "Compare the marked runs, or all listed runs", show=True),
        bind("o", "sort", "Sort", "runs.sort", "The next order: newest, name, best, steps, size"),
        bind("d,delete", "delete", "Delete", "runs.delete", "Delete this run permanently"),
        bind("j", "down", "Down", "runs.down", ""),
        bind("k", "up", "Up", "runs.up", ""),
        bind("escape", "leave_filter", "All", "runs.all", "Show all runs again"),
        bind("q", "app.quit", "Quit", "runs.quit", "Quit; runs continue to train", show=True),
        bind("question_mark", "app.help", "Help", "runs.help", ""),
    ]

    runs: var[tuple[RunSnapshot, ...] | None] = var(None, always_update=True)
    """The newest snapshots; frozen. None before the first read."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._poller = RunsPoller(services.root)
        self._pattern = ""
        self._order = ORDERS[0]
        self._marked: set[Path] = set()
        self._cells = RunCells()
        self._rows: dict[Path, tuple[Text, ...]] = {}
        self._columns: tuple[str, ...] = ()
        self._previewed: RunSnapshot | None = None
        self._empty_text = NO_RUNS
        self._comparable = False

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield LineInput("", id="filter", placeholder="regular expression …")
        yield DataTable(id="runs", cursor_type="row", zebra_stripes=False)
        yield Static(id="empty")
        with Horizontal(id="preview"):
            with Container(id="loss", classes="panel"):
                yield LossChart()
            with Container(id="numbers", classes="panel") as numbers:
                numbers.border_title = "Figures"
                yield Figures()
        yield Static(id="hint")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one(TitleBar).title = "Runs"
        self.query_one("#empty", Static).update(Text("Reading the runs …"))
        self.set_class(True, "-empty")
        self.poll_every(INTERVAL)

    def on_resize(self) -> None:
        self._fill()

    # --- reading --------------------------------------------------------------------------------------------------

    def read(self) -> RunsPolled:
        try:
            return RunsPolled(self._poller.poll())
        except LstmtuiError as error:
            return RunsPolled((), error=str(error))

    def on_runs_polled(self, message: RunsPolled) -> None:
        self._empty_text = message.error or NO_RUNS
        self.runs = message.runs

    def watch_runs(self, runs: tuple[RunSnapshot, ...] | None) -> None:
        if runs is None:
            return
        self._marked &= {run.run.path for run in runs}
        self._update()

    def _update(self) -> None:
        """Bring everything up to date with the runs, the filter, the order and the marks."""
        runs, shown = self.runs or (), self.listed()
        self.set_class(not shown, "-empty")
        if not shown:  # a new text costs a new layout
            no_match = f"No run matches '{self._pattern}'.\n\nEscape shows all {len(runs)}."
            self.query_one("#empty", Static).update(Text(safe(no_match if runs else self._empty_text)))
        running = sum(not run.ended for run in runs)
        summary = f"{len(runs)} run{'s' * (len(runs) != 1)}" + (f", {running} training" if running else "")
        summary += f", {len(shown)} shown" if len(shown) != len(runs) else ""
        summary += f", {len(self._marked)} marked" if self._marked else ""
        summary += f", by {self._order}" if self._order != ORDERS[0] else ""
        self.query_one(TitleBar).remark = f"{summary} · {self._services.root}" if runs else str(self._services.root)
        self._fill()
        self._preview()
        if (able := len(self._to_compare()) > 1) != self._comparable:
            self._comparable = able
            self.refresh_bindings()

    def listed(self) -> tuple[RunSnapshot, ...]:
        """Return the runs that match the filter, in the chosen order."""
        runs = self.runs or ()
        if self._pattern:
            try:
                pattern = re.compile(self._pattern, re.IGNORECASE)
                runs = tuple(run for run in runs if pattern.search(wording.searchable_text(run)))
            except re.error:
                runs = tuple(run for run in runs if self._pattern.lower() in wording.searchable_text(run).lower())
        keys = {
            "name": lambda run: run.run.name,
            "best": lambda run: run.result.cost if run.result else math.inf,
            "steps": lambda run: -run.step,
            "size": lambda run: -wording.parameters(run),
        }
        return tuple(sorted(runs, key=keys[self._order])) if self._order in keys else runs

    def _fill(self) -> None:
        """Bring the table up to date, changing only what differs."""
        if self.runs is None or not self.is_usable:
            return
        table = cast("DataTable[Text]", self.query_one("#runs", DataTable))
        listed = self.listed()
        cells = self._cells.of(listed)
        wanted = columns(self.size.width, cells)
        rows = {
            run.run.path: row(run, of, wanted, self.app.theme_variables, marked=run.run.path in self._marked)
            for run, of in zip(listed, cells, strict=True)
        }
        # As high as its rows, so that the curve below has the rest; a small screen has no curve.
        table.styles.height = len(rows) + 1 if self.size.height >= MIN_PREVIEW_ROWS else "1fr"
        names = tuple(f"{c.name}{c.width}" for c in wanted)
        if names == self._columns and list(rows) == list(self._rows):
            for path, texts in rows.items():
                for column, old, new in zip(wanted, self._rows[path], texts, strict=True):
                    if old != new:
                        table.update_cell(str(path), column.name, new)
        else:
            current, at = self.current, table.cursor_row
            table.clear(columns=True)
            for column in wanted:
                table.add_column(Text(column.name), key=column.name, width=column.width)
            for path, texts in rows.items():
                table.add_row(*texts, key=str(path))
            row_number = list(rows).index(current.run.path) if current and current.run.path in rows else at
            table.move_cursor(row=min(max(0, row_number), max(0, len(rows) - 1)))
            self._columns = names
        self._rows = rows

    @property
    def current(self) -> RunSnapshot | None:
        """The run under the cursor."""
        paths = list(self._rows)
        row = self.query_one("#runs", DataTable).cursor_row
        path = paths[row] if 0 <= row < len(paths) else None
        return next((run for run in self.runs or () if run.run.path == path), None)

    def _preview(self) -> None:
        run = self.current
        if run is self._previewed and run is not None:
            return
        before, self._previewed = self._previewed, run
        chart, hint = self.query_one(LossChart), self.query_one("#hint", Static)
        chart.snapshot = run
        self.query_one(Figures).snapshot = run
        panel = self.query_one("#loss")
        panel.border_title = Content(f"Loss of {one_line(run.run.name, 40)}, {chart.unit()}" if run else "Loss")
        panel.border_subtitle = Content(chart.legend())
        if run is None:
            hint.update("")
        else:
            sentence = (
                wording.notice(run) or f"{run.state.capitalize()} at step {wording.count(run.step)}; enter watches it."
            )
            hint.update(Text(one_line(f"{wording.corpus(run)} · {sentence}")))
        if _kind(before) != _kind(run):
            self.refresh_bindings()

    def on_data_table_row_highlighted(self) -> None:
        self._preview()

    # --- keys -----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "compare":
            return len(self._to_compare()) > 1
        if action == "leave_filter":
            return bool(self._pattern) or (self.is_usable and self.query_one("#filter").has_focus)
        if action == "open" and isinstance(self.focused, Input):
            return False
        if action in ("open", "type", "translate", "transcribe", "caption", "resume", "delete", "mark"):
            run = self.current if self.is_usable else None
            if run is None:
                return False
            if action == "resume":
                return run.ended and run.state != "finished"
            return wording.has_action(run, action)
        return True

    def on_data_table_row_selected(self) -> None:  # by mouse
        self.action_open()

    def action_open(self) -> None:
        if run := self.current:
            self._open(run.run)

    def action_type(self) -> None:
        from lstmtui.tui.screens.typing_screen import typing_screen

        if (run := self.current) is None:
            return
        if reason := wording.why_not(run, "type"):
            self.show_message(reason)
        else:
            self.app.push_screen(typing_screen(run.run, self._services))

    action_translate = action_transcribe = action_caption = action_type

    def action_compare(self) -> None:
        from lstmtui.tui.screens.compare import CompareScreen

        self.app.push_screen(CompareScreen(self._to_compare(), self._services))

    def _to_compare(self) -> list[Path]:
        """Return the marked runs, or all listed runs."""
        paths = [run.run.path for run in self.listed()]
        return [path for path in paths if path in self._marked] if self._marked else paths

    def action_down(self) -> None:
        self.query_one(DataTable).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(DataTable).action_cursor_up()

    def action_resume(self) -> None:
        if run := self.current:
            self._start(run.run)

    @work(thread=True, group="start")
    def _start(self, run: RunFolder) -> None:
        if not engine_alive(run):
            try:
                self._services.start(run)
            except (LstmtuiError, OSError) as error:
                self.show_message(f"The engine could not be started ({error}).", error=True)
                return
        self.call_if_usable(self._open, run)

    def _open(self, run: RunFolder) -> None:
        from lstmtui.tui.screens.live import LiveScreen

        if self.is_active:
            self.app.push_screen(LiveScreen(run, self._services))

    def action_new(self) -> None:
        from lstmtui.tui.screens.new_run import NewRunScreen

        def started(run: RunFolder | None) -> None:
            if run is not None:
                self._open(run)

        self.app.push_screen(NewRunScreen(self._services), started)

    # --- filter, order, marks -------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        self.add_class("-filter")
        self.query_one("#filter").focus()

    def action_leave_filter(self) -> None:
        self.query_one("#filter", Input).value = ""
        self.remove_class("-filter")
        self.query_one("#runs").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._pattern = event.value
        self._update()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_class(bool(self._pattern), "-filter")
        self.query_one("#runs").focus()

    def action_sort(self) -> None:
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self._update()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """Sort by the clicked column, if there is an order for it."""
        column = str(event.column_key.value)
        self._order = column if column in ORDERS else ORDERS[0]
        self._update()

    def action_mark(self) -> None:
        if run := self.current:
            self._marked ^= {run.run.path}
            self._update()
            self.refresh_bindings()
            self.action_down()

    def action_delete(self) -> None:
        run = self.current
        if run is None:
            return
        if not run.ended:
            self.show_message(f"'{run.run.name}' is being trained; stop it first (open it, then x).", error=True)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._delete(run.run)

        at = f"{wording.network(run)}, step {wording.count(run.step)}, {wording.quality(run, run.result)}"
        question = f"Delete '{run.run.name}' ({at}) with its checkpoints? This cannot be undone."
        self.app.push_screen(ConfirmScreen("Delete", question), answered)

    @work(thread=True, group="delete")
    def _delete(self, run: RunFolder) -> None:
        try:
            remove_run(run)
        except LstmtuiError as error:
            self.show_message(str(error), error=True)
        self.call_if_usable(self.poll)


def _kind(run: RunSnapshot | None) -> tuple[str, str] | None:
    """Return what decides which keys apply to a run."""
    return None if run is None else (run.state, wording.purpose(run))
