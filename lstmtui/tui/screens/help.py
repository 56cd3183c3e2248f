"""Help: what the screen below shows, and every key it has."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static


class HelpScreen(ModalScreen[None]):
    """Words about a screen (its HELP) and its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,question_mark", "dismiss", "Close")]
    DEFAULT_CSS = """
    HelpScreen > .dialog {
        width: 74;
    }
    """

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self._words = str(getattr(about, "HELP", ""))
        self._keys = [
            (
                self._displayed(about, active.binding),
                active.binding.tooltip,
            )
            for active in about.active_bindings.values()
            if active.binding.tooltip and not active.binding.system
        ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog panel") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "escape closes"
            yield Static(Text(self._words.strip() + "\n"))
            table = Table.grid(padding=(0, 2))
            table.add_column(no_wrap=True, style="bold")
            table.add_column()
            for key, meaning in dict.fromkeys(self._keys):
                table.add_row(Text(key), Text(meaning))
            yield Static(table)

    @staticmethod
    def _displayed(about: Screen[object], binding: Binding) -> str:
        return about.app.get_key_display(binding)
