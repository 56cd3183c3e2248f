"""A fork of a run: where it begins and what differs in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from lstmtui import config
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import UsageError
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog
from lstmtui.tui.widgets.fields import Field, Form, LineInput, Selector
from lstmtui.tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from lstmtui.tui.app import LstmtuiApp


@dataclass(frozen=True, slots=True)
class Fork:
    """The options of a fork."""

    at: str
    name: str
    changes: dict[str, str] = field(default_factory=dict)


class ForkScreen(Dialog[Fork | None]):
    """Asks where a fork begins and what differs in it."""

    HELP: ClassVar[str] = """\
A fork is a new run that continues from a checkpoint of this one: its weights, moments and place in the text. Its \
curve begins with this one's.
"""
    AUTO_FOCUS = "#at"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("save", "fork", "Fork", "fork.start", "Make the fork, and start it", priority=True),
        bind("back", "leave", "Back", "fork.back", "Back, without a fork"),
    ]
    DEFAULT_CSS = """
    ForkScreen #about { height: 2; color: $foreground 75%; }
    """

    def __init__(self, snapshot: RunSnapshot) -> None:
        super().__init__()
        self._snapshot = snapshot

    def compose(self) -> ComposeResult:
        run = self._snapshot
        steps = str(2 * run.step) if run.state == "finished" else ""
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = Content(f"Fork of {one_line(run.run.name)}")
            dialog.border_subtitle = "a new run beside this one"
            with Form():
                yield Field("begins at", Selector(("latest", "best"), "latest", id="at"), about=_ABOUT["at"])
                rate = LineInput("", id="lr", placeholder="unchanged", kind="number")
                yield Field("learning rate", rate, about=_ABOUT["lr"])
                dropout = LineInput("", id="dropout", placeholder="unchanged", kind="number")
                yield Field("dropout", dropout, about=_ABOUT["dropout"])
                steps_field = LineInput(steps, id="steps", placeholder=f"unchanged: {run.steps}", kind="whole")
                yield Field("steps", steps_field, about=_ABOUT["steps"])
                yield Field("name", LineInput("", id="name", placeholder=f"{run.run.name}-fork"), about=_ABOUT["name"])
            yield Static(id="about")
        yield KeyBar()

    def on_descendant_focus(self) -> None:
        self.query_one("#about", Static).update(Text(self.query_one(Form).about))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_fork()

    def action_fork(self) -> None:
        values = {name: self.query_one(f"#{name}", LineInput).value.strip() for name in ("lr", "dropout", "steps")}
        try:
            for name, value in values.items():
                if value:
                    config.convert(name, value, "fork")
        except UsageError as error:
            cast("LstmtuiApp", self.app).show_message(str(error), error=True)
            return
        changes = {name: value for name, value in values.items() if value}
        name = self.query_one("#name", LineInput).value.strip()
        self.dismiss(Fork(self.query_one("#at", Selector).value, name, changes))

    def action_leave(self) -> None:
        self.dismiss(None)


_ABOUT = {
    "at": "The newest checkpoint, or the best one on validation.",
    "lr": "Another learning rate. Empty: unchanged.",
    "dropout": "Another dropout. Empty: unchanged.",
    "steps": "Steps of the whole schedule, including those already done.",
    "name": "The name of the fork.",
}
