"""Ranked completions with their probabilities."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.client.model import Candidate
from lstmtui.common.terminal_text import one_line
from lstmtui.tui.widgets.braille import horizontal_bar


class Candidates(Widget):
    """One line a candidate: rank, text, bar and percentage; the chosen one is marked."""

    DEFAULT_CSS = """
    Candidates {
        height: auto;
        width: 1fr;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    candidates: reactive[tuple[Candidate, ...]] = reactive((), layout=True)
    chosen: reactive[int] = reactive(0)
    begun: reactive[str] = reactive("")
    """The letters of the word at the cursor, which all candidates continue that do not replace it."""
    empty_text: reactive[str] = reactive("", layout=True)
    """Shown while there are none."""

    def render(self) -> Content:
        if not self.candidates:
            return Content.styled(one_line(self.empty_text), "$foreground 60%")
        width = max(1, self.size.width)
        bar = 8 if width >= 30 else 0
        room = max(1, width - bar - 10)
        lines = [self._line(index, candidate, room, bar) for index, candidate in enumerate(self.candidates)]
        return Content("\n").join(lines)

    def _line(self, index: int, candidate: Candidate, room: int, bar: int) -> Content:
        chosen = index == self.chosen
        typed = "" if candidate.replaces or candidate.text[:1].isspace() else one_line(self.begun)
        whole = ("↶ " if candidate.replaces else typed) + printable_candidate(candidate.text)
        text = Content(whole).truncate(room, ellipsis=True, pad=True)
        share = min(1.0, max(0.0, candidate.probability))
        return Content.assemble(
            ("▸" if chosen else " ", "bold $primary"),
            (f"{index + 1} ", "$foreground 60%"),
            text.stylize("bold $primary" if chosen else "$foreground"),
            " ",
            (horizontal_bar(share, bar).ljust(bar), "$primary" if chosen else "$primary 55%"),
            (f" {100 * share:4.0f}%" if share >= 0.095 else f" {100 * share:4.1f}%", "$foreground 75%"),
        )


def printable_candidate(text: str) -> str:
    """Return a candidate on one line, with line ends and outer spaces made visible."""
    text = text.replace("\r\n", "\n")
    inner = text.strip(" ")
    left, right = len(text) - len(text.lstrip(" ")), len(text) - len(text.rstrip(" "))
    if not inner:
        return "␣" * len(text)
    return one_line(f"{'␣' * left}{inner}{'␣' * right}".replace("\n", "⏎"))
