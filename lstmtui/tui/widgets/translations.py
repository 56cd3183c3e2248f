"""Ranked translations of a sentence, and what the chosen one has read."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.client.translator import Translation
from lstmtui.common.terminal_text import one_line
from lstmtui.reports.alignment import MAX_LABEL, Alignment, picture

MIN_HEADER = 6
"""Rows of the names of source tokens, which stand on end, where the panel has no room for more."""


class TranslationList(Widget):
    """A paragraph for each translation: rank, text and score; the chosen one is marked."""

    DEFAULT_CSS = """
    TranslationList { height: auto; width: 1fr; }
    """

    translations: reactive[tuple[Translation, ...]] = reactive((), layout=True)
    chosen: reactive[int] = reactive(0)
    empty_text: reactive[str] = reactive("", layout=True)
    """Shown while there are none."""

    def render(self) -> Content:
        if not self.translations:
            return Content.styled(one_line(self.empty_text), "$foreground 60%")
        return Content("\n").join([self._paragraph(n, best) for n, best in enumerate(self.translations)])

    def _paragraph(self, index: int, best: Translation) -> Content:
        chosen = index == self.chosen
        return Content.assemble(
            ("▸" if chosen else " ", "bold $primary"),
            (f"{index + 1} ", "$foreground 60%"),
            (one_line(best.text) or "(nothing)", "bold $primary" if chosen else "$foreground"),
            (f"  {best.score:.2f}", "$foreground 60%"),
        )


class AlignmentMap(Widget):
    """A row for each target token, a column for each source token; the darker, the more it has been read."""

    DEFAULT_CSS = """
    AlignmentMap { height: auto; width: 1fr; text-wrap: nowrap; color: $foreground 85%; }
    """

    translation: reactive[Translation | None] = reactive(None, layout=True)

    def render(self) -> Content:
        best = self.translation
        if best is None or not best.source or not best.target:
            return Content.styled("What each word reads is shown here.", "$foreground 60%")
        room = self.parent.size.height if isinstance(self.parent, Widget) else 0
        header = min(MAX_LABEL, max(MIN_HEADER, room - len(best.target)))
        alignment = Alignment(best.source, best.target, best.alignment)
        return Content("\n".join(picture(alignment, max(20, self.size.width), max_header=header)))
