"""A line for the path of a file: typed, pasted, or completed with Tab."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from lstmtui.tui.file_names import Completion, complete, given_path
from lstmtui.tui.keys import bind
from lstmtui.tui.widgets.fields import LineInput

MAX_CHOICES = 20
"""Names of files that are listed."""


class PathLine(Horizontal):
    """A label and the line."""

    DEFAULT_CSS = """
    PathLine { height: 1; padding: 0 1; }
    PathLine Static { width: auto; color: $foreground 60%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("complete", "complete", "Complete", "path.complete", "Complete the name of the file"),
    ]

    class Remark(Message):
        """What there is to say of what was typed."""

        def __init__(self, text: str, *, error: bool = False) -> None:
            super().__init__()
            self.text, self.error = text, error

    def __init__(self, label: str, placeholder: str, endings: tuple[str, ...], *, noun: str, verb: str) -> None:
        """`endings` are those of the files that are offered, `noun` what they are, `verb` what enter does with one."""
        super().__init__(id="line")
        self._label, self._placeholder, self._endings = label, placeholder, endings
        self._noun, self._verb = noun, verb

    def compose(self) -> ComposeResult:
        yield Static(f"{self._label} ")
        yield LineInput("", id="file", placeholder=self._placeholder)

    @property
    def path(self) -> Path | None:
        """The path that the text means; None where there is no text."""
        return given_path(self.query_one(Input).value)

    def action_complete(self) -> None:
        self._complete(self.query_one(Input).value)

    @work(thread=True, group="complete", exclusive=True)
    def _complete(self, text: str) -> None:
        try:
            found = complete(text, self._endings)
        except (OSError, ValueError) as error:
            self.post_message(self.Remark(f"This folder cannot be read ({_reason(error)}).", error=True))
            return
        self.call_later(self._completed, text, found)

    def _completed(self, text: str, found: Completion) -> None:
        if not self.is_attached:
            return
        line = self.query_one(Input)
        if line.value != text:
            return  # typed on meanwhile
        line.value = found.text
        line.cursor_position = len(found.text)
        if not found.choices:
            self.post_message(self.Remark(f"No {self._noun} and no folder begins with this name.", error=True))
        elif len(found.choices) == 1:
            self.post_message(
                self.Remark("Tab lists the folder." if found.text.endswith("/") else f"enter {self._verb} it.")
            )
        else:
            more = len(found.choices) - MAX_CHOICES
            listed = "  ".join(found.choices[:MAX_CHOICES])
            self.post_message(self.Remark(f"{listed}{f'  and {more:,} more' if more > 0 else ''}"))


def _reason(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
