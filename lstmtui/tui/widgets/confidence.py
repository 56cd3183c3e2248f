"""The probability of the first candidate, the threshold of the suggestion, and the keystrokes saved."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.tui.widgets.braille import horizontal_bar


class Confidence(Widget):
    """Two lines: the probability of the likeliest word beside the threshold, and the keystrokes saved."""

    DEFAULT_CSS = """
    Confidence {
        height: 2;
        width: 1fr;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    probability: reactive[float | None] = reactive(None)
    """Of the likeliest word; None without one."""
    threshold: reactive[float] = reactive(0.0)
    saved: reactive[int] = reactive(0)
    """Keystrokes saved."""
    characters: reactive[int] = reactive(0)
    """Characters of the text, which are the keystrokes that it takes without suggestions."""

    def render(self) -> Content:
        bar = 8 if self.size.width >= 27 else 0
        probability = 0.0 if self.probability is None else min(1.0, max(0.0, self.probability))
        shown = self.probability is not None and probability >= self.threshold
        gauge = horizontal_bar(probability, bar).ljust(bar)
        state = "shown" if shown else f"from {self.threshold:.0%}"
        share = f" · {self.saved / self.characters:.0%}" if self.characters else ""
        return Content("\n").join(
            [
                Content.assemble(
                    ("sure ", "$foreground 60%"),
                    (f"{probability:4.0%} ", "bold $primary" if shown else "$foreground"),
                    (gauge, "$primary" if shown else "$foreground 45%"),
                    (f" {state}", "$foreground 60%"),
                ),
                Content.assemble(
                    ("saved ", "$foreground 60%"),
                    (f"{self.saved:,}", "bold $success"),
                    (f" of {self.characters:,} keys{share}", "$foreground 60%"),
                ),
            ]
        )
