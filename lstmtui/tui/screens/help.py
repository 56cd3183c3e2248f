"""Help: what the screen below and its focused part show, all their keys, and the way to the manual."""

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
from lstmtui.tui.widgets import shades

CONFIGURATION = """
Keys can be changed in the configuration file, by the names in the last column:

    [screens.keys]
    "live.pause" = "p,space"
"""


class HelpScreen(Dialog[None]):
    """The HELP text of a screen and its keys, those of the focused part first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("m", "app.manual", "Manual", "help.manual", "Read the manual", show=True),
        bind("escape,f1,q,question_mark", "dismiss", "Close", "help.close", "Back to the screen", show=True),
    ]

    def __init__(self, screen: Screen[object]) -> None:
        super().__init__()
        self._text = shades.without_braille(screen, str(getattr(screen, "HELP", "")))
        self._focused_text = _focused_help(screen)
        active = [found for found in screen.active_bindings.values() if found.binding.tooltip]
        focused = [found for found in active if isinstance(found.node, Widget) and not isinstance(found.node, Screen)]
        others = [found for found in active if found not in focused and not found.binding.system]
        self._sections = [
            [(screen.app.get_key_display(f.binding), f.binding) for f in part] for part in (focused, others) if part
        ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog panel") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "m reads the manual  escape closes"
            if self._focused_text:
                yield Static(Text(f"{self._focused_text}\n"))
            yield Static(Text(self._text.strip() + "\n"))
            for section in self._sections:
                yield Static(_table(section))
            yield Static(Text(CONFIGURATION, style="dim"))
        yield Footer(show_command_palette=False, compact=True)


def _focused_help(screen: Screen[object]) -> str:
    """Return the HELP text of the focused widget, or of the nearest widget around it that has one."""
    focused = screen.focused
    while focused is not None and focused is not screen:
        if text := getattr(focused, "HELP", None):
            return str(text).strip()
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
    for (meaning, name), displays in rows.items():
        table.add_row(Text(" ".join(dict.fromkeys(displays))), Text(meaning), Text(name))
    return table
