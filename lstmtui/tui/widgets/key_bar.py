"""The last line of a screen: as many of its keys as fit, then always the palette and the help."""

from __future__ import annotations

from typing import Any, NamedTuple

from textual import events
from textual.binding import ActiveBinding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from lstmtui.tui.keys import CHART, entry_of, group_of

ALWAYS = {"command_palette": "Commands", "help": "Help"}
"""Actions of the application that the line always has, at its end, with their labels; before them the way back."""
GAP = 2


class Shown(NamedTuple):
    """A key on the line."""

    key: str
    display: str
    label: str
    about: str

    @property
    def width(self) -> int:
        """Columns of the key and its label."""
        return len(self.display) + 1 + len(self.label)


class KeyBar(Widget):
    """Keys by importance, which is their order in BINDINGS; a click on one presses it."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
        height: 1;
        width: 1fr;
        background: $panel;
        color: $foreground 85%;
        text-wrap: nowrap;
        pointer: pointer;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: list[tuple[int, Shown]] = []
        """The first column of each key on the line."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, screen: Screen[Any]) -> None:
        if self.is_attached and screen is self.screen:
            self.refresh()

    def shown(self, width: int) -> list[Shown]:
        """Return the keys that fit into so many columns, and those that are always there."""
        fixed, others = self._keys()
        room = width - sum(key.width for key in fixed) - GAP * len(fixed)
        fitting = []
        for key in others:
            if key.width + GAP > room:
                break
            room -= key.width + GAP
            fitting.append(key)
        return [*fitting, *fixed]

    def _keys(self) -> tuple[list[Shown], list[Shown]]:
        fixed: dict[str, Shown] = {}
        others: dict[str, Shown] = {}
        charts: dict[str, Shown] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            action = binding.action.removeprefix("app.")
            if action in ALWAYS:
                fixed.setdefault(action, self._key(active, ALWAYS[action]))
            elif binding.show and active.enabled:
                chosen = fixed if entry_of(binding) == "back" else charts if group_of(binding) == CHART else others
                chosen.setdefault(binding.action, self._key(active, binding.description))
        ends = [key for action, key in fixed.items() if action not in ALWAYS][:1]
        ends += [fixed[action] for action in ALWAYS if action in fixed]
        return ends, [*others.values(), *charts.values()]

    def _key(self, active: ActiveBinding, label: str) -> Shown:
        binding = active.binding
        return Shown(binding.key, self.app.get_key_display(binding), label, active.tooltip or binding.description)

    def render(self) -> Content:
        self._places = []
        parts: list[Content | str | tuple[str, str]] = []
        at = 0
        for shown in self.shown(self.size.width):
            self._places.append((at, shown))
            parts += [(shown.display, "bold $primary"), f" {shown.label}{' ' * GAP}"]
            at += shown.width + GAP
        return Content.assemble(*parts)

    def key_at(self, column: int) -> Shown | None:
        """Return the key at a column of the line."""
        return next((shown for at, shown in self._places if at <= column < at + shown.width), None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        shown = self.key_at(event.x)
        self.tooltip = shown.about if shown is not None else None

    def on_click(self, event: events.Click) -> None:
        if (shown := self.key_at(event.x)) is not None:
            event.stop()
            self.app.simulate_key(shown.key)
