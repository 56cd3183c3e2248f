"""What a speech model heard in recordings, beside what was said."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.common.terminal_text import safe
from lstmtui.reports.transcript_errors import picture

LEGEND = "~ wrong  + extra  - missing"
_STYLES = {"said": "$foreground 60%", "heard": "bold", "right": "$success", "marks": "bold $error"}


class Transcripts(Widget):
    """The transcripts of some recordings; every error is marked, without colour too."""

    DEFAULT_CSS = """
    Transcripts { height: auto; width: 1fr; text-wrap: nowrap; }
    """

    pairs: reactive[tuple[tuple[str, str], ...]] = reactive((), layout=True)
    """What was said, and what was heard, of each recording."""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join([Content.styled(line, _STYLES[kind]) for line, kind in self._lines(self.size.width)])

    def _lines(self, width: int) -> list[tuple[str, str]]:
        return [
            line
            for said, heard in self.pairs
            for line in picture(safe(said, newlines=False), safe(heard, newlines=False), width)
        ]
