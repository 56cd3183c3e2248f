"""Jump mode: a letter on each part that can have the focus; its key goes there."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Label

from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog

LETTERS = "asdfgqwertzxcvbhjklyuiopnm"


def targets(screen: Screen[object]) -> list[tuple[Widget, Region]]:
    """Return the visible widgets that can have the focus, with their regions, in reading order."""
    visible = []
    for widget in screen.focus_chain:
        region = widget.region.intersection(screen.region)
        if region.area:
            visible.append((widget, region))
    visible.sort(key=lambda pair: (pair[1].y, pair[1].x))
    return visible[: len(LETTERS)]


class JumpScreen(Dialog[None]):
    """A transparent screen of letters over another one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("back", "dismiss", "Back", "jump.back", "Back without moving the focus"),
        bind("jump", "dismiss", "Back", "jump.again", ""),
    ]
    DEFAULT_CSS = """
    JumpScreen {
        background: transparent;
        align: left top;
        layers: letters;
    }
    JumpScreen > Label {
        layer: letters;
        position: absolute;
        width: auto;
        height: 1;
        padding: 0 1;
        background: $warning;
        color: $background;
        text-style: bold reverse;
    }
    """

    def __init__(self, over: Screen[object]) -> None:
        super().__init__()
        self._over = over
        self._targets = targets(over)

    def compose(self) -> ComposeResult:
        for letter, (_, region) in zip(LETTERS, self._targets, strict=False):
            label = Label(letter, markup=False)
            label.styles.offset = region.offset
            yield label

    def on_key(self, event: events.Key) -> None:
        at = LETTERS.find(event.character or " ")
        if 0 <= at < len(self._targets):
            event.stop()
            self.dismiss()
            self._over.set_focus(self._targets[at][0])

    def on_resize(self, event: events.Resize) -> None:
        if [region for _, region in targets(self._over)] != [region for _, region in self._targets]:
            self.dismiss()
