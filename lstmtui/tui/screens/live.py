"""One run, live: loss, figures, samples and gates, and the keys that steer it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from lstmtui.common.terminal_text import safe
from lstmtui.errors import LstmtuiError
from lstmtui.reports.health import SICK, judge
from lstmtui.runs import requests
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.messages import RunPolled, RunView
from lstmtui.tui.screens.arranged import ArrangedScreen
from lstmtui.tui.screens.confirm import ConfirmScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import EventLine, ProgressLine, TitleBar
from lstmtui.tui.widgets.figures import Figures, rows_of
from lstmtui.tui.widgets.gate_map import GateMap
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.observations import Observations
from lstmtui.tui.widgets.panels import Frame, SamplePanel
from lstmtui.tui.widgets.split import Split
from lstmtui.tui.workers.pending_requests import PendingRequests, live_values
from lstmtui.tui.workers.run_polling import RunPoller

if TYPE_CHECKING:
    from lstmtui.tui.screens.fork import Fork

INTERVAL = 1.0
"""Seconds between two reads of the run folder."""


class LiveScreen(ArrangedScreen):
    """Watch one run, and steer it."""

    HELP: ClassVar[str] = """\
Loss: the thin line is training, smoothed over the mean of each log interval; ◇ is validation, ◆ the best of it. Lower \
is better. ▼ marks a change, with its name; ▴ below the plot is a checkpoint.

With the chart focused (click it, or ctrl+o), left and right move a cursor, + and - zoom.

Gap: validation minus training loss. When it grows and validation does not improve, the model memorises the text.

Update: norm of an update relative to that of the weights; about 1e-3 is usual.

Gates: a unit is blue where it stays shut, below 0.1 (below -0.9 for tanh gates), orange where it stays open, above \
0.9, dark in between and lilac where it only flips; the overview has both fractions one above the other. Without \
colours, ░▒▓█ is open and ⠂⠒⠶⠿ shut. v shows the next view: all gates by unit or training time; of one gate the units \
and the distribution by training time, the units by character, and the scatter. [ and ] choose the gate.

Attention, of a translation: what each target token reads of its source, ░ a little, █ nearly all, for one validation \
pair that stays the same. It is smeared at first; where source and target have like orders, it becomes a diagonal. \
With an older sample, it is that of the step of the sample. On a small screen, v changes between attention and gates.

Heard by time, of speech: how probable each label is at each moment of one validation recording, and the blank, which \
is written between labels. The transcripts mark each wrong word with ~, each extra one with + and each missing one \
with -. WER and CER are the parts of words and characters that are wrong; u draws them.

The engine is a separate process: leaving this screen, or the program, does not stop it.
"""
    CSS_PATH = "live.tcss"
    AUTO_FOCUS = "#sample"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("pause", "ask('pause')", "Pause", "live.pause", "Pause this run"),
        bind("pause", "ask('continue')", "Continue", "live.continue", "Let this run continue"),
        bind("resume", "resume", "Resume", "live.resume", "Start the engine again, exactly where the run stopped"),
        bind("steer", "steer", "Steer", "live.steer", "Change settings while it trains; undo, rewind to best"),
        bind("sample", "sample", "Sample", "live.write", "Generate a sample, or translate a sentence, now"),
        bind("use", "type", "Type", "live.type", "Type with the best model of this run"),
        bind("use", "translate", "Translate", "live.translate", "Translate with this run's best model"),
        bind("use", "transcribe", "Transcribe", "live.transcribe", "Transcribe recordings with this run"),
        bind("use", "caption", "Caption", "live.caption", "Describe pictures with this run"),
        bind("inspect", "inspect", "Inspect", "live.inspect", "See what each unit does, character by character"),
        bind("gradients", "gradients", "Gradients", "live.gradients", "How far gradients reach back in time"),
        bind("view", "gates", "View", "live.view", "The next view of the gates"),
        bind("before", "gate(-1)", "Gate before", "live.gate-before", "The layer and gate before"),
        bind("next", "gate(1)", "Next gate", "live.gate-next", "The next layer and gate"),
        bind(
            "enlarge", "enlarge", "Enlarge", "live.enlarge", "Enlarge the focused panel to the whole screen, and back"
        ),
        bind("left", "older", "Older sample", "live.older", "The sample before this one"),
        bind("right", "newer", "Newer sample", "live.newer", "The sample after this one"),
        bind("save", "ask('save')", "Save", "live.save", "Write a checkpoint now"),
        bind("stop", "stop", "Stop", "live.stop", "Save, and end the engine; the run can be resumed"),
        bind("rewind", "rewind", "Best", "live.rewind", "Restore the best checkpoint and train on from it"),
        bind("fork", "fork", "Fork", "live.fork", "A new run that begins at a checkpoint of this one"),
        bind("undo", "ask('undo')", "Undo", "live.undo", "Undo the last change of a setting"),
        bind("back", "back", "Runs", "live.back", "Back to the list of runs"),
        bind("quit", "app.quit", "Quit", "live.quit", "Quit; the run continues"),
        bind("help", "app.help", "Help", "live.help", ""),
    ]

    view: var[RunView | None] = var(None, always_update=True)
    """The newest state that was read; frozen."""

    def __init__(self, run: RunFolder, services: Services) -> None:
        super().__init__()
        self._folder, self._services = run, services
        self._poller = RunPoller(run)
        self._pending = PendingRequests()
        self._notice = self._brief = ""

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield ProgressLine()
        yield Static(id="notice")
        yield Static(id="brief")
        with Split(id="panels"):
            with Split(id="upper"):
                with Frame(id="loss", classes="panel"):
                    yield LossChart()
                with Frame(id="numbers", classes="panel") as numbers:
                    numbers.border_title = "Figures"
                    yield Figures()
                    yield EventLine(id="more-events")
            yield Observations(id="lower")
        yield EventLine(id="events")
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(TitleBar).title = self._folder.name
        chart = self.query_one(LossChart)
        for name in ("bits", "errors", "logarithmic", "smoothing", "x_axis", "zoom"):
            self.watch(chart, name, self._update_titles, init=False)
        self._update_titles()
        self.show_layout()
        self.poll_every(INTERVAL)

    # --- reading --------------------------------------------------------------------------------------------------

    def read(self) -> RunPolled:
        return RunPolled(self._poller.poll())

    def on_run_polled(self, message: RunPolled) -> None:
        self.view = message.view

    def watch_view(self, old: RunView | None, view: RunView | None) -> None:
        if view is None:
            return
        run = view.snapshot
        title = self.query_one(TitleBar)
        title.state, title.remark = run.state, f"{wording.network(run)} · {wording.corpus(run)}"
        self.query_one(ProgressLine).snapshot = run
        if old is None or not _same_points(old.snapshot, run):
            self.query_one(LossChart).snapshot = run
        self.query_one(Figures).snapshot = run
        self.query_one(Observations).show(old, view)
        for line in self.query(EventLine):
            line.events = run.events
        self._update_notice(view)
        self._update_brief(run)
        for ok, message in self._pending.settle(run):
            if not ok:
                self.show_message(message, error=True)
        self._show_waiting()
        self._update_titles()
        if old is None or (old.snapshot.state, old.gone) != (run.state, view.gone):
            self.refresh_bindings()

    def _update_notice(self, view: RunView) -> None:
        """Show the sentence about the state, if there is one."""
        text = wording.notice(view.snapshot, gone=view.gone)
        notice = self.query_one("#notice", Static)
        if text != self._notice:  # a new text costs a new layout
            self._notice = text
            notice.update(Text(safe(text, newlines=False)))
        notice.set_class(bool(text), "-shown")
        ill = view.gone or judge(view.snapshot).level == SICK
        colour = "error" if ill else wording.state_colour(view.snapshot.state)
        for name in ("error", "warning", "primary"):
            notice.set_class(colour == name, f"-{name}")

    def _update_brief(self, run: RunSnapshot) -> None:
        """Show the figures in a line or two, on a screen too small for their panel."""
        line = self.query_one("#brief", Static)
        rows = [row for row in rows_of(run)[:6] if row[1] != "–"] if line.display else []
        figures = (f"{label} {value}" if label else f"{value} {remark}" for label, value, remark in rows)
        brief = "  ".join(figure.replace(" ", "\u00a0") for figure in figures)  # a name and its value stay together
        brief = brief or wording.waiting(run)
        if line.display and brief != self._brief:
            self._brief = brief
            line.update(Text(safe(brief, newlines=False)))

    def _update_titles(self) -> None:
        chart, loss = self.query_one(LossChart), self.query_one("#loss")
        loss.border_title, loss.border_subtitle = Content(chart.title()), Content(chart.legend())

    # --- keys: the engine -----------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        state = self.view.snapshot.state if self.view else ""
        ended = self.view is not None and self.view.snapshot.ended
        gone = self.view is not None and self.view.gone
        if action == "ask" and parameters[0] in ("pause", "continue"):
            return self.view is not None and not ended and (parameters[0] == "continue") == (state == "paused")
        if action in ("ask", "stop", "steer", "sample", "rewind"):
            return self.view is not None and not ended
        if action == "resume":
            return ended and not gone and state != "finished"
        if action in ("type", "translate", "transcribe", "caption", "fork", "inspect", "gradients"):
            return not gone and wording.has_action(self.view.snapshot if self.view else None, action)
        return True

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        if self.view is None:
            return "The run is being read."
        run = self.view.snapshot
        if self.view.gone:
            return "The folder of this run is gone."
        if action == "resume":
            return wording.why_not_resumed(run)
        if run.ended and action in ("ask", "stop", "steer", "sample", "rewind"):
            again = "" if run.state == "finished" else "; r resumes it"
            return f"This run does not train now{again}."
        return ""

    def action_ask(self, op: str) -> None:
        self.send(op)

    def action_stop(self) -> None:
        question = f"Save '{self._folder.name}' and end its engine? It can be resumed exactly where it stops."
        self._send_if_confirmed("Stop", question, "stop")

    def action_rewind(self) -> None:
        best = self.view.snapshot.best if self.view else None
        at = f", step {wording.count(best.step)}" if best else ""
        question = f"Restore the best checkpoint{at}? What was learnt since is lost; settings stay as they are."
        self._send_if_confirmed("Rewind to best", question, "rewind")

    def _send_if_confirmed(self, title: str, question: str, op: str) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self.send(op)

        self.app.push_screen(ConfirmScreen(title, question), answered)

    @work(thread=True, group="send")
    def send(self, op: str, **details: Any) -> None:
        """Send a request to the engine; the answer is shown when it comes."""
        try:
            identity = requests.send_request(self._folder, op, **details)
        except (LstmtuiError, OSError) as error:
            self.show_message(str(error), error=True)
            return
        self.call_if_usable(self._sent, identity, op)

    def _sent(self, identity: str, op: str) -> None:
        self._pending.add(identity, op)
        self._show_waiting()
        self.poll()

    def _show_waiting(self) -> None:
        for line in self.query(EventLine):
            line.waiting = self._pending.describe()

    def action_steer(self) -> None:
        from lstmtui.tui.screens.steer import SteerScreen

        self.app.push_screen(SteerScreen(self))

    def action_sample(self) -> None:
        from lstmtui.tui.screens.sample import SampleScreen

        def answered(options: dict[str, Any] | None) -> None:
            if options is not None:
                self.query_one(SamplePanel).back = 0
                self.send("sample", **options)

        if wording.purpose(self.view.snapshot if self.view else None) == "speech":
            answered({})  # transcripts of validation recordings
        elif self.view is not None:
            values = live_values(self.view.snapshot)
            translates = wording.purpose(self.view.snapshot) == "translation"
            samples = self.view.snapshot.samples if wording.purpose(self.view.snapshot) == "text" else ()
            prompt = str(values["prompt"] or "")
            dialog = SampleScreen(prompt, values["temperature"], translates=translates, samples=samples)
            self.app.push_screen(dialog, answered)

    @work(thread=True, group="start", exclusive=True)
    def action_resume(self) -> None:
        if engine_alive(self._folder):
            return
        try:
            self._services.start(self._folder)
        except (LstmtuiError, OSError) as error:
            self.show_message(f"The engine could not be started ({error}).", error=True)
            return
        self.show_message("The engine is starting; the run resumes where it stopped.")

    def action_fork(self) -> None:
        from lstmtui.tui.screens.fork import ForkScreen

        def answered(fork: Fork | None) -> None:
            if fork is not None:
                self.show_message(f"Forking '{self._folder.name}' …")
                self._fork(fork)

        if self.view is not None:
            self.app.push_screen(ForkScreen(self.view.snapshot), answered)

    @work(thread=True, group="start", exclusive=True)
    def _fork(self, fork: Fork) -> None:
        try:
            run, _ = self._services.fork(self._folder, at=fork.at, name=fork.name or None, changes=fork.changes)
            self._services.start(run)
        except (LstmtuiError, OSError) as error:
            self.show_message(str(error), error=True)
            return
        self.call_if_usable(self._open, run)

    def _open(self, run: RunFolder) -> None:
        if self.is_active:
            self.app.switch_screen(LiveScreen(run, self._services))
        else:
            self.show_message(f"'{run.name}' has started.")

    # --- keys: what is shown --------------------------------------------------------------------------------------

    def _applies(self, action: str) -> bool:
        """Return whether an action applies to this kind of run, and show the reason if it does not."""
        if reason := wording.why_not(self.view.snapshot if self.view is not None else None, action):
            self.show_message(reason)
        return not reason

    def action_type(self) -> None:
        if not self._applies("type"):
            return
        from lstmtui.tui.screens.typing_screen import typing_screen

        self.app.push_screen(typing_screen(self._folder, self._services))

    action_translate = action_transcribe = action_caption = action_type

    def action_gradients(self) -> None:
        if not self._applies("gradients"):
            return
        from lstmtui.tui.screens.gradients import GradientsScreen

        self.app.push_screen(GradientsScreen(self._folder.path, self._services))

    def action_inspect(self, unit: tuple[int, int] | None = None) -> None:
        if not self._applies("inspect"):
            return
        from lstmtui.tui.screens.inspect import InspectScreen

        self.app.push_screen(InspectScreen(self._folder.path, self._services, unit))

    def on_gate_map_unit_opened(self, message: GateMap.UnitOpened) -> None:
        self.action_inspect((message.layer, message.unit))

    def action_gates(self) -> None:
        self.query_one(Observations).next_view()

    def action_gate(self, by: int) -> None:
        self.query_one(Observations).choose_gate(by)

    def action_enlarge(self) -> None:
        """Enlarge the focused panel to the whole screen, or restore it."""
        if self.maximized is not None:
            self.minimize()
            return
        panel: Any = self.focused
        while panel is not None and "panel" not in panel.classes:
            panel = panel.parent
        if panel is not None:
            self.maximize(panel, container=False)

    def action_older(self) -> None:
        self.query_one(SamplePanel).back += 1

    def action_newer(self) -> None:
        self.query_one(SamplePanel).back -= 1

    def action_back(self) -> None:
        if self.maximized is not None:
            self.minimize()
        else:
            self.dismiss()


def _same_points(old: RunSnapshot, new: RunSnapshot) -> bool:
    """Return whether the chart would be the same: series only grow, or are read again after a resume."""
    first, second = (
        (run.state, wording.waiting(run), run.train[-1:], run.valid[-1:], len(run.train), run.events[-1:])
        for run in (old, new)
    )
    return first == second
