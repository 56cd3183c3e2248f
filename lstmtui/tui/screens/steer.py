"""Changing a run: its settings while it trains, what it writes, and a fork of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Footer, Input, Static

from lstmtui import config
from lstmtui.common.terminal_text import one_line, safe
from lstmtui.errors import UsageError
from lstmtui.runs import requests
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog
from lstmtui.tui.widgets.fields import Choice, Entry, Field, Form
from lstmtui.tui.workers.pending_requests import live_values

if TYPE_CHECKING:
    from lstmtui.tui.app import LstmtuiApp
    from lstmtui.tui.messages import RunView
    from lstmtui.tui.screens.live import LiveScreen

SETTINGS = {
    "lr": "peak rate; halve it when the loss jumps about",
    "clip": "largest gradient norm; lower it when they explode",
    "dropout": "between layers; more against memorising",
    "dropout_in": "on what the network reads",
    "weight_drop": "on the recurrent weights",
    "weight_decay": "pulls weights towards zero",
    "bptt": "steps back that gradients go; costs memory",
    "temperature": "of what it writes: below 1 safer, above 1 wilder",
    "prompt": "",
}
"""What can be changed here, and a few words on each."""
NAMES = {"lr": "learning rate", "bptt": "window", "prompt": "writes after"}


class SteerScreen(Dialog[None]):
    """Settings of a run that trains. Enter sends a change; the engine's answer stands below."""

    HELP: ClassVar[str] = """\
Each change is sent to the engine when you press enter, answered by it, marked on the loss curve, and kept in the run: \
a resume knows it. ctrl+z takes the last change back, also one made before this screen was opened.
"""
    AUTO_FOCUS = "#lr"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("ctrl+z", "ask('undo')", "Undo", "steer.undo", "Take the last change back", priority=True, show=True),
        bind("ctrl+t", "pause", "Pause", "steer.pause", "Pause, or continue", priority=True, show=True),
        bind("ctrl+s", "ask('save')", "Save", "steer.save", "Write a checkpoint now", priority=True, show=True),
        bind(
            "ctrl+b",
            "rewind",
            "Best",
            "steer.rewind",
            "Put the training back to its best checkpoint",
            priority=True,
            show=True,
        ),
        bind("ctrl+x", "stop", "Stop", "steer.stop", "Save, and end the engine", priority=True, show=True),
        bind("escape", "leave", "Back", "steer.back", "Back to the run", show=True),
    ]
    DEFAULT_CSS = """
    SteerScreen .number, SteerScreen .whole { width: 12; }
    SteerScreen Field > .label { width: 15; }
    SteerScreen Field > .after { width: 1fr; margin-left: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    SteerScreen #answer { height: auto; min-height: 1; max-height: 3; color: $success; }
    SteerScreen #answer.-error { color: $error; }
    SteerScreen Form { height: auto; max-height: 100%; }
    SteerScreen.-narrow Field > .after { display: none; }
    SteerScreen.-short .dialog, SteerScreen.-line .dialog { border: none; }
    """

    def __init__(self, live: LiveScreen) -> None:
        super().__init__()
        self._live = live
        self._shown: dict[str, str] = {}
        self._answered: object = None

    def compose(self) -> ComposeResult:
        view = self._live.view
        self._shown = _texts(view.snapshot) if view is not None else {}
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Steer: enter sends a change"
            yield Static(id="answer")
            with Form():
                for name, about in SETTINGS.items():
                    kind = {"prompt": "text", "bptt": "whole"}.get(name, "number")
                    label = NAMES.get(name, name.replace("_", " "))
                    yield Field(label, Entry(self._shown.get(name, ""), id=name, kind=kind), after=about)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._answered = self._answer().get("request")
        self.watch(self._live, "view", self._seen, init=False)

    def _answer(self) -> dict[str, Any]:
        """Return the newest answer of the engine."""
        events = self._live.view.snapshot.events if self._live.view is not None else ()
        return next((event for event in reversed(events) if event.get("event") == "answered"), {})

    def _seen(self, view: RunView | None) -> None:
        """Show what the engine answered, and settings that have changed, unless they are being typed over."""
        if view is None or not self.is_usable:
            return
        answer = self._answer()
        if answer.get("request") != self._answered:
            self._answered = answer.get("request")
            self._say(wording.told(answer), error=not answer.get("ok"))
        values = _texts(view.snapshot)
        for name in SETTINGS:
            entry = self.query_one(f"#{name}", Entry)
            if values[name] != self._shown.get(name) and entry.value in (self._shown.get(name), values[name]):
                entry.value = values[name]
        self._shown = values
        at = f"{one_line(view.snapshot.state, 12)} · step {wording.count(view.snapshot.step)}"
        self.query_one(".dialog").border_subtitle = Content(at)
        if view.snapshot.ended:
            self._say("The engine has ended; nothing can be changed now.", error=True)

    def _say(self, said: str, *, error: bool = False) -> None:
        line = self.query_one("#answer", Static)
        line.update(Text(safe(said)))
        line.set_class(error, "-error")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = str(event.input.id)
        try:
            value = requests.parse_change(name, event.value.strip() if name != "prompt" else event.value)
            if value is None:
                raise UsageError(f"set: {name} needs a value.")
        except UsageError as error:
            self._say(str(error), error=True)
            return
        self._say(f"asked for {name} {value} …")
        self._live.send("set", key=name, value=value)

    def action_ask(self, op: str) -> None:
        self._say(f"asked to {op} …")
        self._live.send(op)

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


class WriteScreen(Dialog[dict[str, Any] | None]):
    """Asks how the next text is to be written."""

    HELP: ClassVar[str] = """\
The network writes a text now, with the weights as they are: after the words it shall begin with, at a temperature. \
Below 1 it keeps to what it is sure of and repeats itself; above 1 it dares more and errs more. The text stands in the \
run's panel, with the older ones (left and right).
"""
    AUTO_FOCUS = "#prompt"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("ctrl+s,f5", "write", "Write", "write.start", "Generate a sample", show=True, priority=True),
        bind("escape", "leave", "Back", "write.back", "Nothing is written", show=True),
    ]
    DEFAULT_CSS = """
    WriteScreen .number { width: 8; }
    WriteScreen #said { color: $error; height: auto; }
    """

    def __init__(self, prompt: str, temperature: object) -> None:
        super().__init__()
        self._prompt, self._temperature = prompt, temperature

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Generate a sample"
            dialog.border_subtitle = "enter writes"
            with Form():
                yield Field(
                    "begins with",
                    Entry(self._prompt, id="prompt", placeholder="nothing"),
                )
                heat = Entry(str(self._temperature), id="temperature", kind="number")
                yield Field("temperature", heat, after="below 1 safer, above 1 wilder")
            yield Static(id="said")
        yield Footer(show_command_palette=False, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_write()

    def action_write(self) -> None:
        prompt = self.query_one("#prompt", Entry).value
        try:
            temperature = config.convert("temperature", self.query_one("#temperature", Entry).value, "write")
        except UsageError as error:
            self.query_one("#said", Static).update(Text(safe(str(error))))
            return
        self.dismiss({"prompt": prompt, "temperature": temperature})

    def action_leave(self) -> None:
        self.dismiss(None)


@dataclass(frozen=True, slots=True)
class Fork:
    """What a fork is to be."""

    at: str
    name: str
    changes: dict[str, str] = field(default_factory=dict)


class ForkScreen(Dialog[Fork | None]):
    """Asks where a fork begins and what is different in it."""

    HELP: ClassVar[str] = """\
A fork is a new run that begins with the weights, the moments and the place in the text of a checkpoint of this one, \
and goes its own way from there. Its curve begins with this one's.
"""
    AUTO_FOCUS = "#at"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("ctrl+s,f5", "fork", "Fork", "fork.start", "Make the fork, and start it", priority=True, show=True),
        bind("escape", "leave", "Back", "fork.back", "Nothing is forked", show=True),
    ]
    DEFAULT_CSS = """
    ForkScreen #about { height: 2; color: $foreground 75%; }
    """

    def __init__(self, snapshot: RunSnapshot) -> None:
        super().__init__()
        self._snapshot = snapshot

    def compose(self) -> ComposeResult:
        seen = self._snapshot
        steps = str(2 * seen.step) if seen.state == "finished" else ""
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = Content(f"Fork of {one_line(seen.run.name)}")
            dialog.border_subtitle = "a new run beside this one"
            with Form():
                yield Field("begins at", Choice(("latest", "best"), "latest", id="at"), about=_FORK["at"])
                yield Field("lr", Entry("", id="lr", placeholder="as it is", kind="number"), about=_FORK["lr"])
                dropout = Entry("", id="dropout", placeholder="as it is", kind="number")
                yield Field("dropout", dropout, about=_FORK["dropout"])
                steps_field = Entry(steps, id="steps", placeholder=f"as it is: {seen.steps}", kind="whole")
                yield Field("steps", steps_field, about=_FORK["steps"])
                yield Field("name", Entry("", id="name", placeholder=f"{seen.run.name}-fork"), about=_FORK["name"])
            yield Static(id="about")
        yield Footer(show_command_palette=False, compact=True)

    def on_descendant_focus(self) -> None:
        self.query_one("#about", Static).update(Text(self.query_one(Form).about))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_fork()

    def action_fork(self) -> None:
        values = {name: self.query_one(f"#{name}", Entry).value.strip() for name in ("lr", "dropout", "steps")}
        try:
            for name, value in values.items():
                if value:
                    config.convert(name, value, "fork")
        except UsageError as error:
            cast("LstmtuiApp", self.app).show_message(str(error), error=True)
            return
        changes = {name: value for name, value in values.items() if value}
        self.dismiss(Fork(self.query_one("#at", Choice).value, self.query_one("#name", Entry).value.strip(), changes))

    def action_leave(self) -> None:
        self.dismiss(None)


_FORK = {
    "at": "The newest checkpoint, or the one that did best on validation.",
    "lr": "Another learning rate, if you like.",
    "dropout": "Another dropout, if you like.",
    "steps": "How many steps the whole schedule has, those already taken included.",
    "name": "What the fork is called.",
}
