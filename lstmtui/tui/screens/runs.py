"""The list of runs: the network, the progress and the best result of each."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.reactive import var
from textual.widgets import DataTable, Input, Static

from lstmtui.common.terminal_text import one_line, safe
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.removal import remove_run
from lstmtui.runs.snapshot import RunSnapshot, Saturation
from lstmtui.tui import run_list, wording
from lstmtui.tui.keys import bind
from lstmtui.tui.messages import RunsPolled
from lstmtui.tui.run_list import ORDERS
from lstmtui.tui.screens.confirm import ConfirmScreen
from lstmtui.tui.screens.starting import StartingScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.fields import LineInput
from lstmtui.tui.widgets.first_steps import FirstSteps
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.run_preview import RunPreview
from lstmtui.tui.widgets.run_table import RunTable
from lstmtui.tui.workers.run_polling import RunsPoller

INTERVAL = 1.0
"""Seconds between two reads of the folder of runs."""
MIN_PREVIEW_ROWS = 20
"""Rows of a screen from which on a curve is shown below the list."""


class RunsScreen(StartingScreen):
    """The list of runs; it refreshes itself."""

    HELP: ClassVar[str] = """\
One line for each run: those with a running engine first, then the newest. The curve is the loss, from the start of \
the run to now; bpc is bits per character, ppl is perplexity; lower is better in both. A ~ before them: evaluations \
during training read a part of the validation text; a run that has finished has read all of it.

Below, of the chosen run: its loss, its newest sample, and how saturated its gates are, blue where units stay shut, \
orange where they stay open.

An engine is a separate process: it continues when you leave.

/ filters by a regular expression over name, state, cell, tokens and text; o sorts, and so does a click on a column. c \
compares the runs marked with m, or all listed runs when none is marked; d deletes the marked ones, or this one.
"""
    CSS_PATH = "runs.tcss"
    AUTO_FOCUS = "#runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("open", "open", "Open", "runs.open", "Watch this run live", priority=True),
        bind("new", "new", "New", "runs.new", "A new run: choose a text and a network"),
        bind("use", "type", "Type", "runs.type", "Type with this run's model"),
        bind("use", "translate", "Translate", "runs.translate", "Translate with this run's model"),
        bind("use", "transcribe", "Transcribe", "runs.transcribe", "Transcribe recordings with this run"),
        bind("use", "caption", "Caption", "runs.caption", "Describe pictures with this run"),
        bind("resume", "resume", "Resume", "runs.resume", "Start the engine again, exactly where the run stopped"),
        bind("find", "filter", "Filter", "runs.filter", "Show only runs that match a regular expression"),
        bind("mark", "mark", "Mark", "runs.mark", "Mark this run, to compare or to delete it"),
        bind("compare", "compare", "Compare", "runs.compare", "Compare the marked runs, or all listed runs"),
        bind("order", "sort", "Sort", "runs.sort", "The next order: newest, name, best, steps, parameters"),
        bind("delete", "delete", "Delete", "runs.delete", "Delete this run, or the marked ones, permanently"),
        bind("down", "down", "Down", "runs.down", ""),
        bind("up", "up", "Up", "runs.up", ""),
        bind("back", "leave_filter", "All", "runs.all", "Show all runs again"),
        bind("quit", "app.quit", "Quit", "runs.quit", "Quit; runs continue to train"),
        bind("help", "app.help", "Help", "runs.help", ""),
    ]

    runs: var[tuple[RunSnapshot, ...] | None] = var(None, always_update=True)
    """The newest snapshots; frozen. None before the first read."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._poller = RunsPoller(services.root)
        self._pattern = ""
        self._order = ORDERS[0]
        self._marked: set[Path] = set()
        self._previewed: RunSnapshot | None = None
        self._at: RunFolder | None = None
        """The run under the cursor, for the thread that reads."""
        self._problem = ""
        self._probes: tuple[Path | None, tuple[Saturation, ...]] = (None, ())
        """The newest gate probe of the run under the cursor, and which run that was when it was read."""
        self._comparable = False

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield LineInput("", id="filter", placeholder="regular expression …")
        yield RunTable(id="runs")
        yield Static("Reading the runs …", id="empty", markup=False)
        yield FirstSteps()
        yield RunPreview()
        yield Static(id="hint")
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(TitleBar).title = "Runs"
        self.set_class(True, "-empty")
        self.poll_every(INTERVAL)

    def on_resize(self) -> None:
        self._fill()

    # --- reading --------------------------------------------------------------------------------------------------

    def read(self) -> RunsPolled:
        try:
            return RunsPolled(self._poller.poll(), probes=self._poller.newest_probe(self._at))
        except LstmtuiError as error:
            return RunsPolled((), error=str(error))

    def on_runs_polled(self, message: RunsPolled) -> None:
        self._problem, self._probes = message.error, message.probes
        self.runs = message.runs

    def watch_runs(self, runs: tuple[RunSnapshot, ...] | None) -> None:
        if runs is None:
            return
        self._marked &= {run.run.path for run in runs}
        self._update()

    def _update(self) -> None:
        """Bring everything up to date with the runs, the filter, the order and the marks."""
        runs, shown = self.runs or (), self.listed()
        self.set_class(bool(runs) and not shown, "-empty")
        self.set_class(not runs, "-first")
        if not runs:
            self.query_one(FirstSteps).problem = self._problem
            if self.focused in (None, self.query_one("#runs")):
                self.query_one("#starts").focus()
        elif not shown:  # a new text costs a new layout
            text = f"No run matches '{self._pattern}'.\n\nEscape shows all {len(runs)}."
            self.query_one("#empty", Static).update(Text(safe(text)))
        elif self.focused in (None, self.query_one("#starts")):
            self.query_one("#runs").focus()
        summary = run_list.summary(runs, shown=len(shown), marked=len(self._marked), order=self._order)
        self.query_one(TitleBar).remark = f"{summary} · {self._services.root}" if runs else str(self._services.root)
        self._fill()
        self._preview()
        if (able := len(self._to_compare()) > 1) != self._comparable:
            self._comparable = able
            self.refresh_bindings()

    def listed(self) -> tuple[RunSnapshot, ...]:
        """Return the runs that match the filter, in the chosen order."""
        return run_list.listed(self.runs or (), self._pattern, self._order)

    def _fill(self) -> None:
        """Bring the table up to date, changing only what differs."""
        if self.runs is None or not self.is_usable:
            return
        table, listed = self.query_one(RunTable), self.listed()
        # As high as its rows, so that the panels below have the rest; a small screen has none.
        table.styles.height = len(listed) + 1 if self.size.height >= MIN_PREVIEW_ROWS else "1fr"
        table.fill(listed, self._marked, self.size.width)

    @property
    def current(self) -> RunSnapshot | None:
        """The run under the cursor."""
        path = self.query_one(RunTable).chosen
        return next((run for run in self.runs or () if run.run.path == path), None)

    def _preview(self) -> None:
        run = self.current
        self._at = run.run if run is not None else None
        if run is not None and self._probes[0] == run.run.path:
            self.query_one(RunPreview).show_gates(self._probes[1])
        if run is self._previewed and run is not None:
            return
        before, self._previewed = self._previewed, run
        hint = self.query_one("#hint", Static)
        is_another = before is None or run is None or before.run != run.run
        self.query_one(RunPreview).show(run, is_another=is_another)
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
        before = self._at
        self._preview()
        if self._at != before:
            self.poll()  # for the gates of that run

    # --- keys -----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("filter", "sort"):
            return bool(self.runs)
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

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        run = self.current
        if action == "leave_filter":
            return "This is the list of all runs; q quits."
        if not self.runs:
            return "There are no runs yet; n makes one."
        if action == "compare":
            return "Two runs at least are compared; mark another one."
        if run is None:
            return "No run is listed; escape shows all."
        if action == "resume":
            return wording.why_not_resumed(run)
        return ""

    def on_data_table_row_selected(self) -> None:  # by mouse
        self.action_open()

    def action_open(self) -> None:
        if run := self.current:
            self.open(run.run)

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
        self.query_one(RunTable).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(RunTable).action_cursor_up()

    def action_resume(self) -> None:
        if run := self.current:
            self.start(run.run)

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
        self.on_run_table_mark_clicked()
        self.action_down()

    def on_run_table_mark_clicked(self) -> None:
        """Mark the run under the cursor, or take its mark away."""
        if run := self.current:
            self._marked ^= {run.run.path}
            self._update()
            self.refresh_bindings()

    def action_delete(self) -> None:
        """Delete the marked runs, or the one under the cursor, if the answer is yes."""
        chosen = [run for run in self.runs or () if run.run.path in self._marked]
        chosen = chosen or [run for run in (self.current,) if run is not None]
        if running := [f"'{run.run.name}'" for run in chosen if not run.ended]:
            are, it = ("is", "it") if len(running) == 1 else ("are", "them")
            names = ", ".join(running)
            self.show_message(f"{names} {are} being trained; stop {it} first, or take the mark away.", error=True)
        elif chosen:

            def answered(yes: bool | None) -> None:
                if yes:
                    self._delete([run.run for run in chosen])

            self.app.push_screen(ConfirmScreen("Delete", run_list.question_before_deletion(chosen)), answered)

    @work(thread=True, group="delete")
    def _delete(self, runs: list[RunFolder]) -> None:
        for run in runs:
            try:
                remove_run(run)
            except LstmtuiError as error:
                self.show_message(str(error), error=True)
        self.call_if_usable(self.poll)


def _kind(run: RunSnapshot | None) -> tuple[str, str] | None:
    """Return what decides which keys apply to a run."""
    return None if run is None else (run.state, wording.purpose(run))
