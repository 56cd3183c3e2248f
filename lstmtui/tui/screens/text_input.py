"""A text to inspect: typed, pasted, or loaded from a file."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static, TextArea

from lstmtui.common.terminal_text import safe
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog
from lstmtui.tui.textual_patches.text_area import SafeTextArea
from lstmtui.tui.widgets.fields import LineInput

MAX_FILE_BYTES = 16_000
"""Bytes of a file that are loaded."""


class TextInputScreen(Dialog[str | None]):
    """Returns the text, or None when it is not to change."""

    AUTO_FOCUS = "#text"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("save", "done", "Read it", "text.done", "Read the text", priority=True, typing=True),
        bind("back", "dismiss(None)", "Cancel", "text.back", "Keep the text before", priority=True),
    ]
    DEFAULT_CSS = """
    TextInputScreen > .dialog { width: 90%; height: 80%; }
    TextInputScreen #text { height: 1fr; border: none; background: $surface; }
    TextInputScreen #file { height: 1; border: none; padding: 0; background: $panel; }
    TextInputScreen .hint { height: auto; color: $foreground 75%; }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Text to inspect"
            dialog.border_subtitle = "ctrl+s reads it   escape cancels"
            yield Static(
                "Type or paste a text: it takes the place of the one below. Or load the beginning of a file (tab goes "
                "there):",
                classes="hint",
            )
            yield LineInput("", placeholder="path of a file, then enter", id="file")
            yield Static(id="problem", classes="hint")
            yield SafeTextArea(self._text, id="text", soft_wrap=True, tab_behavior="focus")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#text", TextArea).select_all()  # what is typed or pasted replaces it

    @on(Input.Submitted)
    def _load(self, event: Input.Submitted) -> None:
        problem = self.query_one("#problem", Static)
        if not event.value.strip():  # an empty path would be the current folder
            problem.update(Text("Give the path of a file.", style="bold"))
            return
        path = Path(event.value.strip()).expanduser()
        try:
            with open(path, "rb") as file:
                # A character that is cut at the end is dropped.
                text = codecs.getincrementaldecoder("utf-8")("replace").decode(file.read(MAX_FILE_BYTES))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            problem.update(Text(safe(f"{path} cannot be read ({reason}).", newlines=False), style="bold"))
            return
        problem.update("")
        area = self.query_one("#text", TextArea)
        area.text = text.replace("\r\n", "\n")
        area.focus()

    def action_done(self) -> None:
        self.dismiss(self.query_one("#text", TextArea).text)
