"""A question before something that cannot be undone."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Static

from lstmtui.common.terminal_text import safe
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog
from lstmtui.tui.widgets.key_bar import KeyBar


class ConfirmScreen(Dialog[bool]):
    """Returns True on y, False on every key that means no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("yes", "answer(True)", "Yes", "confirm.yes", "Yes"),
        bind("no", "answer(False)", "No", "confirm.no", "No"),
    ]

    def __init__(self, title: str, question: str) -> None:
        super().__init__()
        self._title, self._question = title, question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = self._title
            yield Static(Text(safe(self._question)))
            yield Static(Text.assemble("\n", ("y", "bold"), " yes    ", ("n", "bold"), " no"))
        yield KeyBar()

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
