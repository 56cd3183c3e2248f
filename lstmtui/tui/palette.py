"""The command palette: every action of the screen below it, by the words that help has for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from textual import work
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.css.query import NoMatches

from lstmtui.tui.screens.base import BaseScreen

GATHER = inspect.unwrap(CommandPalette._gather_commands)


class Palette(CommandPalette, BaseScreen[Any]):
    """Textual's palette, made to be left at any moment.

    Its search is a task of its own that looks the list of commands up when it begins (Textual 8.2.8,
    CommandPalette._gather_commands), and raises NoMatches where the palette is closed again by then.
    """

    @work(exclusive=True, group=CommandPalette._GATHER_COMMANDS_GROUP)
    async def _gather_commands(self, search_value: str) -> None:
        try:
            await GATHER(self, search_value)
        except NoMatches:
            if self.is_usable:
                raise


class ActionCommands(Provider):
    """What can be done here by key, found by words; an action that the focused part has comes with it."""

    def _actions(self) -> list[tuple[str, str, Callable[[], Any]]]:
        found: dict[str, tuple[str, str, Callable[[], Any]]] = {}
        screen = self.screen
        for active in screen.active_bindings.values():
            binding = active.binding
            if not binding.tooltip or binding.system or not active.enabled:
                continue
            key = screen.app.get_key_display(binding)
            run = partial(screen.app.run_action, binding.action, active.node)
            found.setdefault(binding.action, (binding.description, f"{binding.tooltip} ({key})", run))
        return list(found.values())

    async def discover(self) -> Hits:
        for label, about, run in self._actions():
            yield DiscoveryHit(label, run, help=about)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for label, about, run in self._actions():
            if (score := max(matcher.match(label), 0.9 * matcher.match(about))) > 0:
                yield Hit(score, matcher.highlight(label), run, help=about)
