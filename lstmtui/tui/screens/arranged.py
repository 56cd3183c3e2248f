"""Screens of panels that are shown and hidden by number, with borders that move; the layout is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.binding import BindingType

from lstmtui.errors import LstmtuiError
from lstmtui.tui import preferences
from lstmtui.tui.keys import bind
from lstmtui.tui.panel_layout import PANELS, SPLITS, PanelLayout
from lstmtui.tui.screens.charted import ChartedScreen
from lstmtui.tui.widgets.split import Split

if TYPE_CHECKING:
    from lstmtui.tui.app import LstmtuiApp

SELECTORS = {1: "#loss", 2: "#numbers", 3: "#sample", 4: "#gates, .heat"}
"""What the number of a panel shows or hides."""
MIN_COLUMNS_OF_THREE = 160
"""Columns of a screen from which on there are three."""


class ArrangedScreen(ChartedScreen[None]):
    """A screen whose panels are in containers with the ids SPLITS."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            bind(f"panel-{n}", f"panel({n})", name.capitalize(), f"live.panel-{n}", f"Show or hide the {name}")
            for n, name in PANELS.items()
        ),
        bind("narrower", "border(-1, True)", "Border left", "live.border-left", "Move the border to the left"),
        bind("wider", "border(1, True)", "Border right", "live.border-right", "Move the border to the right"),
        bind("lower", "border(-1, False)", "Border up", "live.border-up", "Move the border up"),
        bind("higher", "border(1, False)", "Border down", "live.border-down", "Move the border down"),
        bind("reset-layout", "reset_layout", "Layout", "live.layout", "All panels, in their usual sizes"),
    ]

    def show_layout(self) -> None:
        """Hide and size the panels as they were left."""
        layout = self.layout_left
        for number, selector in SELECTORS.items():
            for panel in self.query(selector):
                panel.set_class(number in layout.hidden, "-off")
        for split in self._splits():
            split.share = layout.shares.get(str(split.id))
        self.call_after_refresh(self._fit)

    @property
    def layout_left(self) -> PanelLayout:
        """The layout as it was left."""
        return cast("LstmtuiApp", self.app).panel_layout

    def _splits(self) -> list[Split]:
        return [self.query_one(f"#{name}", Split) for name in SPLITS]

    def on_resize(self) -> None:
        self.set_class(self.size.width >= MIN_COLUMNS_OF_THREE, "-huge")
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Take containers without a panel away."""
        if not self.is_usable:
            return
        whole, *inner = self._splits()
        for split in inner:
            split.set_class(not split.parts(), "-off")
        for split in (whole, *inner):
            split.refit()

    # --- keys -----------------------------------------------------------------------------------------------------

    def action_panel(self, number: int) -> None:
        layout = self.layout_left.toggled(number)
        if len(layout.hidden) == len(PANELS):
            self.show_message("The last panel stays; = shows all of them.")
            return
        self._leave(layout)
        if number not in layout.hidden and not any(panel.display for panel in self.query(SELECTORS[number])):
            self.show_message(f"The {PANELS[number]} need a larger screen.")

    def action_border(self, steps: int, sideways: bool) -> None:
        around = self.focused.ancestors if self.focused is not None else []
        nearest = [node for node in around if isinstance(node, Split)]
        for split in (*nearest, *self._splits()):
            if split.is_horizontal == sideways and split.move_by(steps):
                return
        self.show_message(f"No panels are {'side by side' if sideways else 'below each other'} here.")

    def on_split_moved(self) -> None:
        layout = self.layout_left
        for split in self._splits():
            layout = layout.moved(str(split.id), split.share)
        self._leave(layout)

    def action_reset_layout(self) -> None:
        self._leave(PanelLayout())

    def _leave(self, layout: PanelLayout) -> None:
        """Show a layout, and keep it."""
        if layout != self.layout_left:
            cast("LstmtuiApp", self.app).panel_layout = layout
            self._keep(layout.text())
        self.show_layout()

    @work(thread=True, group="layout", exclusive=True)
    def _keep(self, text: str) -> None:
        try:
            preferences.save("layout", text)
        except LstmtuiError as error:
            self.show_message(str(error), error=True)
