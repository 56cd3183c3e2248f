"""Help: what the screen below and its focused part show, and every key they have."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog

CONFIGURE = """
Keys can be changed in the configuration file, by the names in the last column:

    [screens.keys]
    "live.pause" = "p,space"
"""


class HelpScreen(Dialog[None]):
    """Words about a screen (its HELP) and its keys, those of the focused part first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape,f1,q,question_mark", "dismiss", "Close", "help.close", "Back to the screen", show=True)
    ]

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self._words = str(getattr(about, "HELP", ""))
        self._part = _part(about)
        active = [found for found in about.active_bindings.values() if found.binding.tooltip]
        mine = [found for found in active if isinstance(found.node, Widget) and not isinstance(found.node, Screen)]
        others = [found for found in active if found not in mine and not found.binding.system]
        self._sections = [
            [(about.app.get_key_display(f.binding), f.binding) for f in part] for part in (mine, others) if part
        ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog panel") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "escape closes"
            if self._part:
                yield Static(Text(f"{self._part}\n"))
            yield Static(Text(self._words.strip() + "\n"))
            for section in self._sections:
                yield Static(_table(section))
            yield Static(Text(CONFIGURE, style="dim"))
        yield Footer(show_command_palette=False, compact=True)


def _part(about: Screen[object]) -> str:
    """Return what the focused part is, where it says so."""
    focused = about.focused
    while focused is not None and focused is not about:
        if said := getattr(focused, "HELP", None):
            return str(said).strip()
        focused = focused.parent if isinstance(focused.parent, Widget) else None
    return ""


def _table(keys: list[tuple[str, Binding]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold", min_width=6)
    table.add_column(ratio=1)
    table.add_column(no_wrap=True, style="dim")
    rows: dict[tuple[str, str], list[str]] = {}
    for key, binding in keys:
        rows.setdefault((binding.tooltip, binding.id or ""), []).append(key)
    for (meaning, name), said in rows.items():
        table.add_row(Text(" ".join(dict.fromkeys(said))), Text(meaning), Text(name))
    return table
