"""Options of a sample that the model generates now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from lstmtui import config
from lstmtui.errors import UsageError
from lstmtui.runs.snapshot import Sample
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog
from lstmtui.tui.widgets.fields import Field, Form, LineInput
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.panels import SamplePanel
from lstmtui.tui.widgets.status_line import StatusLine


class SampleScreen(Dialog[dict[str, Any] | None]):
    """Asks for the prompt and the temperature of a sample, or for a sentence to translate."""

    HELP: ClassVar[str] = """\
The network generates a sample now, with its present weights, after a prompt and at a temperature. Below 1 it is safer \
and repeats itself; above 1 it is more varied and makes more errors. The sample is shown in the panel of the run, with \
the older ones (left and right); the newest one is also here. The stronger the ground of a token, the less the network \
expected it; underlined is the longest passage that the training text contains.

A run of translation translates a sentence with its present weights, or without one three of the validation pairs.
"""
    AUTO_FOCUS = "#prompt"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("save", "generate", "Generate", "write.start", "Generate a sample", priority=True),
        bind("back", "leave", "Back", "write.back", "Back, without a sample"),
    ]
    DEFAULT_CSS = """
    SampleScreen .number { width: 8; }
    SampleScreen SamplePanel { height: auto; max-height: 7; }
    SampleScreen.-tall SamplePanel { max-height: 14; }
    SampleScreen.-short SamplePanel, SampleScreen.-line SamplePanel { display: none; }
    """

    def __init__(
        self, prompt: str, temperature: object, *, translates: bool = False, samples: Sequence[Sample] = ()
    ) -> None:
        """Ask with these values in the fields; the newest of `samples` is shown below them."""
        super().__init__()
        self._prompt, self._temperature, self._translates = prompt, temperature, translates
        self._newest = tuple(samples[-1:])

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Translate a sentence" if self._translates else "Generate a sample"
            dialog.border_subtitle = "enter translates" if self._translates else "enter generates"
            with Form():
                if self._translates:
                    yield Field("source", LineInput("", id="prompt", placeholder="none: three validation pairs"))
                else:
                    yield Field("prompt", LineInput(self._prompt, id="prompt", placeholder="none"))
                    temperature = LineInput(str(self._temperature), id="temperature", kind="number")
                    yield Field("temperature", temperature, after="below 1 safer, above 1 wilder")
            yield StatusLine(id="status")
            if self._newest:
                yield SamplePanel(classes="panel")
        yield KeyBar()

    def on_mount(self) -> None:
        super().on_mount()
        for panel in self.query(SamplePanel):
            panel.samples = self._newest

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_generate()

    def action_generate(self) -> None:
        prompt = self.query_one("#prompt", LineInput).value
        if self._translates:
            self.dismiss({"prompt": prompt})
            return
        try:
            temperature = config.convert("temperature", self.query_one("#temperature", LineInput).value, "write")
        except UsageError as error:
            self.query_one(StatusLine).set_text(str(error), error=True)
            return
        self.dismiss({"prompt": prompt, "temperature": temperature})

    def action_leave(self) -> None:
        self.dismiss(None)
