"""The one-line widgets that frame a screen: title, progress and events."""

from __future__ import annotations

import time
from typing import Any

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import event_words, wording


class TitleBar(Widget):
    """The program, a title, a remark, and a state on the right."""

    DEFAULT_CSS = """
    TitleBar {
        height: 1;
        width: 1fr;
        background: $panel;
        color: $foreground;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    title: reactive[str] = reactive("")
    remark: reactive[str] = reactive("")
    state: reactive[str] = reactive("")
    """The state of a run, drawn with its glyph; empty for none."""

    def render(self) -> Content:
        width = self.size.width
        right = f"{wording.GLYPHS.get(self.state, '·')} {one_line(self.state, 12)} " if self.state else ""
        if width < len(right) + 12:
            right = f"{wording.GLYPHS.get(self.state, '·')} " if self.state else ""
        name = " lstmtui " if width >= 60 else ""
        left = Content.assemble(
            (name, "bold $background on $primary"),
            (f" {one_line(self.title)} ", "bold"),
            (f" {one_line(self.remark)}", "$foreground 60%"),
        ).truncate(max(0, width - len(right)), ellipsis=True, pad=True)
        return Content.assemble(left, (right, f"bold ${wording.state_colour(self.state)}"))


class ProgressLine(Widget):
    """The progress of a run, and the time left."""

    DEFAULT_CSS = """
    ProgressLine {
        height: 1;
        width: 1fr;
        padding: 0 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    snapshot: reactive[RunSnapshot | None] = reactive(None, always_update=True)
    """The run; frozen."""

    def render(self) -> Content:
        run = self.snapshot
        if run is None:
            return Content("")
        width, share = self.size.width, wording.progress(run)
        left = f"step {wording.count(run.step)}"
        if run.steps:
            left = f"{left}/{wording.count(run.steps)} {100 * share:3.0f}%"
        elif run.state in ("preparing", "compiling") and isinstance(
            done := run.status.get(f"{run.state}_done"), float | int
        ):
            share = float(done)
            kernels, stage = wording.kernels(run), one_line(str(run.status.get(run.state, run.state)), 24)
            left = f"{kernels[0]}/{kernels[1]} kernels" if kernels else f"{stage} {100 * share:3.0f}%"
        right = self._time_left(run) if width >= 44 else ""
        room = width - len(left) - len(right) - 2
        if room < 4:
            return Content(left)
        half = round(2 * room * min(1.0, max(0.0, share)))
        bar = "━" * (half // 2) + ("╸" if half % 2 else "")
        return Content.assemble(
            (left, "bold"),
            " ",
            (bar, f"${wording.state_colour(run.state)}"),
            ("─" * (room - len(bar)), "$foreground 20%"),
            " ",
            (right, "$foreground 75%"),
        )

    def _time_left(self, run: RunSnapshot) -> str:
        if run.state in ("training", "evaluating") and run.seconds_left is not None:
            speed = wording.speed(run) if self.size.width >= 70 else 0.0
            rate = f"{wording.short(speed)} {wording.unit(run)}s/s · " if speed else ""
            return f"{rate}{format_duration(run.seconds_left)} left"
        if run.ended and isinstance(run.status.get("heartbeat"), int | float):
            return f"{wording.last_heartbeat(run)} ago"
        return ""


class EventLine(Widget):
    """The last events of a run, the newest at the top."""

    DEFAULT_CSS = """
    EventLine {
        height: 1;
        width: 1fr;
        padding: 0 1;
        color: $foreground 75%;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    events: reactive[tuple[dict[str, Any], ...]] = reactive(())
    """As events.jsonl has them, oldest first."""
    waiting: reactive[str] = reactive("")
    """The unanswered requests; shown above the events."""

    def render(self) -> Content:
        newest = list(reversed(self.events[-max(1, self.size.height) :]))
        if not newest and not self.waiting:
            return Content.styled("no events yet", "$foreground 60%")
        width = max(1, self.size.width)
        lines = [Content.styled(self.waiting, "bold $warning")] if self.waiting else []
        lines += [
            Content.assemble(
                (_clock(event), "$foreground 60%"), f"  {one_line(event_words.describe(event), max(1, width - 10))}"
            )
            for event in newest
        ]
        return Content("\n").join(lines)


def _clock(event: dict[str, Any]) -> str:
    at = event.get("at")
    try:
        return time.strftime("%H:%M:%S", time.localtime(float(at))) if isinstance(at, int | float) else "--:--:--"
    except (OverflowError, ValueError, OSError):
        return "--:--:--"
