"""The layout of the live screen as a person left it: hidden panels, and the shares of moved borders.

As one text in the configuration: "hidden 2 4, panels 0.4, lower 0.55".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lstmtui.errors import UsageError

SPLITS = ("panels", "upper", "lower")
"""The ids of the containers whose borders move."""
PANELS = {1: "loss", 2: "figures", 3: "sample", 4: "gates"}
"""What the number of each panel shows or hides."""


@dataclass(frozen=True, slots=True)
class PanelLayout:
    """Which panels are hidden, and which share of its container the part before a moved border has."""

    hidden: frozenset[int] = frozenset()
    shares: Mapping[str, float] = field(default_factory=dict)

    def toggled(self, number: int) -> PanelLayout:
        """Return the layout with a panel shown or hidden."""
        return replace(self, hidden=self.hidden ^ {number})

    def moved(self, split: str, share: float | None) -> PanelLayout:
        """Return the layout with another share; None is the usual one."""
        shares = {name: value for name, value in self.shares.items() if name != split}
        return replace(self, shares=shares if share is None else {**shares, split: share})

    def text(self) -> str:
        """Return it as the configuration has it; empty for the usual layout."""
        parts = [f"hidden {' '.join(map(str, sorted(self.hidden)))}"] if self.hidden else []
        return ", ".join([*parts, *(f"{name} {share:g}" for name, share in sorted(self.shares.items()))])


def parse(text: str) -> PanelLayout:
    """Return the layout that a text describes. Raises UsageError."""
    layout = PanelLayout()
    for part in filter(None, (part.split() for part in text.split(","))):
        name, *values = part
        try:
            if name == "hidden" and set(map(int, values)) < set(PANELS):
                layout = replace(layout, hidden=frozenset(map(int, values)))
                continue
            if name in SPLITS and len(values) == 1 and 0 < float(values[0]) < 1:
                layout = layout.moved(name, float(values[0]))
                continue
        except ValueError:
            pass
        raise UsageError(
            f"screens.layout: '{' '.join(part)[:40]}' is none of 'hidden' with numbers of panels, not all of "
            f"{', '.join(map(str, PANELS))}, and {', '.join(SPLITS)} with a share between 0 and 1."
        )
    return layout
