"""The last line of a screen: as many of its keys as fit, then always the palette and the help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from textual import events
from textual.app import App
from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from lstmtui.tui.keys import CHART, SHOW, entry_of, group_of

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
    """Keys by importance: their order in BINDINGS, what only changes the look last; a click on one presses it."""

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
        """Return the keys that are always there, and the others, the most important first."""
        fixed: dict[str, Shown] = {}
        others: dict[str, Shown] = {}
        later: dict[str, dict[str, Shown]] = {SHOW: {}, CHART: {}}
        places = self._places_of_bindings()
        for active in sorted(self.screen.active_bindings.values(), key=lambda one: _rank(one, places)):
            binding = active.binding
            action = binding.action.removeprefix("app.")
            if action in ALWAYS:
                fixed.setdefault(action, self._key(active, ALWAYS[action]))
            elif binding.show and active.enabled:
                chosen = fixed if entry_of(binding) == "back" else later.get(group_of(binding), others)
                chosen.setdefault(binding.action, self._key(active, binding.description))
        ends = [key for action, key in fixed.items() if action not in ALWAYS][:1]
        ends += [fixed[action] for action in ALWAYS if action in fixed]
        return ends, [*others.values(), *(key for keys in later.values() for key in keys.values())]

    def _places_of_bindings(self) -> dict[str, int]:
        """Return the place of each binding of the screen, by its name: Textual gives them by key, in no order."""
        own = [one for kind in type(self.screen).__mro__ for one in vars(kind).get("BINDINGS", ())]
        return {one.id: number for number, one in enumerate(own) if isinstance(one, Binding) and one.id}

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


def _rank(active: ActiveBinding, places: Mapping[str, int]) -> int:
    """Return where a key stands: those of the focused part first, then the screen's, then the application's."""
    if isinstance(active.node, App):
        return len(places)
    return places.get(active.binding.id or "", -1)
