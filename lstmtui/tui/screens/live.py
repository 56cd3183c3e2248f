"""One run, live: loss, figures, text, gates."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Footer, Static

from lstmtui.errors import LstmtuiError
from lstmtui.runs import requests
from lstmtui.runs.folder import RunFolder, engine_alive
from lstmtui.runs.reader import RunSnapshot
from lstmtui.text import safe
from lstmtui.tui import words
from lstmtui.tui.doors import Doors
from lstmtui.tui.messages import RunSeen, RunView
from lstmtui.tui.screens.confirm import ConfirmScreen
from lstmtui.tui.screens.type import TypeScreen
from lstmtui.tui.watch import RunWatch
from lstmtui.tui.widgets.bars import EventLine, ProgressLine, TitleBar
from lstmtui.tui.widgets.figures import Figures, rows_of
from lstmtui.tui.widgets.gate_map import VIEWS, GateMap
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.panels import Panel, SamplePanel

if TYPE_CHECKING:
    from lstmtui.tui.app import LstmtuiApp

INTERVAL = 1.0
"""Seconds between two looks at the run folder."""
PATIENCE = 20.0
"""Seconds after which an unanswered request is said to be unanswered."""
ASKED = {"pause": "to pause", "continue": "to continue", "save": "to save", "stop": "to stop"}


class LiveScreen(Screen[None]):
    """Watch one run, and steer it: pause, continue, save, stop, resume."""

    HELP: ClassVar[str] = """\
Loss: the thin line is training, the mean of each log interval; ◆ is validation. Lower is better, and the gap between \
the two is what was learnt by heart.

Gates: one row for each layer and gate. A shaded cell ░▒▓█ is a unit that stays open, above 0.9; a dotted one ⠂⠒⠶⠿ \
stays shut, below 0.1 (below -0.9 for the tanh gates g and n). The numbers are both fractions of the row. By unit, \
the most open ones stand left; by training time, the first probe does.

The engine is a process of its own: leaving this screen, or the program, does not stop it.
"""
    CSS_PATH = "live.tcss"
    AUTO_FOCUS = "#sample"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "ask('pause')", "Pause", tooltip="Pause this run"),
        Binding("space", "ask('continue')", "Continue", tooltip="Let this run continue"),
        Binding("s", "ask('save')", "Save", tooltip="Write a checkpoint now"),
        Binding("x", "stop", "Stop", tooltip="Save, and end the engine; the run can be resumed"),
        Binding("r", "resume", "Resume", tooltip="Start the engine again, exactly where the run stopped"),
        Binding("t", "type", "Type", tooltip="Type with the best model of this run"),
        Binding("g", "gates", "Gates", tooltip="Gates by unit, or by training time"),
        Binding("u", "unit", "Unit", tooltip="Loss in nats per token, or in bits per character"),
        Binding("left", "older", "Older text", show=False, tooltip="The text written before this one"),
        Binding("right", "newer", "Newer text", show=False, tooltip="The text written after this one"),
        Binding("escape", "back", "Runs", tooltip="Back to the list of runs"),
        Binding("q", "app.quit", "Quit", show=False, tooltip="Leave; the run goes on"),
        Binding("question_mark", "app.help", "Help", show=False),
    ]

    view: reactive[RunView | None] = reactive(None, always_update=True)
    """What the reader last saw; frozen, never edited here."""

    def __init__(self, run: RunFolder, doors: Doors) -> None:
        super().__init__()
        self._folder, self._doors = run, doors
        self._watch = RunWatch(run)
        self._reading = False
        self._pending: dict[str, tuple[str, float]] = {}
        self._said = ("", "")

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield ProgressLine()
        yield Static(id="notice")
        yield Static(id="brief")
        with Vertical(id="panels"):
            with Horizontal(id="upper"):
                with Container(id="loss", classes="panel"):
                    yield LossChart()
                with Container(id="numbers", classes="panel") as numbers:
                    numbers.border_title = "Figures"
                    yield Figures()
            with Horizontal(id="lower"):
                yield SamplePanel(id="sample", classes="panel")
                with Panel(id="gates", classes="panel"):
                    yield GateMap()
        yield EventLine(id="events")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one(TitleBar).title = self._folder.name
        self._label()
        self.set_interval(INTERVAL, self._look)
        self._look()

    # --- reading --------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if not self._reading:
            self._reading = True
            self._read()

    @work(thread=True, group="read")
    def _read(self) -> None:
        try:
            self.post_message(RunSeen(self._watch.look()))
        finally:
            self._reading = False

    def on_run_seen(self, message: RunSeen) -> None:
        self.view = message.view

    def watch_view(self, old: RunView | None, view: RunView | None) -> None:
        if view is None:
            return
        seen = view.snapshot
        title = self.query_one(TitleBar)
        title.state, title.remark = seen.state, f"{words.network(seen)} · {words.corpus(seen)}"
        self.query_one(ProgressLine).snapshot = seen
        if old is None or not _same_points(old.snapshot, seen):
            self.query_one(LossChart).snapshot = seen
        self.query_one(Figures).snapshot = seen
        self.query_one(SamplePanel).samples = seen.samples
        events = self.query_one(EventLine)
        events.events = seen.events
        if old is None or old.probes is not view.probes:
            self.query_one(GateMap).probes = view.probes
        self._say(view)
        self._settle(view)
        self._label()
        if old is None or (old.snapshot.state, old.gone) != (seen.state, view.gone):
            self.refresh_bindings()

    def _say(self, view: RunView) -> None:
        """Put the state into words, where there is something to say, and the figures for a small screen."""
        said = words.notice(view.snapshot, gone=view.gone)
        notice = self.query_one("#notice", Static)
        if said != self._said[0]:  # a new text costs a new layout
            notice.update(Text(safe(said, newlines=False)))
        notice.set_class(bool(said), "-said")
        tone = "error" if view.gone else words.tone(view.snapshot.state)
        for name in ("error", "warning", "primary"):
            notice.set_class(tone == name, f"-{name}")
        rows = [row for row in rows_of(view.snapshot)[:5] if row[1] != "–"]
        brief = "  ".join(f"{label} {value}" if label else f"{value} {remark}" for label, value, remark in rows)
        brief = brief or words.waiting(view.snapshot)
        if brief != self._said[1]:
            self.query_one("#brief", Static).update(Text(safe(brief, newlines=False)))
        self._said = (said, brief)

    def _settle(self, view: RunView) -> None:
        """Match answers with what was asked."""
        if not self._pending:
            return
        for event in view.snapshot.events:
            asked = self._pending.pop(str(event.get("request")), None) if event.get("event") == "answered" else None
            if asked is not None and not event.get("ok"):
                self._tell(str(event.get("message", "")) or f"The engine refused {asked[0]}.", error=True)
        for identity, (op, since) in list(self._pending.items()):
            if view.snapshot.ended:
                del self._pending[identity]
            elif time.monotonic() - since > PATIENCE:
                del self._pending[identity]
                self._tell(f"The engine has not answered the request to {op}; it may be busy.", error=True)
        waiting = [f"asked {ASKED[op]} …" for op, _ in self._pending.values()]
        self.query_one(EventLine).waiting = ", ".join(waiting)

    def _label(self) -> None:
        """Write the panels' titles."""
        chart, gates = self.query_one(LossChart), self.query_one(GateMap)
        loss, panel = self.query_one("#loss"), self.query_one("#gates")
        loss.border_title = Content(f"Loss, {chart.unit()}")
        loss.border_subtitle = Content("⠤⠒ train  ◆ valid")
        by = "unit, most open first" if gates.view == "units" else "training time"
        panel.border_title = Content(f"Gates by {by}")
        panel.border_subtitle = Content("⠶⠿ shut <0.1  ▓█ open >0.9")

    # --- keys -----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        state = self.view.snapshot.state if self.view else ""
        ended = self.view is not None and self.view.snapshot.ended
        gone = self.view is not None and self.view.gone
        if action == "ask" and parameters[0] in ("pause", "continue"):
            return self.view is not None and not ended and (parameters[0] == "continue") == (state == "paused")
        if action in ("ask", "stop"):
            return self.view is not None and not ended
        if action == "resume":
            return ended and not gone and state != "finished"
        if action == "type":
            return not gone
        return True

    def action_ask(self, op: str) -> None:
        self._send(op)

    def action_stop(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._send("stop")

        question = f"Save '{self._folder.name}' and end its engine? It can be resumed exactly where it stops."
        self.app.push_screen(ConfirmScreen("Stop", question), answered)

    @work(thread=True, group="send")
    def _send(self, op: str) -> None:
        try:
            identity = requests.send(self._folder, op)
        except (LstmtuiError, OSError) as error:
            self.app.call_from_thread(self._tell, str(error), error=True)
            return
        self.app.call_from_thread(self._sent, identity, op)

    def _sent(self, identity: str, op: str) -> None:
        self._pending[identity] = (op, time.monotonic())
        self.query_one(EventLine).waiting = f"asked {ASKED[op]} …"
        self._look()

    @work(thread=True, group="start", exclusive=True)
    def action_resume(self) -> None:
        if engine_alive(self._folder):
            return
        try:
            self._doors.start(self._folder)
        except (LstmtuiError, OSError) as error:
            self.app.call_from_thread(self._tell, f"The engine could not be started ({error}).", error=True)
            return
        self.app.call_from_thread(self._tell, "The engine is starting; the run goes on where it stopped.")

    def action_type(self) -> None:
        self.app.push_screen(TypeScreen(self._folder, self._doors))

    def action_gates(self) -> None:
        gates = self.query_one(GateMap)
        gates.view = VIEWS[(VIEWS.index(gates.view) + 1) % len(VIEWS)]
        self._label()

    def action_unit(self) -> None:
        chart = self.query_one(LossChart)
        chart.bits = not chart.bits and chart.can_show_bits()
        self._label()

    def action_older(self) -> None:
        self.query_one(SamplePanel).back += 1

    def action_newer(self) -> None:
        self.query_one(SamplePanel).back -= 1

    def action_back(self) -> None:
        self.dismiss()

    def _tell(self, message: str, *, error: bool = False) -> None:
        cast("LstmtuiApp", self.app).say(message, error=error)


def _same_points(old: RunSnapshot, new: RunSnapshot) -> bool:
    """Return whether the chart would look the same; the series only ever grow, or are read anew after a resume."""
    return (old.state, old.train[-1:], old.valid[-1:], len(old.train)) == (
        new.state,
        new.train[-1:],
        new.valid[-1:],
        len(new.train),
    )
