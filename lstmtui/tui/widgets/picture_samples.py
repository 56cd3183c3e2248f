"""What a model of captions says of some pictures while it trains, beside what is said of them."""

from __future__ import annotations

import textwrap
from typing import Any, NamedTuple

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.common.terminal_text import one_line
from lstmtui.tui.widgets.picture_view import picture_lines

GAP = 2
"""Columns between pictures."""
MIN_COLUMNS = 12
"""Columns of a picture at least, where there are fewer pictures in a row instead."""
MIN_ROWS = 4
"""Rows of a picture at least, where all of them are to be seen at once."""
MAX_TEXT = 3
"""Lines of a caption, and of a reference."""
SHARE = 0.62
"""Of the rows that pictures have at most; the rest is text."""


class CaptionSample(NamedTuple):
    """A picture by its name, and what is said of it."""

    picture: str
    caption: str
    reference: str


def caption_samples(text: str) -> tuple[CaptionSample, ...]:
    """Return the samples of a run of captions; nothing for another text."""
    found = []
    for block in text.split("\n\n"):
        lines = [line.partition(" ") for line in block.splitlines()]
        said = {name: rest.strip() for name, _, rest in lines}
        if {"picture", "caption", "reference"} <= set(said):
            found.append(CaptionSample(said["picture"], said["caption"], said["reference"]))
    return tuple(found)


class PictureSamples(Widget):
    """Pictures side by side, below each its caption and, dimmer, what it is said to show."""

    DEFAULT_CSS = """
    PictureSamples { height: auto; width: 1fr; text-wrap: nowrap; color: $foreground; }
    """

    samples: reactive[tuple[CaptionSample, ...]] = reactive((), layout=True)
    pixels: reactive[Any] = reactive(None, always_update=True, layout=True)
    """(N, h, w, 3) of the pictures, in the order of the samples; None where they are unknown."""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width, container.height))

    def render(self) -> Content:
        height = self.parent.size.height if isinstance(self.parent, Widget) else self.size.height
        return Content("\n").join(self._lines(self.size.width, height))

    def _lines(self, width: int, height: int) -> list[Content]:
        count = len(self.samples)
        if not count or width < 1:
            return []
        across = max(1, min(count, (width + GAP) // (MIN_COLUMNS + GAP)))
        across = -(-count // -(-count // across))  # rows of as many
        columns = max(1, (width + GAP) // across - GAP)
        below = -(-count // across)
        rows = int(SHARE * height / below)
        if rows < MIN_ROWS:  # the panel scrolls to those of the next row
            rows = max(1, int(SHARE * height))
        found: list[Content] = []
        for at in range(0, count, across):
            if found:
                found.append(Content(""))
            blocks = [self._block(n, columns, rows) for n in range(at, min(at + across, count))]
            deepest = max(map(len, blocks))
            for line in range(deepest):
                *before, last = [block[line] if line < len(block) else Content("") for block in blocks]
                padded = [part.pad_right(max(0, columns + GAP - part.cell_length)) for part in before]
                found.append(Content("").join([*padded, last]))
        return found

    def _block(self, n: int, columns: int, rows: int) -> list[Content]:
        """Return a picture and its texts as lines."""
        sample = self.samples[n]
        drawn: list[Content] = []
        if self.pixels is not None and n < len(self.pixels):
            drawn = picture_lines(self.app, self.pixels[n], columns, rows)
        right = sample.caption == sample.reference
        said = _wrapped(("✓ " if right else "") + (sample.caption or "(nothing)"), columns)
        texts = [Content.styled(line, "bold $success" if right else "bold") for line in said]
        if not right:
            texts += [Content.styled(line, "$foreground 60%") for line in _wrapped(sample.reference, columns)]
        return [*drawn, *texts]


def _wrapped(text: str, columns: int) -> list[str]:
    return textwrap.wrap(one_line(text), columns, max_lines=MAX_TEXT, placeholder="…")
