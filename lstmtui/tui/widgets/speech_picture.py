"""What a recogniser reads and what it finds in it, by time: a log-mel picture, and the posteriors aligned below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual.color import Color
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from lstmtui.reports.alignment import shade
from lstmtui.tui.widgets.posterior_map import count_rows, picture

MIN_POSTERIOR_ROWS, OTHER_ROWS = 4, 3
"""Rows of the posteriors at least, and those that are no labels: words, blank and seconds."""
MIN_SHARE = 0.4
"""Of the rows that the log-mel picture has at least."""
MIN_MARGIN = 5
MIN_CONTRAST = 60
"""Of 255, between the least and the most of a picture: silence is not drawn as speech."""
LEVELS = 24
"""Shades of a picture with colours."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A passage of a recording."""

    start: float = 0.0
    """In seconds from its beginning."""
    frames: bytes = b""
    """Log-mel frames (n, mel), a byte each."""
    posteriors: bytes = b""
    """The probability of each label at each step (T, V), a byte each; the steps begin with the frames."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How the bytes of passages are read; from `Transcriber.about`."""

    labels: tuple[str, ...] = ("",)
    mel: int = 1
    step_seconds: float = 0.03
    frame_seconds: float = 0.01


class SpeechPicture(Widget):
    """The loudness of each frequency by time, low ones at the bottom; below, what is heard and how probable it is."""

    DEFAULT_CSS = """
    SpeechPicture { height: 1fr; width: 1fr; text-wrap: nowrap; color: $foreground; }
    """

    heard: reactive[Heard] = reactive(Heard())
    scale: reactive[Scale] = reactive(Scale())
    empty_text: reactive[str] = reactive("")
    """Shown while there is no passage."""

    def render(self) -> Content:
        return Content("\n").join(self._draw(*self.size))

    def _draw(self, width: int, height: int) -> list[Content]:
        import numpy as np

        heard, scale = self.heard, self.scale
        frames = _matrix(heard.frames, scale.mel)
        if not len(frames) or width < 1 or height < 1:
            return [Content.styled(f" {self.empty_text}", "$foreground 60%")]
        values = _matrix(heard.posteriors, len(scale.labels)).astype(np.float32) / 255
        seconds = max(len(frames) * scale.frame_seconds, len(values) * scale.step_seconds)
        steps = max(1, round(seconds / scale.step_seconds))
        values = np.concatenate([values, np.zeros((max(0, steps - len(values)), values.shape[1]), np.float32)])[:steps]
        _, labels = count_rows(values, height)
        mel_rows = max(int(MIN_SHARE * height), height - labels - OTHER_ROWS)  # labels leave some rows free
        mel_rows = max(0, min(-(-scale.mel // 2), height - MIN_POSTERIOR_ROWS, mel_rows))
        rows = picture(
            values, scale.labels, width, height - mel_rows, step_seconds=seconds / steps, margin=MIN_MARGIN,
            start=heard.start,
        )  # fmt: skip
        margin = len(rows[0][0][0])
        drawn = self._log_mel(frames, margin, max(1, width - margin), mel_rows)
        return [*drawn, *(Content.assemble(*row) for row in rows)]

    def _log_mel(self, frames: Any, margin: int, cols: int, rows: int) -> list[Content]:
        """Return the picture of frames (n, mel): two bands of frequencies in each row where there are colours."""
        if rows < 1:
            return []
        coloured = getattr(self.app, "charset", "braille") != "ascii" and not (
            self.app.no_color or self.app.current_theme.ansi
        )
        cells = contrast(pooled(frames, cols, rows * (2 if coloured else 1)))
        labels = ["high", *[""] * (rows - 2), "low"] if rows > 1 else ["mel"]
        found = []
        for row, label in enumerate(labels):
            left = Content.styled(f"{label:>{margin - 1}} ", "$foreground 60%")
            if coloured:
                pairs = zip(cells[:, -1 - 2 * row].tolist(), cells[:, -2 - 2 * row].tolist(), strict=True)
                picture_ = self._half_blocks(list(pairs))
            else:
                picture_ = Content("".join(shade(value) for value in cells[:, -1 - row].tolist()))
            found.append(Content.assemble(left, picture_))
        return found

    def _half_blocks(self, pairs: list[tuple[float, float]]) -> Content:
        """Return a cell for each (upper, lower)."""
        colours = self._ramp()
        parts: list[Content] = []
        start = 0
        for n in range(1, len(pairs) + 1):  # neighbours of the same colours share a style
            if n == len(pairs) or pairs[n] != pairs[start]:
                upper, lower = (colours[min(LEVELS - 1, int(value * LEVELS))] for value in pairs[start])
                style = Style(foreground=upper, background=lower)
                parts.append(Content.styled("▀" * (n - start), style))
                start = n
        return Content("").join(parts)

    def _ramp(self) -> list[Color]:
        """Return the colours of a picture, from the background of the panel to the brightest."""
        variables = self.app.theme_variables
        ground = self.background_colors[1]
        middle, top = (Color.parse(variables[name]) for name in ("primary", "warning"))
        half = LEVELS // 2
        return [ground.blend(middle, n / half) for n in range(half)] + [
            middle.blend(top, n / (LEVELS - half - 1)) for n in range(LEVELS - half)
        ]


def pooled(frames: Any, cols: int, bands: int) -> Any:
    """Return the means (cols, bands) of equal parts of log-mel frames (n, mel)."""
    import numpy as np

    for axis, size in ((0, cols), (1, bands)):
        n = frames.shape[axis]
        edges = np.arange(size) * n // size
        counts = np.maximum(1, np.diff([*edges, n]))
        frames = np.add.reduceat(frames.astype(np.float32), edges, axis=axis)
        frames /= counts[:, None] if axis == 0 else counts
    return frames


def contrast(values: Any) -> Any:
    """Return values from 0 to 1: the quietest tenth is 0, unless all is nearly the same."""
    import numpy as np

    low, high = np.quantile(values, 0.1), np.quantile(values, 0.995)
    return ((values - low) / max(high - low, MIN_CONTRAST)).clip(0, 1)


def _matrix(data: bytes, width: int) -> Any:
    """Return bytes as (n, width); what does not fill the last row is left out."""
    import numpy as np

    width = max(1, width)
    return np.frombuffer(data[: len(data) - len(data) % width], np.uint8).reshape(-1, width)
