"""What each target token of a pair has read of its source, while a model trains: a heat map."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.reports.alignment import Alignment, name, picture, tokens_read
from lstmtui.runs.snapshot import AttentionProbe
from lstmtui.tui import wording

MAX_LABEL, MIN_LABEL = 14, 4
"""Columns of the name of a target token."""
MAX_HEADER, MIN_HEADER = 8, 3
"""Rows of the names of source tokens, which stand on end."""
MAX_CELL = 3
"""Columns of a weight."""
WAITING = "No attention yet: it follows\nwith the first evaluation."


class AttentionMap(Widget):
    """A row for each target token, a column for each source token; the darker, the more it is read."""

    DEFAULT_CSS = """
    AttentionMap { height: auto; width: 1fr; text-wrap: nowrap; color: $foreground 85%; }
    """

    probes: reactive[tuple[AttentionProbe, ...]] = reactive((), always_update=True, layout=True)
    """Oldest first."""
    at: reactive[int | None] = reactive(None, layout=True)
    """The step whose probe is shown, or the newest before it; None for the newest of all."""

    def shown(self) -> AttentionProbe | None:
        """Return the probe on the screen."""
        return probe_at(self.probes, self.at)

    def title(self) -> str:
        """Return what is shown."""
        probe = self.shown()
        return "Attention" + (f" at step {wording.count(probe.step)}" if probe is not None else "")

    def legend(self) -> Content:
        """Return how sharp the attention is, and the meaning of the cells."""
        probe = self.shown()
        if probe is None:
            return Content("target by source")
        mean = f"a token reads {tokens_read(probe.weights.tolist()):.1f} of {len(probe.source)}"
        return Content(mean if self.size.width < 44 else f"{mean}  {probe.part} pair")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        probe = self.shown()
        return 2 if probe is None else len(lines(probe, width, container.height))

    def render(self) -> Content:
        probe = self.shown()
        if probe is None:
            return Content.styled(WAITING, "$foreground 60%")
        height = self.parent.size.height if isinstance(self.parent, Widget) else self.size.height
        return Content("\n".join(lines(probe, self.size.width, height)))


def probe_at(probes: Sequence[AttentionProbe], step: int | None) -> AttentionProbe | None:
    """Return the newest probe up to a step, or the first of all; None where there are none."""
    until = [probe for probe in probes if step is None or probe.step <= step] or probes[:1]
    return until[-1] if until else None


def lines(probe: AttentionProbe, width: int, height: int) -> list[str]:
    """Return the map in lines, with names as long as the panel has room for."""
    sources, targets = len(probe.source), len(probe.target)
    label = min(MAX_LABEL, max(len(name(token)) for token in probe.target))
    cell = max((n for n in range(2, MAX_CELL + 1) if label + 1 + n * sources <= width), default=1)
    label = min(label, max(MIN_LABEL, width - 1 - cell * sources))
    header = min(MAX_HEADER, height - targets)
    header = header if header >= MIN_HEADER else 1  # of two letters, the second says that there are more
    alignment = Alignment(probe.source, probe.target, probe.weights.tolist())
    return picture(alignment, width, max_header=header, max_label=label, cell=cell)
