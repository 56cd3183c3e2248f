"""Settings of a run, changed while it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from lstmtui.common.terminal_text import one_line
from lstmtui.errors import UsageError
from lstmtui.runs import requests
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import event_words, wording
from lstmtui.tui.expected_rate import expected_rate
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog
from lstmtui.tui.widgets.fields import Field, Form, LineInput
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.status_line import StatusLine
from lstmtui.tui.workers.pending_requests import live_values

if TYPE_CHECKING:
    from lstmtui.tui.messages import RunView
    from lstmtui.tui.screens.live import LiveScreen

SETTINGS = {
    "lr": "peak rate; halve it when the loss jumps about",
    "clip": "largest gradient norm; lower it when they explode",
    "dropout": "between layers; more against memorising",
    "dropout_in": "on the input of the first layer",
    "weight_drop": "on the recurrent weights",
    "weight_decay": "pulls weights towards zero",
    "bptt": "steps back that gradients go; costs memory",
    "temperature": "of samples: below 1 safer, above 1 wilder",
    "prompt": "",
}
"""The settings that can be changed here, and a few words on each."""
NUMBERS = tuple(name for name in SETTINGS if name != "prompt")
DOUBLES = "shift+up doubles a number, shift+down halves it"
LABELS = {"lr": "learning rate", "bptt": "window", "prompt": "sample prompt"}
"""Labels of the settings whose names do not explain themselves."""


class SteerScreen(Dialog[None]):
    """Settings of a run that trains. Enter sends a change; the engine's answer is shown above the form."""

    HELP: ClassVar[str] = """\
Enter sends a change to the engine, which answers. The change is marked on the loss curve and stored in the run, also \
for a resume. shift+down halves the number of a field, shift+up doubles it, before enter sends it. ctrl+z undoes the \
last change, also one made before this screen was opened.
"""
    AUTO_FOCUS = "#lr"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("undo", "ask('undo')", "Undo", "steer.undo", "Undo the last change", priority=True),
        bind("pause", "pause", "Pause", "steer.pause", "Pause, or continue", priority=True, typing=True),
        bind("save", "ask('save')", "Save", "steer.save", "Write a checkpoint now", priority=True),
        bind(
            "rewind",
            "rewind",
            "Best",
            "steer.rewind",
            "Restore the best checkpoint and train on from it",
            priority=True,
            typing=True,
        ),
        bind("stop", "stop", "Stop", "steer.stop", "Save, and end the engine", priority=True),
        bind("halve", "scale(0.5)", "Halve", "steer.halve", "Half of the number, before enter sends it", priority=True),
        bind(
            "double", "scale(2.0)", "Double", "steer.double", "Twice the number, before enter sends it", priority=True
        ),
        bind("back", "leave", "Back", "steer.back", "Back to the run"),
    ]
    DEFAULT_CSS = """
    SteerScreen .number, SteerScreen .whole { width: 12; }
    SteerScreen Field > .after { width: 1fr; margin-left: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    SteerScreen #answer { min-height: 1; padding: 0; color: $success; }
    SteerScreen #answer.-error { color: $error; }
    SteerScreen.-short #answer, SteerScreen.-line #answer { max-height: 1; }
    SteerScreen Form { height: auto; max-height: 100%; }
    SteerScreen.-narrow Field > .after { display: none; }
    SteerScreen.-short .dialog, SteerScreen.-line .dialog { border: none; }
    """

    def __init__(self, live: LiveScreen) -> None:
        super().__init__()
        self._live = live
        self._shown: dict[str, str] = {}
        self._answered: object = None
        """The request of the newest answer that was shown."""

    def compose(self) -> ComposeResult:
        view = self._live.view
        self._shown = _texts(view.snapshot) if view is not None else {}
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Steer: enter sends a change"
            yield StatusLine(DOUBLES, id="answer")
            with Form():
                for name, about in SETTINGS.items():
                    kind = {"prompt": "text", "bptt": "whole"}.get(name, "number")
                    label = LABELS.get(name, name.replace("_", " "))
                    yield Field(label, LineInput(self._shown.get(name, ""), id=name, kind=kind), after=about)
        yield KeyBar()

    def on_mount(self) -> None:
        self._answered = self._newest_answer().get("request")
        self.watch(self._live, "view", self._update_view, init=False)

    def _newest_answer(self) -> dict[str, Any]:
        """Return the newest answer of the engine."""
        events = self._live.view.snapshot.events if self._live.view is not None else ()
        return next((event for event in reversed(events) if event.get("event") == "answered"), {})

    def _update_view(self, view: RunView | None) -> None:
        """Show the engine's answer, and settings that have changed, unless the user is editing them."""
        if view is None or not self.is_usable:
            return
        answer = self._newest_answer()
        if answer.get("request") != self._answered:
            self._answered = answer.get("request")
            self._set_status(event_words.describe(answer), error=not answer.get("ok"))
        values = _texts(view.snapshot)
        for name in SETTINGS:
            entry = self.query_one(f"#{name}", LineInput)
            if values[name] != self._shown.get(name) and entry.value in (self._shown.get(name), values[name]):
                entry.value = values[name]
        self._shown = values
        at = f"{one_line(view.snapshot.state, 12)} · step {wording.count(view.snapshot.step)}"
        self.query_one(".dialog").border_subtitle = Content(at)
        if view.snapshot.ended:
            self._set_status("The engine has ended; nothing can be changed now.", error=True)

    def _set_status(self, text: str, *, error: bool = False) -> None:
        self.query_one(StatusLine).set_text(text, error=error)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Draw the learning rate that would follow, as a ghost in the chart."""
        run = self._live.view.snapshot if self._live.view is not None else None
        if event.input.id != "lr" or run is None or not event.input.has_focus:
            return
        try:
            peak = float(event.value)
        except ValueError:
            peak = 0.0
        is_another = peak > 0 and event.value != self._shown.get("lr")
        rates = expected_rate(run, peak) if is_another else ()
        self._show_ghost(rates)
        if rates:
            end = wording.count(rates[-1][0])
            now = run.train[-1].lr
            self._set_status(f"enter: {now:.1e} becomes {rates[0][1]:.1e}, and {rates[-1][1]:.1e} at step {end}")

    def on_unmount(self) -> None:
        self._show_ghost(())

    def _show_ghost(self, rates: tuple[tuple[float, float], ...]) -> None:
        for chart in self._live.query(LossChart):
            chart.ghost = rates

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = str(event.input.id)
        try:
            value = requests.parse_change(name, event.value.strip() if name != "prompt" else event.value)
            if value is None:
                raise UsageError(f"set: {name} needs a value.")
        except UsageError as error:
            self._set_status(str(error), error=True)
            return
        self._show_ghost(())
        self._set_status(f"requested {name} {value} …")
        self._live.send("set", key=name, value=value)

    def action_ask(self, op: str) -> None:
        self._set_status(f"requested to {op} …")
        self._live.send(op)

    def action_scale(self, factor: float) -> None:
        """Multiply the number in the field that has the focus; enter sends it."""
        entry = self.focused
        if not isinstance(entry, LineInput) or entry.id not in NUMBERS:
            self._set_status("Only a number can be halved and doubled.", error=True)
            return
        try:
            value = factor * float(entry.value)
        except ValueError:
            self._set_status(f"'{one_line(entry.value, 20)}' is no number.", error=True)
            return
        self._set_status("enter sends it")
        entry.value = f"{value:.4g}" if entry.id != "bptt" else str(max(1, round(value)))

    def action_pause(self) -> None:
        view = self._live.view
        self.action_ask("continue" if view is not None and view.snapshot.state == "paused" else "pause")

    def action_rewind(self) -> None:
        self._live.action_rewind()

    def action_stop(self) -> None:
        self._live.action_stop()

    def action_leave(self) -> None:
        self.dismiss(None)


def _texts(snapshot: RunSnapshot) -> dict[str, str]:
    values = live_values(snapshot)
    return {name: "" if values[name] is None else f"{values[name]}" for name in SETTINGS}
