"""The command palette: every action of the screen below it, found by its help text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from lstmtui.tui.screens.base import BaseScreen
from lstmtui.tui.textual_patches.palette import ClosablePalette


class Palette(ClosablePalette, BaseScreen[Any]):
    """Textual's command palette as a screen of this application."""


class ActionCommands(Provider):
    """The actions of the screen and of its focused part."""

    def _actions(self) -> list[tuple[str, str, Callable[[], Any]]]:
        actions: dict[str, tuple[str, str, Callable[[], Any]]] = {}
        screen = self.screen
        for active in screen.active_bindings.values():
            binding = active.binding
            if not binding.tooltip or binding.system or not active.enabled:
                continue
            key = screen.app.get_key_display(binding)
            run = partial(screen.app.run_action, binding.action, active.node)
            actions.setdefault(binding.action, (binding.description, f"{binding.tooltip} ({key})", run))
        return list(actions.values())

    async def discover(self) -> Hits:
        for label, about, run in self._actions():
            yield DiscoveryHit(label, run, help=about)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for label, about, run in self._actions():
            if (score := max(matcher.match(label), 0.9 * matcher.match(about))) > 0:
                yield Hit(score, matcher.highlight(label), run, help=about)
