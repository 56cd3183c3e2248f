"""How sure the model is, from where ghost text shows, and what was saved so far."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.tui.widgets.candidates import blocks


class Confidence(Widget):
    """Two lines: the likeliest word's probability beside the threshold, and keystrokes saved."""

    DEFAULT_CSS = """
    Confidence {
        height: 2;
        width: 1fr;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    sure: reactive[float | None] = reactive(None)
    """Probability of the likeliest word; None without one."""
    threshold: reactive[float] = reactive(0.0)
    saved: reactive[int] = reactive(0)
    """Keystrokes that were not needed."""
    characters: reactive[int] = reactive(0)
    """Characters of the text: keystrokes that it takes without help."""

    def render(self) -> Content:
        bar = 8 if self.size.width >= 27 else 0
        sure = 0.0 if self.sure is None else min(1.0, max(0.0, self.sure))
        shows = self.sure is not None and sure >= self.threshold
        gauge = (blocks(sure, bar) or "").ljust(bar)
        state = "shown" if shows else f"from {self.threshold:.0%}"
        share = f" · {self.saved / self.characters:.0%}" if self.characters else ""
        return Content("\n").join(
            [
                Content.assemble(
                    ("sure ", "$foreground 60%"),
                    (f"{sure:4.0%} ", "bold $primary" if shows else "$foreground"),
                    (gauge, "$primary" if shows else "$foreground 45%"),
                    (f" {state}", "$foreground 60%"),
                ),
                Content.assemble(
                    ("saved ", "$foreground 60%"),
                    (f"{self.saved:,}", "bold $success"),
                    (f" of {self.characters:,} keys{share}", "$foreground 60%"),
                ),
            ]
        )
