"""Help: what the screen below and its focused part show, all their keys in groups, and the way to the manual."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from lstmtui.common.terminal_text import safe
from lstmtui.tui.keys import GROUPS, bind, group_of
from lstmtui.tui.screens.base import Dialog
from lstmtui.tui.widgets import shades
from lstmtui.tui.widgets.fields import LineInput
from lstmtui.tui.widgets.key_bar import KeyBar

FOCUSED = "The focused part"
CONFIGURATION = """
Keys can be changed in the configuration file, by the names in the last column:

    [screens.keys]
    "live.pause" = "p,space"
"""
Row = tuple[str, str, str]
"""Keys, meaning and the name of the binding."""


class HelpScreen(Dialog[None]):
    """The HELP text of a screen and its keys in groups, those of the focused part first; a word filters them."""

    AUTO_FOCUS = "#filter"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("help", "app.manual", "Manual", "help.manual", "Read the manual", priority=True, typing=True),
        bind("back", "dismiss", "Close", "help.close", "Back to the screen"),
        bind("up", "scroll(-1)", "Up", "help.up", ""),
        bind("down", "scroll(1)", "Down", "help.down", ""),
        bind("page-up", "page(-1)", "Page up", "help.page-up", ""),
        bind("page-down", "page(1)", "Page down", "help.page-down", ""),
    ]
    DEFAULT_CSS = """
    HelpScreen #filter { margin-bottom: 1; }
    HelpScreen VerticalScroll { height: auto; max-height: 1fr; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    HelpScreen .dialog { height: 100%; }
    HelpScreen.-line #filter, HelpScreen.-short #filter { margin: 0; }
    """

    def __init__(self, screen: Screen[object]) -> None:
        super().__init__()
        self._text = shades.without_braille(screen, str(getattr(screen, "HELP", ""))).strip()
        self._focused_text = _focused_help(screen)
        self._groups: dict[str, list[Row]] = {}
        found: dict[tuple[str, str, str], list[str]] = {}
        for active in screen.active_bindings.values():
            binding, node = active.binding, active.node
            is_widget = isinstance(node, Widget) and not isinstance(node, Screen)
            if binding.tooltip and not (binding.system and not is_widget):
                group = FOCUSED if is_widget else group_of(binding)
                display = screen.app.get_key_display(binding)
                found.setdefault((group, binding.tooltip, _name(binding)), []).append(display)
        for group in (FOCUSED, *GROUPS):
            rows = [
                (" ".join(dict.fromkeys(keys)), about, name) for (of, about, name), keys in found.items() if of == group
            ]
            if rows:
                self._groups[group] = rows

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "f1 reads the manual  escape closes"
            yield LineInput("", id="filter", placeholder="a word, to find a key …")
            with VerticalScroll(can_focus=False):
                yield Static(self._shown(""), id="shown")
        yield KeyBar()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#shown", Static).update(self._shown(event.value.strip()))
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def _shown(self, words: str) -> Group:
        """Return everything, or the keys whose key, meaning or name has all the words."""
        parts: list[Text | Table] = []
        if not words:
            parts += [Text(f"{text}\n") for text in (self._focused_text, self._text) if text]
        for group, rows in self._groups.items():
            matching = [
                row for row in rows if all(word in f"{group} {' '.join(row)}".lower() for word in words.lower().split())
            ]
            if matching:
                parts += [Text(group, style="bold"), _table(matching), Text("")]
        if words and not parts:
            parts.append(Text(f"No key has to do with '{safe(words)}'. The manual may: f1."))
        if not words:
            parts.append(Text(CONFIGURATION.strip(), style="dim"))
        return Group(*parts)

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        part = self.query_one(VerticalScroll)
        part.scroll_relative(y=by * max(1, part.size.height - 1), animate=False)


def _name(binding: Binding) -> str:
    return binding.id or ""


def _focused_help(screen: Screen[object]) -> str:
    """Return the HELP text of the focused widget, or of the nearest widget around it that has one."""
    focused = screen.focused
    while focused is not None and focused is not screen:
        if text := getattr(focused, "HELP", None):
            return str(text).strip()
        focused = focused.parent if isinstance(focused.parent, Widget) else None
    return ""


def _table(rows: list[Row]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold", min_width=8)
    table.add_column(ratio=1)
    table.add_column(no_wrap=True, style="dim")
    for keys, meaning, name in rows:
        table.add_row(Text(f" {keys}"), Text(meaning), Text(name))
    return table
