"""The one-line widgets that frame a screen: title, progress, and the last thing that happened."""

from __future__ import annotations

import time
from typing import Any

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording


class TitleBar(Widget):
    """Where one is: the program, a title, a remark, and a state on the right."""

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
    """A run's state, drawn with its glyph; empty for none."""

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
        return Content.assemble(left, (right, f"bold ${wording.tone(self.state)}"))


class ProgressLine(Widget):
    """How far a run has come, and how long it will still take."""

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
    """What to tell; frozen."""

    def render(self) -> Content:
        seen = self.snapshot
        if seen is None:
            return Content("")
        width, share = self.size.width, wording.progress(seen)
        left = f"step {wording.count(seen.step)}"
        if seen.steps:
            left = f"{left}/{wording.count(seen.steps)} {100 * share:3.0f}%"
        elif seen.state in ("preparing", "compiling") and isinstance(
            done := seen.status.get(f"{seen.state}_done"), float | int
        ):
            share = float(done)
            found, what = wording.kernels(seen), one_line(str(seen.status.get(seen.state, seen.state)), 24)
            left = f"{found[0]}/{found[1]} kernels" if found else f"{what} {100 * share:3.0f}%"
        right = self._left(seen) if width >= 44 else ""
        room = width - len(left) - len(right) - 2
        if room < 4:
            return Content(left)
        half = round(2 * room * min(1.0, max(0.0, share)))
        bar = "━" * (half // 2) + ("╸" if half % 2 else "")
        return Content.assemble(
            (left, "bold"),
            " ",
            (bar, f"${wording.tone(seen.state)}"),
            ("─" * (room - len(bar)), "$foreground 20%"),
            " ",
            (right, "$foreground 75%"),
        )

    def _left(self, seen: RunSnapshot) -> str:
        if seen.state in ("training", "evaluating") and seen.seconds_left is not None:
            speed = wording.speed(seen) if self.size.width >= 70 else 0.0
            pace = f"{wording.short(speed)} {wording.unit(seen)}s/s · " if speed else ""
            return f"{pace}{format_duration(seen.seconds_left)} left"
        if seen.ended and isinstance(seen.status.get("heartbeat"), int | float):
            return f"{wording.last_seen(seen)} ago"
        return ""


class EventLine(Widget):
    """The last things that happened, the newest at the top."""

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
    """What was asked and is not answered yet; said above all else."""

    def render(self) -> Content:
        newest = list(reversed(self.events[-max(1, self.size.height) :]))
        if not newest and not self.waiting:
            return Content.styled("nothing has happened yet", "$foreground 40%")
        width = max(1, self.size.width)
        lines = [Content.styled(self.waiting, "bold $warning")] if self.waiting else []
        lines += [
            Content.assemble(
                (_clock(event), "$foreground 50%"), f"  {one_line(wording.told(event), max(1, width - 10))}"
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
